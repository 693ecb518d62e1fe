"""Notices of the desktop."""

import re

import pytest

from chatcore import UsageError
from cli.terminal.notices import MOST_TEXT, Notices


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TERM": "xterm-kitty"}, "osc99"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "osc9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "osc777"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, "osc99"),
        ({"TERM": "screen", "STY": "1", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_the_kind_is_that_of_the_terminal(environment: dict[str, str], kind: str | None) -> None:
    assert Notices("auto", environment).kind == kind
    assert Notices("off", environment).kind is None
    assert Notices("osc777", environment).kind == "osc777"


@pytest.mark.parametrize(
    ("kind", "sequence"),
    [
        ("off", ""),
        ("osc9", "\x1b]9;bob in ops: look, now\x1b\\"),
        ("osc99", "\x1b]99;i=chat:d=0;bob in ops\x1b\\\x1b]99;i=chat:p=body;look, now\x1b\\"),
        ("osc777", "\x1b]777;notify;bob in ops;look, now\x1b\\"),
    ],
)
def test_each_kind_has_its_sequence(kind: str, sequence: str) -> None:
    assert Notices(kind, {}).sequence("bob in ops", "look;\n now") == sequence


def test_in_tmux_it_is_wrapped_for_the_terminal_around() -> None:
    assert Notices("osc9", {"TMUX": "/tmp/tmux"}).sequence("bob", "hi") == (
        "\x1bPtmux;\x1b\x1b]9;bob: hi\x1b\x1b\\\x1b\\"
    )


@pytest.mark.parametrize("kind", ["osc9", "osc99", "osc777"])
@pytest.mark.parametrize("environment", [{}, {"TMUX": "x"}])
def test_nothing_that_somebody_writes_ends_the_sequence(kind: str, environment: dict[str, str]) -> None:
    evil = "".join(map(chr, range(0xA0))) + "\u202e\x1b]0;owned\a\x9c" + "x" * 1_000
    sequence = Notices(kind, environment).sequence(evil, evil)
    harmless = Notices(kind, environment).sequence("a", "b")
    assert re.findall("[\x00-\x1f\x7f-\x9f]", sequence) == re.findall("[\x00-\x1f\x7f-\x9f]", harmless)
    assert sequence.count(";") == harmless.count(";")
    assert len(sequence) < 4 * MOST_TEXT


def test_an_unknown_wish_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="must be one of auto, off, osc9, osc99, osc777, not 'loud'"):
        Notices("loud", {})
