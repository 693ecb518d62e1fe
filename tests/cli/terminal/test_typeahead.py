"""What is typed before there is a prompt, while a server does not answer."""

import contextlib
import pty
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cli.terminal.typeahead import Typeahead
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal, wait_until_held, without_waits
from tests.cli.scripted import ScriptedServer, line, scripted_server
from tests.cli.terminal.test_commands import answered


class Slow:
    """A server that greets nobody until the test says so, and what was posted there."""

    def __init__(self) -> None:
        self.greets = threading.Event()
        self.posted: list[str] = []

    def welcome(self, frame: dict[str, Any]) -> bytes:
        assert self.greets.wait(20)
        return line(type="welcome", protocol=1, server="x", session="s", nick=frame["nick"], limits={})

    def post(self, frame: dict[str, Any]) -> bytes:
        self.posted.append(frame["text"])
        return answered(frame)

    def close(self) -> None:
        self.greets.set()


@contextlib.contextmanager
def waiting(slow: Slow, *options: str) -> Iterator[tuple[ScriptedServer, Pty]]:
    """Run a client until it says that it waits for a slow server."""
    answers = {"hello": slow.welcome, "post": slow.post}
    with (
        scripted_server(answers=answers) as server,
        contextlib.closing(slow),
        in_terminal(CHAT, "client", server.url, "--nick", "alice", *options) as terminal,
    ):
        terminal.wait(f"* connecting to {server.url} ...")
        yield server, terminal


def test_it_is_not_echoed_and_is_the_draft() -> None:
    slow = Slow()
    with waiting(slow) as (server, alice):
        alice.type_ahead(f"eaa\x7frly{ENTER}more", held=len("early\n"))
        slow.greets.set()
        alice.wait("alice@lobby> early")
        alice.wait_until(lambda: alice.line.endswith("| more"), "the second line")
        assert alice.everything[0] == f"* connecting to {server.url} ..."
        assert without_waits(alice.everything)[0].startswith("* connected to ")
        alice.type(f"{ENTER}{ENTER}")
        alice.wait("04 alice: early")
    assert slow.posted == ["early\nmore"]


def test_plain_lines_say_that_it_was_not_sent() -> None:
    slow = Slow()
    with waiting(slow, "--plain") as (_, alice):
        alice.type_ahead(f"early{ENTER}more", held=len("early\n"))
        slow.greets.set()
        alice.wait("* not sent, as there was no connection: early more")
        alice.type(f"now{ENTER}")
        alice.wait("alice: now")
    assert slow.posted == ["now"]


def test_a_signal_meanwhile_restores_the_terminal() -> None:
    with waiting(Slow()) as (_, alice):
        assert not alice.is_restored()
        alice.kill(signal.SIGTERM)
        assert alice.wait_exit() == 128 + signal.SIGTERM
        assert alice.is_restored()


def test_what_the_system_has_not_edited_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with open(ours, "wb", buffering=0) as keyboard, open(theirs) as stdin:
        *modes, local, in_speed, out_speed, controls = termios.tcgetattr(stdin)
        raw = [*modes, local & ~termios.ICANON, in_speed, out_speed, controls]
        termios.tcsetattr(stdin, termios.TCSANOW, raw)
        typed = "\x7feaa\x7frly\n\x7fm\u00f6\x7fore".encode()
        keyboard.write(typed)
        wait_until_held(theirs, len(typed))
        monkeypatch.setattr(sys, "stdin", stdin)
        with Typeahead() as typeahead:
            assert typeahead.take() == "early\nmore"
