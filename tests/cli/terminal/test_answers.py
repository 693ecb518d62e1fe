"""The client's own lines."""

import re
from datetime import UTC, datetime

import pytest

from chatcore import (
    RULES,
    ChatError,
    DisconnectedError,
    Gap,
    Joined,
    Message,
    ProtocolError,
    RefusedError,
    RoomEntry,
)
from cli.settings.keys import USUAL
from cli.terminal.answers import Answers
from cli.terminal.input import COMMANDS, Command
from cli.terminal.painter import Painter
from cli.terminal.rooms import Rooms
from tests.cli.terminal.drawn import styled, text_of


@pytest.fixture
def answers() -> Answers:
    return Answers(Painter(columns=lambda: 400, zone=UTC))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            RefusedError("nick_taken", "bob is in use"),
            "bob is in use (nick_taken); choose another with /nick NAME",
        ),
        (RefusedError("forbidden", "no"), "no (forbidden)"),
        (RefusedError("unavailable", "not now", retry_after=2.0), "not now (unavailable); try again in 2 s"),
    ],
)
def test_a_refusal_says_what_to_do(answers: Answers, error: RefusedError, line: str) -> None:
    assert text_of(answers.refused(error)) == f"* {line}\n"


def test_an_invalid_argument_says_what_is_valid(answers: Answers) -> None:
    assert text_of(answers.invalid(Command("nick", "é"))) == f"* {RULES['nick']}\n"
    assert text_of(answers.invalid(Command("join", "#ops"))) == f"* {RULES['room']}\n"
    assert "control characters" in text_of(answers.invalid(Command("say", "\x00")))
    assert text_of(answers.invalid(Command("quiet"))) == "* that is not possible\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DisconnectedError("drain"), "disconnected: the server is shutting down (drain)"),
        (DisconnectedError("lost"), "disconnected: the connection was lost"),
        (DisconnectedError("banned"), "disconnected: you are banned from this server"),
        (
            DisconnectedError("revoked"),
            "disconnected: your key is no longer valid; with a new link, run `chat join --replace`",
        ),
        (DisconnectedError("unknown"), "disconnected: the server gave an unknown reason (unknown)"),
        (ProtocolError("it said \x9b2J"), "disconnected: it said �2J"),
    ],
)
def test_the_end_of_a_connection_has_a_reason(answers: Answers, error: ChatError, line: str) -> None:
    assert text_of(answers.ended(error)) == f"* {line}\n"


def test_a_long_list_of_members_is_cut(answers: Answers) -> None:
    nicks = [f"n{number}" for number in range(1_600)]
    lines = text_of(answers.members("lobby", nicks))
    assert lines.startswith("* 1,600 in lobby: n0, n1, ")
    assert lines.endswith(" n499 and 1,100 more\n")


def test_the_users_own_text_is_given_back_unchanged(answers: Answers) -> None:
    assert text_of(answers.give_back("not sent:", "one\n  two")) == "* not sent:\none\n  two\n"


def test_help_lists_every_command_and_the_keys_of_a_prompt(answers: Answers) -> None:
    lines = text_of(answers.help())
    assert set(COMMANDS) <= set(re.findall(r"/\w+", lines))
    assert "Alt-Enter" in lines
    assert "Alt-Enter" not in text_of(Answers(Painter(), words=True).help())


def test_help_fits_a_screen() -> None:
    rows = text_of(Answers(Painter(columns=lambda: 80)).help()).splitlines()
    assert len(rows) < 24
    assert all(row.startswith(("* ", "  ")) for row in rows)


def test_help_says_what_a_command_does(answers: Answers) -> None:
    for name, form in COMMANDS.items():
        described = text_of(Answers(Painter(columns=lambda: 80)).help(name))
        assert described.startswith(f"* {name} ")
        assert described.endswith(f" {form.summary.format_map(USUAL)}\n")
        assert len(described.splitlines()) == 1
    assert text_of(answers.help("PART")) == text_of(answers.help("/leave"))
    assert text_of(answers.help("dance")) == "* there is no /dance; /help lists the commands\n"


def test_rooms_are_listed_with_their_unread_messages(answers: Answers) -> None:
    rooms = Rooms()
    assert text_of(answers.rooms(rooms)) == "* you are not in a room; join one with /join ROOM\n"
    for name in ("lobby", "ops", "dev"):
        rooms.enter(Joined(room=name, epoch="e", head=0, after=0, count=1))
    rooms.current = rooms.get("lobby")
    (_, ops, dev) = rooms
    ops.unread, dev.unread, dev.mentions, dev.count = 1, 1_200, 3, 12
    assert text_of(answers.rooms(rooms)) == (
        "* /1 lobby, you are here, 1 member\n  /2 ops, 1 member, 1 unread\n"
        "  /3 dev, 12 members, 1,200 unread, 3 mention you\n"
    )


def test_other_rooms_are_listed_with_their_last_message(answers: Answers) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    listed = [
        RoomEntry(room="attic", count=0, head=7, at=at),
        RoomEntry(room="dev", count=1, head=0),
        RoomEntry(room="staff", count=1_200, head=9, at=at, private=True),
    ]
    lines = text_of(answers.other_rooms(listed, "", more=False)).splitlines()
    assert lines == [
        "* other rooms:",
        "  attic, nobody is there, last message 2026-01-02 03:04",
        "  dev, 1 is there",
        "  staff, private, 1,200 are there, last message 2026-01-02 03:04",
    ]
    more = text_of(answers.other_rooms(listed, "", more=True)).splitlines()
    assert more == [*lines, "  and more; /rooms START lists those that begin with START"]


def test_no_other_rooms_are_a_line(answers: Answers) -> None:
    assert text_of(answers.other_rooms([], "", more=False)) == "* no other rooms\n"
    assert text_of(answers.other_rooms([], "st", more=False)) == "* no other room begins with st\n"


def test_rooms_of_ones_own_are_listed_by_their_start(answers: Answers) -> None:
    rooms = Rooms()
    for name in ("lobby", "ops"):
        rooms.enter(Joined(room=name, epoch="e", head=0, after=0, count=1))
    assert text_of(answers.rooms(rooms, "OP")) == "* /2 ops, 1 member\n"
    assert text_of(answers.rooms(rooms, "x")) == ""


def test_results_of_a_search_have_their_day_and_room(answers: Answers) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    hit = Message(room="ops", seq=1, prev=0, id="1", nick="bob", text="the build\nis red", at=at)
    gap = Gap(room="ops", after=1, through=3, reason="damaged")
    assert text_of(answers.results("found:", [(12, hit), (None, gap), (None, hit)], "end")).splitlines() == [
        "* found:",
        "#12 2026-01-02 03:04 [ops] bob: the build",
        "        is red",
        "* messages 2 to 3 are missing: the server can no longer read them (damaged)",
        "2026-01-02 03:04 [ops] bob: the build",
        "        is red",
        "* end",
    ]
    action = hit.model_copy(update={"kind": "action", "text": "builds"})
    shown = text_of(answers.results("found:", [(None, action)], "end"))
    assert shown.splitlines()[1] == "2026-01-02 03:04 [ops] * bob builds"


def test_what_was_searched_for_and_what_mentions_us_is_marked(answers: Answers) -> None:
    text = "ada, the disk is full\nDisk!"
    hit = Message(room="ops", seq=1, prev=0, id="1", nick="bob", text=text, at=datetime.now(UTC))
    drawn = answers.results("found:", [(1, hit)], "end", mentioned=lambda _: ("ada",), query="disk")
    assert styled(drawn, "underline") == ["disk", "Disk"]
    assert styled(drawn, "reverse") == ["ada"]
    drawn = answers.results("found:", [(1, hit)], "end", query="ada")
    assert (styled(drawn, "underline"), styled(drawn, "reverse")) == (["ada"], [])
