"""What is said of each event."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chatcore.client.session import Gap, Joined, Left, Message, NickFrame, Offline, Online
from chatcore.messages import Closing, Error, Presence, Renamed
from cli.terminal.attention import AWAY_SECONDS
from cli.terminal.conversation import NEWS_SECONDS, Conversation
from cli.terminal.painter import Painter
from cli.terminal.presence import FOLD_SECONDS
from cli.terminal.rooms import MOST_HELD
from tests.cli.terminal.drawn import styled, text_of


def joined(room: str = "lobby", *, epoch: str = "e", head: int = 0, after: int = 0, count: int = 1) -> Joined:
    return Joined(room=room, epoch=epoch, head=head, after=after, count=count)


def message(seq: int, room: str = "lobby", text: str = "", nick: str = "bob") -> Message:
    at = datetime.now(UTC)
    return Message(
        room=room, seq=seq, prev=seq - 1, id=str(seq), nick=nick, text=text or f"text {seq}", at=at
    )


class Controller(Conversation):
    """A conversation in the lobby, at a time of one's own. ``rung`` is how often the bell has rung."""

    def __init__(self, **options: bool) -> None:
        self.now = 0.0
        self.rung = 0
        painter = Painter(columns=lambda: 400, zone=UTC, words=options.get("words", False))
        super().__init__(painter, "alice", ring=self._rang, clock=lambda: self.now, **options)
        self.receive(joined())

    def _rang(self) -> None:
        self.rung += 1

    def name(self) -> str | None:
        return None if self.rooms.current is None else self.rooms.current.name

    def look_at(self, room: str) -> str:
        found = self.rooms.get(room)
        assert found is not None
        return text_of(self.go_to(found))


@pytest.fixture
def talk() -> Controller:
    return Controller()


def told(talk: Controller, event: Any) -> str:
    return text_of(talk.receive(event))


def status(talk: Controller) -> str:
    return text_of(talk.status([], 80)).rstrip("\n")


@pytest.mark.parametrize(
    ("count", "company"),
    [(1, "nobody else is"), (2, "1 other is"), (3, "2 others are"), (0, "nobody else is")],
)
def test_a_room_that_is_entered_tells_who_is_there(talk: Controller, count: int, company: str) -> None:
    talk.expect("OPS")
    assert told(talk, joined("ops", count=count)) == f"* you are in ops; {company} here\n"


def test_the_first_room_is_looked_at_and_so_is_one_that_was_asked_for(talk: Controller) -> None:
    assert told(talk, joined("ops")) == "* you are also in ops (/2 goes there); nobody else is there\n"
    assert talk.name() == "lobby"
    assert text_of(talk.prompt()) == "alice@lobby> "
    talk.expect("dev")
    talk.receive(joined("dev"))
    assert text_of(talk.prompt()) == "alice@dev> "


def test_paging_back_goes_on_where_it_stopped(talk: Controller) -> None:
    talk.expect("ops")
    talk.receive(joined("ops", head=9, after=7))
    room = talk.rooms.get("ops")
    assert room is not None
    assert room.oldest == 8
    lines = "".join(map(text_of, talk.earlier("ops", [message(5, "ops"), message(6, "ops")])))
    assert (
        lines.index("earlier") < lines.index("~bob: text 5") < lines.index("text 6") < lines.index("so far")
    )
    assert room.oldest == 5
    talk.receive(joined("ops", head=9, after=9))  # a reconnection changes nothing
    assert room.oldest == 5


def test_where_nothing_earlier_is_kept_it_says_so(talk: Controller) -> None:
    for pieces in (talk.earlier("lobby", []), talk.earlier("left", [message(1)])):
        assert "".join(map(text_of, pieces)) == "* nothing earlier is kept\n"


# --- other rooms ---------------------------------------------------------------------------------


def test_what_is_said_elsewhere_waits_and_is_counted(talk: Controller) -> None:
    talk.receive(joined("ops"))
    assert status(talk) == "[1:lobby]  2:ops"
    assert told(talk, message(1, "ops")) == told(talk, message(2, "ops")) == ""
    assert status(talk) == "[1:lobby]  2:ops 2"
    assert [line[5:] if line[2] == ":" else line for line in talk.look_at("ops").splitlines()] == [
        "* you are in ops; 2 new messages",
        "-- new messages --",
        " bob: text 1",
        " bob: text 2",
    ]
    assert status(talk) == "1:lobby  [2:ops]"
    assert talk.look_at("ops") == ""
    assert talk.look_at("lobby") == "* you are in lobby\n"


def test_what_was_said_elsewhere_before_one_came_is_not_unread(talk: Controller) -> None:
    talk.receive(joined("ops", head=1))
    talk.receive(message(1, "ops"))
    assert status(talk) == "[1:lobby]  2:ops"
    talk.receive(message(2, "ops", nick="ALICE"))  # of our own, from before we went
    assert status(talk) == "[1:lobby]  2:ops"
    lines = talk.look_at("ops").splitlines()
    assert [line[5:] for line in lines if line[2] == ":"] == ["~bob: text 1", " ALICE: text 2"]
    assert lines[2] == "* so far what was said before; from here on it is live"


def test_what_names_one_elsewhere_is_told_at_once(talk: Controller) -> None:
    talk.receive(joined("ops"))
    assert told(talk, message(1, "ops", "hey @Alice,\n come\u202e here")) == (
        "* bob mentions you in ops: hey @Alice, come� here (/2 goes there)\n"
    )
    assert status(talk) == "[1:lobby]  2:ops 1!"
    assert len(told(talk, message(2, "ops", "alice " * 2_000))) < 200
    assert told(talk, message(3, "ops", "malice, alice-2")) == ""
    assert status(talk) == "[1:lobby]  2:ops 3!"


def test_a_room_holds_no_more_than_so_much(talk: Controller) -> None:
    talk.receive(joined("ops"))
    for seq in range(1, 2_001):
        talk.receive(message(seq, "ops"))
    lines = talk.look_at("ops").splitlines()
    assert lines[:2] == [
        "* you are in ops; 2,000 new messages",
        "* 1,500 of them came before what is shown; /back shows more",
    ]
    assert len(lines) == MOST_HELD + 3
    room = talk.rooms.get("ops")
    assert room is not None
    assert room.oldest == 1_501


def test_where_there_is_no_status_row_lines_tell_of_other_rooms_now_and_then() -> None:
    talk = Controller(words=True)
    talk.receive(joined("ops"))
    assert told(talk, message(1, "ops")) == "* 1 new message in ops (/2 goes there)\n"
    assert told(talk, message(2, "ops")) == ""
    talk.now += NEWS_SECONDS
    assert told(talk, message(3, "ops")) == "* 3 new messages in ops (/2 goes there)\n"
    assert "* new messages\n" in talk.look_at("ops")


# --- attention -----------------------------------------------------------------------------------


def test_the_mark_stands_where_somebody_looked_away_and_does_not_move(talk: Controller) -> None:
    talk.attention.focus(True, talk.now)
    assert "new messages" not in told(talk, message(1))
    talk.attention.focus(False, talk.now)
    assert told(talk, message(2)).startswith("-- new messages --\n")
    talk.attention.key(talk.now)  # no key is pressed in a window that has no focus
    assert "new messages" not in told(talk, message(3))
    talk.attention.focus(True, talk.now)
    assert "new messages" not in told(talk, message(4))
    talk.attention.focus(False, talk.now)
    assert "new messages" not in told(talk, message(5, nick="alice"))  # one knows what one has said
    assert told(talk, message(6)).startswith("-- new messages --\n")


def test_where_the_focus_is_not_told_the_keys_tell(talk: Controller) -> None:
    assert "new messages" not in told(talk, message(1))
    talk.now += AWAY_SECONDS + 1
    assert told(talk, message(2)).startswith("-- new messages --\n")
    talk.attention.key(talk.now)
    assert "new messages" not in told(talk, message(3))


def test_the_bell_rings_once_in_a_while_and_not_for_what_is_looked_at(talk: Controller) -> None:
    talk.receive(message(1, text="alice!"))
    assert talk.rung == 1
    talk.receive(message(2, text="alice!!"))
    assert talk.rung == 1
    talk.now += 10
    talk.receive(message(3, nick="alice", text="alice"))
    talk.attention.focus(True, talk.now)
    talk.receive(message(4, text="alice!!!"))
    assert talk.rung == 1
    talk.receive(joined("ops"))
    talk.receive(message(1, "ops", "alice?"))
    assert talk.rung == 2


def test_a_mention_is_drawn_in_reverse_video(talk: Controller) -> None:
    drawn = talk.receive(message(1, text="well, @ALICE: alice.b is not you,\nalice"))
    assert styled(drawn, "reverse") == ["@ALICE", "alice"]
    assert styled(talk.receive(message(2, nick="alice", text="alice")), "reverse") == []


# --- who comes and who goes ----------------------------------------------------------------------


def after_a_while(talk: Controller) -> str:
    """Return what is told when it is time."""
    due = talk.next_deadline()
    if due is None:
        return ""
    talk.now = due
    return text_of(talk.handle_deadline())


def test_who_came_and_went_is_one_line(talk: Controller) -> None:
    event = Presence(
        room="lobby",
        joined=("bob", "carol", "Alice"),
        left=("dave",),
        renamed=(Renamed(old="eve", new="eva"), Renamed(old="me", new="alice")),
        count=4,
    )
    assert told(talk, event) == text_of(talk.handle_deadline()) == ""
    assert talk.next_deadline() == FOLD_SECONDS
    assert after_a_while(talk) == "* bob and carol joined, dave left, eve is now eva (4 here)\n"
    assert talk.next_deadline() is None


def test_somebody_who_speaks_is_told_of_before(talk: Controller) -> None:
    talk.receive(Presence(room="lobby", joined=("bob", "carol"), count=3))
    assert "joined" not in told(talk, message(1, nick="dave"))
    assert told(talk, message(2)).startswith("* bob and carol joined (3 here)\n")


def test_nothing_is_told_of_those_who_come_and_go_if_that_is_wanted() -> None:
    talk = Controller(quiet=True)
    talk.receive(Presence(room="lobby", joined=("bob",), count=2))
    assert talk.next_deadline() is None
    assert [candidate.text for candidate in talk.completions("b")] == ["bob: "]


def test_who_came_elsewhere_is_told_when_one_goes_there(talk: Controller) -> None:
    talk.receive(joined("ops"))
    talk.receive(Presence(room="ops", joined=("bob",), count=2))
    assert talk.next_deadline() is None
    assert talk.look_at("ops") == "* you are in ops\n* bob joined (2 here)\n"


def test_nothing_is_told_of_ourselves(talk: Controller) -> None:
    talk.receive(Presence(room="lobby", joined=("alice",), count=1))
    assert after_a_while(talk) == ""


def test_many_names_are_a_few_and_a_number(talk: Controller) -> None:
    names = tuple(f"n{number}" for number in range(20))
    renamed = tuple(Renamed(old=name, new=f"{name}x") for name in names)
    talk.receive(Presence(room="lobby", left=names, renamed=renamed, count=1))
    lines = after_a_while(talk)
    assert lines.startswith("* n0, n1, n2, n3, n4, n5, n6, n7 and 12 more left, n0 is now n0x, ")
    assert lines.endswith(", others came, went or changed their names (1 here)\n")


# --- replay, gaps and connections ----------------------------------------------------------------


def test_the_end_of_the_replay_is_told_once(talk: Controller) -> None:
    talk.expect("ops")
    talk.receive(joined("ops", head=2))
    lines = [told(talk, message(seq, "ops"))[5:] for seq in (1, 2, 3)]
    assert lines == [
        "~bob: text 1\n",
        "~bob: text 2\n* so far what was said before; from here on it is live\n",
        " bob: text 3\n",
    ]


def test_catching_up_after_long_shows_how_far_it_is(talk: Controller) -> None:
    talk.receive(Offline("lost", 1.0))
    assert status(talk) == "offline, trying again"
    talk.receive(Online())
    assert told(talk, joined(head=5_000)) == "* up to 5,000 messages came meanwhile\n"
    for seq in range(1, 1_001):
        talk.receive(message(seq))
    assert status(talk) == "catching up with lobby: 1,000 of 5,000"
    talk.receive(Gap(room="lobby", after=1_000, through=5_000, reason="expired"))
    assert status(talk) == ""


def test_where_there_is_no_status_row_lines_show_how_far_it_is() -> None:
    talk = Controller(words=True)
    talk.receive(joined(head=1_000))
    lines = ""
    for seq in range(1, 1_001):
        talk.now += 0.05
        lines += told(talk, message(seq))
    shown = [line for line in lines.splitlines() if line.startswith("* catching up")]
    assert shown[0] == "* catching up with lobby: 1 of 1,000"
    assert len(shown) == 10


def test_long_work_shows_how_far_it_is(talk: Controller) -> None:
    assert text_of(talk.progress("paging back: 200 of 1,000")) == ""
    assert status(talk) == "paging back: 200 of 1,000"
    in_lines = Controller(words=True)
    assert text_of(in_lines.progress("paging back: 200 of 1,000")) == "* paging back: 200 of 1,000\n"
    assert text_of(in_lines.progress("paging back: 400 of 1,000")) == ""


def test_what_was_missed_elsewhere_is_unread(talk: Controller) -> None:
    talk.receive(joined("ops", head=1))
    talk.receive(message(1, "ops"))
    talk.receive(joined("ops", head=3, after=1))
    for seq in (2, 3, 4):
        talk.receive(message(seq, "ops"))
    assert status(talk) == "[1:lobby]  2:ops 3"


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
    talk: Controller, after: int, through: int, reason: Any, line: str
) -> None:
    assert told(talk, Gap(room="lobby", after=after, through=through, reason=reason)) == f"* {line}\n"


def test_a_gap_may_end_the_replay(talk: Controller) -> None:
    talk.expect("ops")
    talk.receive(joined("ops", head=2))
    assert "from here on it is live" in told(talk, Gap(room="ops", after=0, through=2, reason="expired"))


def test_a_room_whose_record_was_replaced_says_so(talk: Controller) -> None:
    assert told(talk, joined(epoch="f")) == "* the record of lobby is another one from here on\n"


def test_a_connection_that_is_made_again_is_told_and_its_rooms_are_not(talk: Controller) -> None:
    line = "disconnected: the server is shutting down (drain); trying to come back"
    assert told(talk, Offline("drain", 2.2)) == f"* {line}\n"
    assert told(talk, Offline("lost", 2.2)) == ""  # a try that failed is no news
    assert "somebody else" in told(talk, Offline("nick_taken", 2.2))
    assert told(talk, Online()) == "* connected again\n"
    assert told(talk, joined()) == ""


def test_a_new_nick_is_told_and_stands_in_the_prompt(talk: Controller) -> None:
    assert told(talk, NickFrame(nick="Al")) == "* you are now Al\n"
    assert text_of(talk.prompt()) == "Al@lobby> "


def test_leaving_a_room_goes_back_to_another(talk: Controller) -> None:
    talk.expect("ops")
    talk.receive(joined("ops"))
    assert told(talk, Left(room="ops")) == "* you have left ops\n* you are in lobby\n"
    assert told(talk, Left(room="ops")) == ""
    talk.receive(joined("dev"))
    assert status(talk) == "[1:lobby]  2:dev"
    assert told(talk, Left(room="dev")) == "* you have left dev\n"
    assert told(talk, Left(room="lobby")) == "* you have left lobby\n* you are in no room now\n"
    assert text_of(talk.prompt()) == "alice> "
    assert told(talk, message(1)) == told(talk, Presence(room="lobby", joined=("eve",), count=1)) == ""


def test_what_was_read_is_known(talk: Controller) -> None:
    talk.receive(message(1))
    assert talk.has_read("Lobby", 1)
    assert not talk.has_read("lobby", 2)
    assert talk.has_read("elsewhere", 2)


def test_an_error_that_nobody_asked_for_is_told(talk: Controller) -> None:
    assert told(talk, Error(code="forbidden", message="no\x1b[2J")) == "* no␛[2J (forbidden)\n"


def test_a_closing_is_told_when_it_has_happened(talk: Controller) -> None:
    assert told(talk, Closing(reason="drain")) == ""


def test_what_was_shown_can_be_searched_and_nothing_else(talk: Controller) -> None:
    talk.receive(joined("ops"))
    talk.receive(message(1, text="the Build is red"))
    talk.receive(message(1, "ops", text="which build?"))
    assert [hit.room for hit in talk.seen.find("BUILD", 20)] == ["lobby"]
    talk.look_at("ops")
    assert [hit.room for hit in talk.seen.find("BUILD", 20)] == ["lobby", "ops"]
