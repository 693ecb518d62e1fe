"""What is said of each event."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chatcore.client import Gap, Joined, Left, Message, NickFrame, Offline, Online, Page
from chatcore.errors import ChatError, DisconnectedError, ProtocolError, RefusedError
from chatcore.messages import Closing, Error, Presence, Renamed
from cli.commands import JoinRoom, Rename, Say
from cli.conversation import Conversation
from cli.lines import Fragments, Painter


def text_of(fragments: Fragments) -> str:
    return "".join(text for _, text in fragments)


def joined(room: str = "lobby", *, epoch: str = "e", head: int = 0, count: int = 1) -> Joined:
    return Joined(room=room, epoch=epoch, head=head, after=0, count=count)


def message(seq: int, room: str = "lobby") -> Message:
    return Message(
        room=room, seq=seq, prev=seq - 1, id=str(seq), nick="bob", text=f"text {seq}", at=datetime.now(UTC)
    )


@pytest.fixture
def talk() -> Conversation:
    """A conversation in the lobby."""
    conversation = Conversation(Painter(columns=lambda: 400, zone=UTC), "alice")
    conversation.receive(joined())
    return conversation


def told(talk: Conversation, event: Any) -> str:
    return text_of(talk.receive(event))


@pytest.mark.parametrize(
    ("count", "company"),
    [(1, "nobody else is"), (2, "1 other is"), (3, "2 others are"), (0, "nobody else is")],
)
def test_a_room_that_is_entered_tells_who_is_there(talk: Conversation, count: int, company: str) -> None:
    assert told(talk, joined("ops", count=count)) == f"* you are in ops; {company} here\n"


def test_the_first_room_is_the_current_one(talk: Conversation) -> None:
    talk.receive(joined("ops"))
    assert talk.current == "lobby"
    assert text_of(talk.prompt()) == "alice@lobby> "
    talk.go_to("OPS")
    assert text_of(talk.prompt()) == "alice@ops> "


def page(*messages: Message, epoch: str = "e", room: str = "lobby") -> Page:
    return Page(room=room, epoch=epoch, base=0, more=False, messages=messages)


def test_paging_back_goes_on_where_it_stopped(talk: Conversation) -> None:
    talk.receive(joined("ops").model_copy(update={"head": 9, "after": 7}))
    assert talk.oldest("ops") == 8
    lines = text_of(talk.earlier(page(message(5, "ops"), message(6, "ops"), room="ops")))
    assert "bob: text 5\n" in lines
    assert lines.index("earlier") < lines.index("text 5") < lines.index("text 6") < lines.index("so far")
    assert talk.oldest("ops") == 5
    talk.receive(joined("ops").model_copy(update={"head": 9, "after": 9}))  # a reconnection changes nothing
    assert talk.oldest("ops") == 5


@pytest.mark.parametrize(
    "nothing", [page(), page(message(1), epoch="another"), page(message(1), room="left")]
)
def test_where_nothing_earlier_is_kept_it_says_so(talk: Conversation, nothing: Page) -> None:
    assert text_of(talk.earlier(nothing)) == "* nothing earlier is kept\n"


def test_who_came_and_went_is_one_line(talk: Conversation) -> None:
    event = Presence(
        room="lobby",
        joined=("bob", "carol", "Alice"),
        left=("dave",),
        renamed=(Renamed(old="eve", new="eva"), Renamed(old="me", new="alice")),
        count=4,
    )
    assert told(talk, event) == "* bob and carol joined, dave left, eve is now eva (4 here)\n"


def test_nothing_is_told_of_ourselves(talk: Conversation) -> None:
    assert told(talk, Presence(room="lobby", joined=("alice",), count=1)) == ""


def test_many_names_are_a_few_and_a_number(talk: Conversation) -> None:
    names = tuple(f"n{number}" for number in range(20))
    renamed = tuple(Renamed(old=name, new=f"{name}x") for name in names)
    lines = told(talk, Presence(room="lobby", left=names, renamed=renamed, count=1))
    assert lines.startswith("* n0, n1, n2, n3, n4, n5, n6, n7 and 12 more left, n0 is now n0x, ")
    assert lines.endswith(", others came, went or changed their names (1 here)\n")


def test_the_end_of_the_replay_is_told_once(talk: Conversation) -> None:
    talk.receive(joined("ops", head=2))
    lines = [told(talk, message(seq, "ops"))[6:] for seq in (1, 2, 3)]
    assert lines == [
        "[ops] bob: text 1\n",
        "[ops] bob: text 2\n* [ops] so far what was said before; from here on it is live\n",
        "[ops] bob: text 3\n",
    ]


@pytest.mark.parametrize(
    ("after", "through", "reason", "line"),
    [
        (
            11,
            40,
            "expired",
            "messages 12 to 40 are missing: the server does not keep them any longer (expired)",
        ),
        (11, 12, "unknown", "message 12 is missing: unknown (unknown)"),
        (0, 0, "reset", "nothing is missing, but the server's record has begun anew"),
    ],
)
def test_a_gap_says_what_is_missing_and_why(
    talk: Conversation, after: int, through: int, reason: Any, line: str
) -> None:
    assert told(talk, Gap(room="lobby", after=after, through=through, reason=reason)) == f"* {line}\n"


def test_a_gap_may_end_the_replay(talk: Conversation) -> None:
    talk.receive(joined("ops", head=2))
    assert "from here on it is live" in told(talk, Gap(room="ops", after=0, through=2, reason="expired"))


def test_a_room_whose_record_was_replaced_says_so(talk: Conversation) -> None:
    assert told(talk, joined(epoch="f")) == "* the record of lobby is another one from here on\n"


def test_a_connection_that_is_made_again_is_told_and_its_rooms_are_not(talk: Conversation) -> None:
    line = "disconnected: the server is shutting down (drain); trying to come back"
    assert told(talk, Offline("drain", 2.2)) == f"* {line}\n"
    assert told(talk, Offline("lost", 2.2)) == ""  # a try that failed is no news
    assert "somebody else" in told(talk, Offline("nick_taken", 2.2))
    assert told(talk, Online()) == "* connected again\n"
    assert told(talk, joined()) == ""


def test_a_new_nick_is_told_and_stands_in_the_prompt(talk: Conversation) -> None:
    assert told(talk, NickFrame(nick="Al")) == "* you are now Al\n"
    assert text_of(talk.prompt()) == "Al@lobby> "


def test_leaving_a_room_goes_back_to_another(talk: Conversation) -> None:
    talk.receive(joined("ops"))
    talk.go_to("ops")
    assert told(talk, Left(room="ops")) == "* you have left ops; you are in lobby\n"
    assert told(talk, Left(room="lobby")) == "* you have left lobby; you are in no room now\n"
    assert text_of(talk.prompt()) == "alice> "


def test_what_was_read_is_known(talk: Conversation) -> None:
    talk.receive(message(1))
    assert talk.has_read("Lobby", 1)
    assert not talk.has_read("lobby", 2)
    assert talk.has_read("elsewhere", 2)


def test_an_error_that_nobody_asked_for_is_told(talk: Conversation) -> None:
    assert told(talk, Error(code="forbidden", message="no\x1b[2J")) == "* no␛[2J (forbidden)\n"


def test_a_closing_is_told_when_it_has_happened(talk: Conversation) -> None:
    assert told(talk, Closing(reason="drain")) == ""


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
def test_a_refusal_says_what_to_do(talk: Conversation, error: RefusedError, line: str) -> None:
    assert text_of(talk.refused(error)) == f"* {line}\n"


def test_an_argument_that_cannot_be_says_what_can() -> None:
    talk = Conversation(Painter(columns=lambda: 400), "alice")
    assert "a name is 1 to 32 letters" in text_of(talk.not_allowed(Rename("é")))
    assert "a room's name is 1 to 64 letters" in text_of(talk.not_allowed(JoinRoom("#ops")))
    assert "control characters" in text_of(talk.not_allowed(Say("\x00")))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DisconnectedError("drain"), "disconnected: the server is shutting down (drain)"),
        (DisconnectedError("lost"), "disconnected: the connection was lost (lost)"),
        (
            DisconnectedError("unknown"),
            "disconnected: the server gave a reason that we do not know (unknown)",
        ),
        (ProtocolError("it said \x9b2J"), "disconnected: it said �2J"),
    ],
)
def test_an_end_says_why(talk: Conversation, error: ChatError, line: str) -> None:
    assert text_of(talk.ended(error)) == f"* {line}\n"


def test_a_long_list_of_members_is_cut(talk: Conversation) -> None:
    nicks = [f"n{number}" for number in range(600)]
    lines = text_of(talk.members("lobby", nicks))
    assert lines.startswith("* 600 in lobby: n0, n1, ")
    assert lines.endswith(" n499 and 100 more\n")


def test_a_text_of_ones_own_is_given_back_as_it_was(talk: Conversation) -> None:
    assert text_of(talk.kept("this was not sent:", "one\n  two")) == "* this was not sent:\none\n  two\n"
