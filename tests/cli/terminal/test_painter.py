"""How messages and notes look."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from cli.terminal.painter import MOST_LINES, Painter
from tests.cli.terminal.drawn import styled, text_of

TODAY = datetime.now(UTC).replace(hour=10, minute=24, second=59)


def painter(columns: int = 40, *, colour: bool = True) -> Painter:
    return Painter(colour=colour, columns=lambda: columns, zone=UTC)


def test_a_message_has_its_time_nick_and_text() -> None:
    assert text_of(painter().message(TODAY, "alice", "hello")) == "10:24 alice: hello\n"


def test_an_action_is_drawn_as_one() -> None:
    assert text_of(painter().message(TODAY, "alice", "nods\nand goes", kind="action")) == (
        "10:24 * alice nods\n        and goes\n"
    )


def test_a_notice_is_drawn_as_one() -> None:
    assert text_of(painter().message(TODAY, "bot", "done\nat last", kind="notice")) == (
        "10:24 bot (notice): done\n        at last\n"
    )


@pytest.mark.parametrize("kind", [None, "x.poll", "reaction"])
def test_other_kinds_are_drawn_as_their_text(kind: str | None) -> None:
    assert text_of(painter().message(TODAY, "alice", "/me nods", kind=kind)) == "10:24 alice: /me nods\n"


def test_words_replace_marks_and_styles() -> None:
    paint = Painter(colour=False, words=True, columns=lambda: 80, zone=UTC)
    drawn = paint.message(TODAY, "bob", "well, alice", replay=True, mentioned=["alice"])
    assert text_of(drawn) == "10:24 bob (replayed, mentions you): well, alice\n"
    assert text_of(paint.message(TODAY, "bob", "sees alice", kind="action", mentioned=["alice"])) == (
        "10:24 * bob (mentions you) sees alice\n"
    )
    assert text_of(
        paint.message(TODAY, "bob", "alice!", kind="notice", replay=True, mentioned=["alice"])
    ) == ("10:24 bob (notice, replayed, mentions you): alice!\n")
    assert text_of(paint.mark()) == "* new messages\n"


def test_a_mention_is_in_reverse_video_in_later_rows_too() -> None:
    drawn = painter(20).message(TODAY, "bob", "one two three alice four alice", mentioned=["alice"])
    assert styled(drawn, "reverse") == ["alice", "alice"]
    assert text_of(drawn) == "10:24 bob: one two\n        three alice\n        four alice\n"


def test_the_time_is_in_the_time_zone() -> None:
    zone = timezone(timedelta(hours=2))
    drawn = Painter(zone=zone).message(TODAY.replace(hour=3), "alice", "hello")
    assert text_of(drawn).endswith("05:24 alice: hello\n")


def test_lines_after_the_first_are_indented() -> None:
    drawn = text_of(painter().message(TODAY, "alice", "one\n10:25 bob: I resign\n\n\tfour"))
    assert drawn == "10:24 alice: one\n        10:25 bob: I resign\n        \n                four\n"


def test_a_long_line_is_broken_between_words_and_indented() -> None:
    drawn = text_of(painter(30).message(TODAY, "alice", "the quick brown fox jumps over the lazy dog"))
    assert drawn == "10:24 alice: the quick brown\n        fox jumps over the\n        lazy dog\n"


def test_a_very_long_text_is_cut() -> None:
    drawn = text_of(painter(80).message(TODAY, "al", "\n" * 20_000)).splitlines()
    assert len(drawn) == MOST_LINES + 1
    assert drawn[-1] == "        (19,501 more characters are not shown)"
    assert "characters are not shown" in text_of(painter(80).note("x" * 1_000_000))


def test_a_long_address_is_not_broken() -> None:
    address = "https://example.org/" + "path/" * 10
    drawn = text_of(painter(30).message(TODAY, "alice", f"see {address} for more"))
    assert drawn == f"10:24 alice: see\n        {address}\n        for more\n"


def test_text_without_spaces_is_broken_between_characters() -> None:
    drawn = text_of(painter(20).message(TODAY, "al", "漢" * 10 + "👩\u200d👧" * 2))
    assert drawn == "10:24 al: 漢漢漢漢漢\n        漢漢漢漢漢\n        👩\u200d👧👩\u200d👧\n"


def test_a_nick_wider_than_the_screen_is_broken_and_indented() -> None:
    assert text_of(painter(20).message(TODAY, "n" * 32, "hello")) == (
        f"10:24 {'n' * 14}\n        {'n' * 12}\n        {'n' * 6}:\n        hello\n"
    )
    assert text_of(painter(20).message(TODAY, "n" * 13, "hello")) == f"10:24 {'n' * 13}:\n        hello\n"


PIECES = [
    "a",
    "b ",
    "\t",
    "\n",
    "漢",
    "é",
    "👩\u200d",
    "\ufe0f",
    "\u0301",
    "\u3000",
    "\u00a0",
    "-" * 30,
    "10:21~bob:",
]
PIECES += [
    "10:21 * bob ",
    "10:21 bob (notice): ",
    "x" * 70,
    "://",
    "https://a.b/c",
    "?",
    "\U0001fabf",
    "\ue000",
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.sampled_from(["al", "n" * 32, "a.b-c_d"]),
    st.sampled_from([None, "action", "notice"]),
    st.integers(9, 60),
)
def test_no_row_of_a_message_starts_at_the_edge_or_is_wider_than_the_screen(
    text: str, nick: str, kind: str | None, columns: int
) -> None:
    drawn = text_of(painter(columns).message(TODAY, nick, text, kind=kind))
    first, *rows = drawn.removesuffix("\n").split("\n")
    assert first.startswith("10:24 ")
    indent = " " * min(8, columns // 2)
    assert all(row.startswith(indent) for row in rows)
    for row in (first, *rows):
        assert get_cwidth(row) <= columns or ("://" in row and "10:21~" not in row)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(24, 60), st.integers(9, 59))
def test_in_a_narrower_window_too_no_row_looks_like_the_message_of_another(
    text: str, columns: int, narrower: int
) -> None:
    drawn = text_of(painter(columns).message(TODAY, "al", text)).removesuffix("\n").split("\n")
    folded = [row[start:] for row in drawn for start in range(narrower, len(row), narrower)]
    assert not [row for row in folded if re.match(r"\d\d:\d\d[ ~](\* |[\w.-]+( \(.*\))?:)", row)]


@pytest.mark.parametrize("columns", range(1, 9))
def test_a_screen_of_a_few_columns_is_drawn_on(columns: int) -> None:
    assert text_of(painter(columns).message(TODAY, "al", "hello 漢 there")).count("\n") > 1
    assert text_of(painter(columns).note("hello there")).startswith("* ")


def test_a_link_in_brackets_is_not_broken_and_ends_with_its_last_character() -> None:
    link = "https://example.org/" + "path/" * 10
    drawn = text_of(painter(30).message(TODAY, "alice", f"(see:<{link}>and|that)"))
    assert drawn == f"10:24 alice: (see:<\n        {link}\n        >and|that)\n"
    short = "https://example.org/"
    drawn = text_of(painter(30).message(TODAY, "alice", f"{'x' * 15}<{short}>{'y' * 9}"))
    assert drawn == f"10:24 alice: {'x' * 15}<\n        {short}>y\n        {'y' * 8}\n"


@pytest.mark.parametrize(
    "text",
    [
        "-" * 32 + "10:21~bob: I have resigned",
        "bob:" + "x" * 60,
        "https://a.b/" + "x" * 30 + "10:21~bob-has-resigned",
        "javascript:alert('" + "x" * 40,
        "chat:" + "/" * 60,
    ],
)
def test_what_is_no_link_is_broken_at_the_edge(text: str) -> None:
    rows = text_of(painter(40).message(TODAY, "eve", text)).splitlines()
    assert len(rows) > 1
    assert all(len(row) <= 40 for row in rows)
    assert all(row.startswith("        ") for row in rows[1:])


def test_a_pasted_log_has_a_row_for_each_message() -> None:
    drawn = text_of(painter(80).message(TODAY, "eve", "look: 10:21 bob: no 10:22 * al nods --:-- x: y"))
    assert drawn == ("10:24 eve: look:\n        10:21 bob: no\n        10:22 * al nods\n        --:-- x: y\n")
    assert text_of(painter(80).message(TODAY, "eve", "at 10:21 we meet, or 10:30")).count("\n") == 1


def test_a_prompt_leaves_space_for_the_draft() -> None:
    prompt = text_of(painter(80).prompt("n" * 32, "r" * 64))
    assert prompt == f"{'n' * 32}@{'r' * 29}...> "
    assert len(text_of(painter(20).prompt("n" * 32, "r" * 64))) <= 24


def test_the_colour_of_a_nick_ignores_case() -> None:
    colours = {nick: painter().prompt(nick, "lobby")[0][0] for nick in ("alice", "ALICE", "bob")}
    assert colours["alice"] == colours["ALICE"] == "class:nick7" != colours["bob"]


def test_without_colours_nicks_are_bold_and_replay_has_a_mark() -> None:
    drawn = painter(colour=False).message(TODAY, "alice", "hello", replay=True)
    assert text_of(drawn) == "10:24~alice: hello\n"
    assert {style for style, _ in drawn} == {"", "bold"}


def test_a_replayed_message_is_grey_except_for_the_nick() -> None:
    live, replayed = (painter().message(TODAY, "alice", "hello", replay=replay) for replay in (False, True))
    assert text_of(live).replace(" alice", "~alice") == text_of(replayed)
    assert [style for style, _ in live] != [style for style, _ in replayed]


def test_another_day_is_shown_once() -> None:
    paint = painter()
    long_ago = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert text_of(paint.message(long_ago, "alice", "a")) == "* Friday, 2026-01-02\n03:04 alice: a\n"
    assert text_of(paint.message(long_ago, "alice", "b")) == "03:04 alice: b\n"


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_an_impossible_time_is_shown_as_dashes(at: datetime) -> None:
    east, west = (timezone(timedelta(hours=hours)) for hours in (14, -12))
    drawn = [text_of(Painter(zone=zone).message(at, "alice", "hello")) for zone in (east, west)]
    assert "--:-- alice: hello\n" in drawn


def test_a_note_is_sanitized_and_indented() -> None:
    assert text_of(painter(20).note("an error:\x1b[2J\n* and more")) == "* an error:␛[2J\n  * and more\n"
