"""What is answered to those who ask, or try."""

from datetime import UTC, datetime

import pytest

from chatcore.client.session import Joined, Message
from chatcore.errors import ChatError, DisconnectedError, ProtocolError, RefusedError
from cli.terminal.answers import Answers
from cli.terminal.input import COMMANDS, JoinRoom, Quiet, Rename, Say
from cli.terminal.painter import Painter
from cli.terminal.rooms import Rooms
from tests.cli.terminal.drawn import text_of


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


def test_an_argument_that_cannot_be_says_what_can(answers: Answers) -> None:
    assert "a name is 1 to 32 letters" in text_of(answers.not_allowed(Rename("é")))
    assert "a room's name is 1 to 64 letters" in text_of(answers.not_allowed(JoinRoom("#ops")))
    assert "control characters" in text_of(answers.not_allowed(Say("\x00")))
    assert text_of(answers.not_allowed(Quiet())) == "* that cannot be\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DisconnectedError("drain"), "disconnected: the server is shutting down (drain)"),
        (DisconnectedError("lost"), "disconnected: the connection was lost"),
        (
            DisconnectedError("unknown"),
            "disconnected: the server gave a reason that we do not know (unknown)",
        ),
        (ProtocolError("it said \x9b2J"), "disconnected: it said �2J"),
    ],
)
def test_an_end_says_why(answers: Answers, error: ChatError, line: str) -> None:
    assert text_of(answers.ended(error)) == f"* {line}\n"


def test_a_long_list_of_members_is_cut(answers: Answers) -> None:
    nicks = [f"n{number}" for number in range(1_600)]
    lines = text_of(answers.members("lobby", nicks))
    assert lines.startswith("* 1,600 in lobby: n0, n1, ")
    assert lines.endswith(" n499 and 1,100 more\n")


def test_a_text_of_ones_own_is_given_back_as_it_was(answers: Answers) -> None:
    assert text_of(answers.kept("this was not sent:", "one\n  two")) == "* this was not sent:\none\n  two\n"


def test_every_command_is_in_the_help_and_keys_only_where_there_are_some(answers: Answers) -> None:
    told = text_of(answers.help())
    assert all(f"  {name} " in told.replace("*", " ") for name in COMMANDS)
    assert "Alt-Enter" in told
    assert "Alt-Enter" not in text_of(Answers(Painter(), words=True).help())


def test_the_rooms_are_listed_with_what_is_unread_in_them(answers: Answers) -> None:
    rooms = Rooms()
    assert text_of(answers.rooms(rooms)) == "* you are in no room; enter one with /join ROOM\n"
    for name in ("lobby", "ops", "dev"):
        rooms.enter(Joined(room=name, epoch="e", head=0, after=0, count=1))
    rooms.current = rooms.get("lobby")
    (_, ops, dev) = rooms
    ops.unread, dev.unread, dev.mentions = 1, 1_200, 3
    assert text_of(answers.rooms(rooms)) == (
        "* /1 lobby, you are here\n  /2 ops, 1 unread\n  /3 dev, 1,200 unread, 3 of them mention you\n"
    )


def test_what_was_found_has_its_day_and_its_room(answers: Answers) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    hit = Message(room="ops", seq=1, prev=0, id="1", nick="bob", text="the build\nis red", at=at)
    assert text_of(answers.found("build", [hit])) == (
        "* the latest with build in it:\n2026-01-02 03:04 [ops] bob: the build\n        is red\n"
        "* so far what was found\n"
    )
    assert text_of(answers.found("x", [])) == "* nothing that was shown has x in it; /back shows more\n"
