"""What a person sees of each event."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chatcore import (
    Act,
    Closing,
    Error,
    Gap,
    Joined,
    Left,
    Message,
    Moderated,
    NickFrame,
    Offline,
    Online,
    Presence,
    Renamed,
)
from cli.terminal.attention import AWAY_SECONDS
from cli.terminal.conversation import Conversation
from cli.terminal.interests import Interests, describe_ignored
from cli.terminal.memory import Memory
from cli.terminal.news import NEWS_SECONDS
from cli.terminal.painter import Painter
from cli.terminal.presence import DIGEST_SECONDS
from cli.terminal.rooms import MOST_HELD, Entry, Older, Rest, end_of
from tests.cli.terminal.drawn import styled, text_of


def joined(room: str = "lobby", *, epoch: str = "e", head: int = 0, after: int = 0, count: int = 1) -> Joined:
    return Joined(room=room, epoch=epoch, head=head, after=after, count=count)


def message(
    seq: int, room: str = "lobby", text: str = "", nick: str = "bob", kind: str | None = None
) -> Message:
    said = {"nick": nick, "kind": kind, "text": text or f"text {seq}", "at": datetime.now(UTC)}
    return Message.model_validate({"room": room, "seq": seq, "prev": seq - 1, "id": str(seq), **said})


class Alice(Conversation):
    """Alice's conversation, in the lobby, with a clock of its own. ``rung`` is how often the bell rang.

    What somebody says as `Al` is hers too: it comes from another device.
    """

    def __init__(self, **options: Any) -> None:
        self.now = 0.0
        self.rung = 0
        self.notices: list[str] = []
        painter = Painter(columns=lambda: 400, zone=UTC, words=options.get("words", False))
        super().__init__(
            painter,
            "alice",
            self._is_hers,
            ring=self._rang,
            notify=self._notified,
            clock=lambda: self.now,
            **options,
        )
        self.receive(joined())

    def _is_hers(self, message: Message) -> bool:
        return message.nick.casefold() in (self.nick, "al")

    def _notified(self, title: str, text: str) -> None:
        self.notices.append(f"{title}: {text}")

    def _rang(self) -> None:
        self.rung += 1

    def current(self) -> str | None:
        return None if self.rooms.current is None else self.rooms.current.name

    def go_to_room(self, room: str) -> str:
        found = self.rooms.get(room)
        assert found is not None
        return text_of(self.go_to(found))


@pytest.fixture
def alice() -> Alice:
    return Alice()


def lines_of(alice: Alice, event: Any) -> str:
    return text_of(alice.receive(event))


def status(alice: Alice) -> str:
    return text_of(alice.status([], 80)).rstrip("\n")


@pytest.mark.parametrize(
    ("count", "company"),
    [(1, "nobody else is"), (2, "1 other is"), (3, "2 others are"), (0, "nobody else is")],
)
def test_joining_a_room_shows_how_many_others_are_there(alice: Alice, count: int, company: str) -> None:
    alice.expect("OPS")
    assert lines_of(alice, joined("ops", count=count)) == f"* you are in ops; {company} here\n"


def test_the_first_room_becomes_current_and_so_does_one_that_the_user_joins(alice: Alice) -> None:
    assert lines_of(alice, joined("ops")) == "* you are also in ops (/2); nobody else is there\n"
    assert alice.current() == "lobby"
    assert text_of(alice.prompt()) == "alice@lobby> "
    alice.expect("dev")
    alice.receive(joined("dev"))
    assert text_of(alice.prompt()) == "alice@dev> "


def test_paging_back_continues_where_it_stopped(alice: Alice) -> None:
    alice.expect("ops")
    alice.receive(joined("ops", head=9, after=7))
    room = alice.rooms.get("ops")
    assert room is not None
    assert room.oldest == 8
    gap = Gap(room="ops", after=5, through=6, reason="damaged")
    lines = shown_older(alice, "ops", message(5, "ops"), gap, message(7, "ops"))
    assert [line[5:] if line[2] == ":" else line for line in lines] == [
        "* older messages:",
        "~bob: text 5",
        "* message 6 is missing: the server can no longer read it (damaged)",
        "~bob: text 7",
        "* /back shows older messages",
    ]
    assert room.oldest == 5
    alice.receive(joined("ops", head=9, after=9))  # a reconnection changes nothing
    assert room.oldest == 5


def shown_older(alice: Alice, room: str, *entries: Entry, rest: Rest = Rest.MORE) -> list[str]:
    """Show older messages; return the lines."""
    oldest = end_of(entries[0]) if entries else 1
    return "".join(map(text_of, alice.older(room, Older(entries, oldest, rest)))).splitlines()


def test_the_end_of_older_messages_is_shown(alice: Alice) -> None:
    none, cut = "* there are no older messages", "* older messages are no longer kept"
    assert shown_older(alice, "lobby", rest=Rest.MORE) == [none]
    assert shown_older(alice, "left", message(1)) == [none]
    assert shown_older(alice, "lobby", rest=Rest.EXPIRED) == [cut]
    assert shown_older(alice, "lobby", message(1), rest=Rest.NONE)[-1] == none
    assert shown_older(alice, "lobby", message(1), rest=Rest.EXPIRED)[-1] == cut


def test_messages_that_do_not_reach_what_was_shown_say_how_to_continue(alice: Alice) -> None:
    last = message(2).model_copy(update={"at": datetime(2026, 11, 23, 14, 5, tzinfo=UTC)})
    lines = shown_older(alice, "lobby", message(1), last, rest=Rest.BETWEEN)
    assert lines[-1] == "* more follow before those shown earlier; /back 2026-11-23 14:05 continues"
    gap = Gap(room="lobby", after=0, through=1, reason="damaged")
    assert shown_older(alice, "lobby", gap, rest=Rest.BETWEEN)[-1] == (
        "* more follow before those shown earlier"
    )


# --- other rooms ---------------------------------------------------------------------------------


def test_messages_in_another_room_wait_and_are_counted(alice: Alice) -> None:
    alice.receive(joined("ops"))
    assert status(alice) == "[1:lobby]  2:ops"
    assert lines_of(alice, message(1, "ops")) == lines_of(alice, message(2, "ops")) == ""
    assert status(alice) == "[1:lobby]  2:ops 2"
    assert [line[5:] if line[2] == ":" else line for line in alice.go_to_room("ops").splitlines()] == [
        "* you are in ops; 2 new messages",
        "-- new messages --",
        " bob: text 1",
        " bob: text 2",
    ]
    assert status(alice) == "1:lobby  [2:ops]"
    assert alice.go_to_room("ops") == ""
    assert alice.go_to_room("lobby") == "* you are in lobby\n"


def test_replay_in_another_room_is_not_unread(alice: Alice) -> None:
    alice.receive(joined("ops", head=1))
    alice.receive(message(1, "ops"))
    assert status(alice) == "[1:lobby]  2:ops"
    alice.receive(message(2, "ops", nick="ALICE"))  # our own
    assert status(alice) == "[1:lobby]  2:ops"
    lines = alice.go_to_room("ops").splitlines()
    assert [line[5:] for line in lines if line[2] == ":"] == ["~bob: text 1", " ALICE: text 2"]
    assert lines[2] == "* end of history; live from here"


def test_a_mention_in_another_room_is_announced_immediately(alice: Alice) -> None:
    alice.receive(joined("ops"))
    assert lines_of(alice, message(1, "ops", "hey @Alice,\n come\u202e here")) == (
        "* bob mentioned you in ops: hey @Alice, come� here (/2)\n"
    )
    assert status(alice) == "[1:lobby]  2:ops 1!"
    assert len(lines_of(alice, message(2, "ops", "alice " * 2_000))) < 200
    assert lines_of(alice, message(3, "ops", "malice, alice-2")) == ""
    assert status(alice) == "[1:lobby]  2:ops 3!"


def test_a_room_holds_a_bounded_number_of_messages(alice: Alice) -> None:
    alice.receive(joined("ops"))
    for seq in range(1, 2_001):
        alice.receive(message(seq, "ops"))
    lines = alice.go_to_room("ops").splitlines()
    assert lines[:2] == [
        "* you are in ops; 2,000 new messages",
        "* 1,500 older ones are hidden; /back shows them",
    ]
    assert len(lines) == MOST_HELD + 3
    room = alice.rooms.get("ops")
    assert room is not None
    assert room.oldest == 1_501


def test_without_a_status_row_lines_announce_unread_rooms_now_and_then() -> None:
    alice = Alice(words=True)
    alice.receive(joined("ops"))
    assert lines_of(alice, message(1, "ops")) == "* 1 new message in ops (/2)\n"
    assert lines_of(alice, message(2, "ops")) == ""
    alice.now += NEWS_SECONDS
    assert lines_of(alice, message(3, "ops")) == "* 3 new messages in ops (/2)\n"
    assert "* new messages\n" in alice.go_to_room("ops")


# --- attention -----------------------------------------------------------------------------------


def test_the_mark_stays_where_the_user_looked_away(alice: Alice) -> None:
    alice.attention.focus(True, alice.now)
    assert "new messages" not in lines_of(alice, message(1))
    alice.attention.focus(False, alice.now)
    assert lines_of(alice, message(2)).startswith("-- new messages --\n")
    alice.attention.key(alice.now)  # a report of the terminal, not a key: the window has no focus
    assert "new messages" not in lines_of(alice, message(3))
    alice.attention.focus(True, alice.now)
    assert "new messages" not in lines_of(alice, message(4))
    alice.attention.focus(False, alice.now)
    assert "new messages" not in lines_of(alice, message(5, nick="alice"))  # our own message is not new to us
    assert lines_of(alice, message(6)).startswith("-- new messages --\n")


def test_without_reports_of_the_focus_keys_show_attention(alice: Alice) -> None:
    assert "new messages" not in lines_of(alice, message(1))
    alice.now += AWAY_SECONDS + 1
    assert lines_of(alice, message(2)).startswith("-- new messages --\n")
    alice.attention.key(alice.now)
    assert "new messages" not in lines_of(alice, message(3))


def test_who_is_in_an_editor_sees_nothing_of_the_screen(alice: Alice) -> None:
    alice.attention.focus(True, alice.now)
    alice.attention.cover(True, alice.now)
    assert lines_of(alice, message(1)).startswith("-- new messages --\n")
    alice.attention.cover(False, alice.now)
    assert "new messages" not in lines_of(alice, message(2))


def test_the_bell_rings_now_and_then_and_not_for_what_the_user_sees(alice: Alice) -> None:
    alice.receive(message(1, text="alice!"))
    assert alice.rung == 1
    alice.receive(message(2, text="alice!!"))
    assert alice.rung == 1
    alice.now += 10
    alice.receive(message(3, nick="alice", text="alice"))
    alice.attention.focus(True, alice.now)
    alice.receive(message(4, text="alice!!!"))
    assert alice.rung == 1
    alice.receive(joined("ops"))
    alice.receive(message(1, "ops", "alice?"))
    assert alice.rung == 2


def test_a_mention_is_in_reverse_video(alice: Alice) -> None:
    drawn = alice.receive(message(1, text="well, @ALICE: alice.b is not you,\nalice"))
    assert styled(drawn, "reverse") == ["@ALICE", "alice"]
    assert styled(alice.receive(message(2, nick="alice", text="alice")), "reverse") == []


def test_a_mention_is_a_notice_on_the_desktop_unless_the_window_has_the_focus(alice: Alice) -> None:
    alice.receive(message(1, text="  alice,\nlook"))
    assert alice.notices == ["bob in lobby: alice, look"]
    alice.receive(message(2, text="alice!"))  # too soon
    alice.now += 10
    alice.attention.focus(True, alice.now)
    alice.receive(joined("ops"))
    alice.receive(message(1, "ops", "alice?"))
    assert (alice.rung, len(alice.notices)) == (2, 1)
    alice.now += 10
    alice.attention.focus(False, alice.now)
    alice.receive(joined(head=3, after=2))
    alice.receive(message(3, text="alice, that was while you were away"))
    assert (alice.rung, len(alice.notices)) == (3, 1)


# --- what the user wants to hear of --------------------------------------------------------------


def test_a_word_counts_as_the_nick_does() -> None:
    alice = Alice(interests=Interests(Memory(None), ["Deploy", "c++"]))
    alice.receive(joined("ops"))
    assert lines_of(alice, message(1, "ops", "the deploy. of C++")).startswith("* bob mentioned you in ops: ")
    assert lines_of(alice, message(2, "ops", "deployed deploy-2 xc++")) == ""
    assert styled(alice.receive(message(1, text="no DEPLOY of c++, alice")), "reverse") == [
        "DEPLOY",
        "c++",
        "alice",
    ]
    assert alice.rung == 1


def test_a_muted_room_has_no_news_but_mentions() -> None:
    alice = Alice(words=True)
    alice.receive(joined("ops"))
    (_, ops) = alice.rooms
    ops.mute(muted=alice.interests.toggle_muted("OPS"))
    assert lines_of(alice, message(1, "ops")) == ""
    assert status(alice) == "[1:lobby]  2:ops"
    assert lines_of(alice, message(2, "ops", "alice!")).startswith("* bob mentioned you in ops: ")
    assert status(alice) == "[1:lobby]  2:ops 1!"
    assert alice.go_to_room("ops").startswith("* you are in ops; 2 new messages")
    alice.leave("ops")
    alice.receive(joined("ops"))
    assert [room.muted for room in alice.rooms] == [False, True]


def test_an_ignored_person_is_not_heard_and_is_counted(alice: Alice) -> None:
    alice.interests.ignore("BOB")
    alice.receive(joined("ops", head=2))
    for seq, nick in ((1, "carol"), (2, "bob"), (3, "bob"), (4, "carol")):
        assert lines_of(alice, message(seq, "ops", "alice?" if nick == "bob" else "", nick)) == ""
    assert status(alice) == "[1:lobby]  2:ops 1"
    assert alice.rung == 0
    assert [line[5:] if line[2] == ":" else line for line in alice.go_to_room("ops").splitlines()] == [
        "* you are in ops; 1 new message",
        "~carol: text 1",
        "* 2 messages hidden (/ignore)",
        "* end of history; live from here",
        "-- new messages --",
        " carol: text 4",
    ]
    assert lines_of(alice, message(5, "ops")) == ""
    assert alice.unseen_mention(message(6, "ops", "alice!")) is None
    lines = shown_older(alice, "ops", message(1, "ops", nick="carol"), message(2, "ops"))
    assert lines[2:] == ["* 2 messages hidden (/ignore)", "* /back shows older messages"]
    assert describe_ignored(alice.interests) == "you ignore BOB (4 hidden)"
    alice.interests.unignore("bob")
    assert lines_of(alice, message(6, "ops")).endswith(" bob: text 6\n")


def test_an_ignored_person_comes_and_goes_unseen_but_is_counted(alice: Alice) -> None:
    alice.interests.ignore("bob")
    alice.receive(Presence(room="lobby", joined=("Bob",), count=2))
    assert alice.next_deadline() is None
    alice.receive(Presence(room="lobby", renamed=(Renamed(old="Bob", new="rob"),), count=2))
    alice.receive(Presence(room="lobby", joined=("carol",), count=3))
    alice.now += DIGEST_SECONDS
    assert text_of(alice.handle_deadline()) == "* carol joined (3 here)\n"
    alice.receive(Presence(room="lobby", left=("rob", "carol"), count=1))
    alice.now += DIGEST_SECONDS
    assert text_of(alice.handle_deadline()) == "* carol left (1 here)\n"


def test_an_ignored_person_with_another_nick_is_not_heard_either(alice: Alice) -> None:
    alice.interests.ignore("bob")
    alice.receive(Presence(room="lobby", renamed=(Renamed(old="bob", new="rob"),), count=2))
    assert "text" not in lines_of(alice, message(1, nick="rob"))


def test_what_another_device_of_ours_says_is_shown_whatever_its_nick(alice: Alice) -> None:
    alice.interests.ignore("al")
    assert lines_of(alice, message(1, nick="Al")).endswith(" Al: text 1\n")


# --- joins and leaves ----------------------------------------------------------------------------


def when_due(alice: Alice) -> str:
    """Return the lines that are drawn at the next deadline."""
    due = alice.next_deadline()
    if due is None:
        return ""
    alice.now = due
    return text_of(alice.handle_deadline())


def test_joins_and_leaves_are_one_line(alice: Alice) -> None:
    event = Presence(
        room="lobby",
        joined=("bob", "carol", "Alice"),
        left=("dave",),
        renamed=(Renamed(old="eve", new="eva"), Renamed(old="me", new="alice")),
        count=4,
    )
    assert lines_of(alice, event) == text_of(alice.handle_deadline()) == ""
    assert alice.next_deadline() == DIGEST_SECONDS
    assert when_due(alice) == "* bob and carol joined, dave left, eve is now eva (4 here)\n"
    assert alice.next_deadline() is None


def test_a_join_is_shown_before_the_first_message_of_the_person(alice: Alice) -> None:
    alice.receive(Presence(room="lobby", joined=("bob", "carol"), count=3))
    assert "joined" not in lines_of(alice, message(1, nick="dave"))
    assert lines_of(alice, message(2)).startswith("* bob and carol joined (3 here)\n")


def test_the_number_of_members_follows_joins_and_leaves(alice: Alice) -> None:
    (room,) = alice.rooms
    alice.receive(Presence(room="lobby", joined=("bob",), count=2))
    assert room.count == 2
    alice.receive(joined(count=7))
    assert room.count == 7


def test_quiet_hides_joins_and_leaves_but_completes_nicks() -> None:
    alice = Alice(quiet=True)
    alice.receive(Presence(room="lobby", joined=("bob",), count=2))
    assert alice.next_deadline() is None
    assert [candidate.text for candidate in alice.completions("b")] == ["bob: "]


def test_joins_in_another_room_are_shown_when_the_user_goes_there(alice: Alice) -> None:
    alice.receive(joined("ops"))
    alice.receive(Presence(room="ops", joined=("bob",), count=2))
    assert alice.next_deadline() is None
    assert alice.go_to_room("ops") == "* you are in ops\n* bob joined (2 here)\n"


def test_our_own_joins_are_not_shown(alice: Alice) -> None:
    alice.receive(Presence(room="lobby", joined=("alice",), count=1))
    assert when_due(alice) == ""


def test_many_names_are_a_few_names_and_a_number(alice: Alice) -> None:
    names = tuple(f"n{number}" for number in range(20))
    renamed = tuple(Renamed(old=name, new=f"{name}x") for name in names)
    alice.receive(Presence(room="lobby", left=names, renamed=renamed, count=1))
    lines = when_due(alice)
    assert lines.startswith("* n0, n1, n2, n3, n4, n5, n6, n7 and 12 more left, n0 is now n0x, ")
    assert lines.endswith(", others joined, left or changed their names (1 here)\n")


# --- replay, gaps and connections ----------------------------------------------------------------


def test_the_end_of_the_replay_is_shown_once(alice: Alice) -> None:
    alice.expect("ops")
    alice.receive(joined("ops", head=2))
    lines = [lines_of(alice, message(seq, "ops"))[5:] for seq in (1, 2, 3)]
    assert lines == [
        "~bob: text 1\n",
        "~bob: text 2\n* end of history; live from here\n",
        " bob: text 3\n",
    ]


def test_a_long_replay_shows_its_progress_in_the_status_row(alice: Alice) -> None:
    alice.receive(Offline("lost", 1.0))
    assert status(alice) == "offline, reconnecting"
    alice.receive(Online())
    assert lines_of(alice, joined(head=5_000)) == "* 5,000 messages while you were away\n"
    for seq in range(1, 1_001):
        alice.receive(message(seq))
    assert status(alice) == "catching up on lobby: 1,000 of 5,000"
    alice.receive(Gap(room="lobby", after=1_000, through=5_000, reason="expired"))
    assert status(alice) == ""


def test_without_a_status_row_lines_show_progress_now_and_then() -> None:
    alice = Alice(words=True)
    alice.receive(joined(head=1_000))
    lines = ""
    for seq in range(1, 1_001):
        alice.now += 0.05
        lines += lines_of(alice, message(seq))
    shown = [line for line in lines.splitlines() if line.startswith("* catching up")]
    assert shown[0] == "* catching up on lobby: 1 of 1,000"
    assert len(shown) == 10


def test_a_long_command_shows_its_progress(alice: Alice) -> None:
    assert text_of(alice.progress("loading older messages: 200 of 1,000")) == ""
    assert status(alice) == "loading older messages: 200 of 1,000"
    in_lines = Alice(words=True)
    assert (
        text_of(in_lines.progress("loading older messages: 200 of 1,000"))
        == "* loading older messages: 200 of 1,000\n"
    )
    assert text_of(in_lines.progress("loading older messages: 400 of 1,000")) == ""


def test_messages_missed_in_another_room_are_unread(alice: Alice) -> None:
    alice.receive(joined("ops", head=1))
    alice.receive(message(1, "ops"))
    alice.receive(joined("ops", head=3, after=1))
    for seq in (2, 3, 4):
        alice.receive(message(seq, "ops"))
    assert status(alice) == "[1:lobby]  2:ops 3"


@pytest.mark.parametrize(
    ("after", "through", "reason", "line"),
    [
        (
            11,
            40,
            "expired",
            "messages 12 to 40 are missing: the server no longer has them (expired)",
        ),
        (11, 12, "unknown", "message 12 is missing: the server gives no known reason (unknown)"),
        (11, 40, "skipped", "messages were skipped here (12 to 40)"),
        (
            0,
            0,
            "reset",
            "the server has a new journal; messages since you were last here may be missing (reset)",
        ),
    ],
)
def test_a_gap_shows_what_is_missing_and_why(
    alice: Alice, after: int, through: int, reason: Any, line: str
) -> None:
    assert lines_of(alice, Gap(room="lobby", after=after, through=through, reason=reason)) == f"* {line}\n"


@pytest.mark.parametrize(("count", "words"), [(1, "1 message was"), (1_400, "1,400 messages were")])
def test_skipped_messages_are_counted_by_the_server(alice: Alice, count: int, words: str) -> None:
    gap = Gap(room="lobby", after=1_500, through=2_900, reason="skipped", count=count)
    assert lines_of(alice, gap) == f"* {words} skipped here (1501 to 2900)\n"


def test_a_gap_may_end_the_replay(alice: Alice) -> None:
    alice.expect("ops")
    alice.receive(joined("ops", head=2))
    assert "live from here" in lines_of(alice, Gap(room="ops", after=0, through=2, reason="expired"))


def test_another_epoch_is_shown_as_a_new_journal(alice: Alice) -> None:
    assert lines_of(alice, joined(epoch="f")) == "* the log of lobby starts over here\n"


def test_reconnecting_is_shown_once_and_rejoined_rooms_are_not(alice: Alice) -> None:
    line = "disconnected: the server is shutting down (drain); reconnecting"
    assert lines_of(alice, Offline("drain", 2.2)) == f"* {line}\n"
    assert lines_of(alice, Offline("lost", 2.2)) == ""  # an attempt that failed is not news
    assert "someone else" in lines_of(alice, Offline("nick_taken", 2.2))
    assert lines_of(alice, Online()) == "* reconnected\n"
    assert lines_of(alice, joined()) == ""


def test_a_new_nick_is_shown_and_is_in_the_prompt(alice: Alice) -> None:
    assert lines_of(alice, NickFrame(nick="Al")) == "* you are now Al\n"
    assert text_of(alice.prompt()) == "Al@lobby> "


def test_leaving_the_current_room_goes_to_another(alice: Alice) -> None:
    alice.expect("ops")
    alice.receive(joined("ops"))
    assert lines_of(alice, Left(room="ops")) == "* you left ops\n* you are in lobby\n"
    assert lines_of(alice, Left(room="ops")) == ""
    alice.receive(joined("dev"))
    assert status(alice) == "[1:lobby]  2:dev"
    assert lines_of(alice, Left(room="dev")) == "* you left dev\n"
    assert (
        lines_of(alice, Left(room="lobby"))
        == "* you left lobby\n* you are not in a room; join one with /join ROOM\n"
    )
    assert text_of(alice.prompt()) == "alice> "
    assert (
        lines_of(alice, message(1)) == lines_of(alice, Presence(room="lobby", joined=("eve",), count=1)) == ""
    )


def test_being_put_out_of_a_room_is_shown_as_that(alice: Alice) -> None:
    alice.receive(joined("ops"))
    drawn = alice.receive(Left(room="lobby", reason="expelled"))
    assert text_of(drawn) == "* you were put out of lobby\n* you are in ops\n"
    assert styled(drawn, "bold") == ["* you were put out of lobby\n"]


def test_messages_of_ones_own_from_another_device_are_no_news(alice: Alice) -> None:
    alice.receive(joined("ops"))
    assert lines_of(alice, message(1, "ops", "alice: a note to myself", nick="Al")) == ""
    assert status(alice) == "[1:lobby]  2:ops"
    alice.attention.focus(False, alice.now)
    drawn = alice.receive(message(1, text="alice: another", nick="Al"))
    assert text_of(drawn)[5:] == " Al: alice: another\n"
    assert (styled(drawn, "reverse"), alice.rung) == ([], 0)
    assert lines_of(alice, message(2)).startswith("-- new messages --\n")


def test_messages_are_drawn_by_their_kind(alice: Alice) -> None:
    kinds = ["action", "notice", "x.poll", "not-known", None]
    lines = [
        lines_of(alice, message(seq, text="/me waits", kind=kind)) for seq, kind in enumerate(kinds, start=1)
    ]
    assert [line[6:] for line in lines] == [
        "* bob /me waits\n",
        "bob (notice): /me waits\n",
        "bob: /me waits\n",
        "bob: /me waits\n",
        "bob: /me waits\n",
    ]


def test_read_messages_are_known_as_read(alice: Alice) -> None:
    alice.receive(message(1))
    assert alice.has_read("Lobby", 1)
    assert not alice.has_read("lobby", 2)
    assert alice.has_read("elsewhere", 2)


def test_an_unexpected_error_is_shown(alice: Alice) -> None:
    assert lines_of(alice, Error(code="forbidden", message="no\x1b[2J")) == "* no␛[2J (forbidden)\n"


def test_a_closing_frame_alone_shows_nothing(alice: Alice) -> None:
    assert lines_of(alice, Closing(reason="drain")) == ""


def test_a_search_finds_only_what_was_shown(alice: Alice) -> None:
    alice.receive(joined("ops"))
    alice.receive(message(1, text="the Build is red"))
    alice.receive(message(1, "ops", text="which build?"))
    assert [hit.room for hit in alice.scrollback.find("BUILD", 20)] == ["lobby"]
    alice.go_to_room("ops")
    assert [hit.room for hit in alice.scrollback.find("BUILD", 20)] == ["lobby", "ops"]


@pytest.mark.parametrize(("act", "words"), [("mute", "are muted in"), ("lift", "may speak again in")])
def test_whoever_is_muted_is_told_so(alice: Alice, act: Act, words: str) -> None:
    assert lines_of(alice, Moderated(act=act, room="lobby", nick="alice")) == f"* you {words} lobby\n"


def test_the_nick_that_somebody_else_has_means_us_too() -> None:
    alice = Alice(wanted=lambda: "ally")
    assert alice.is_mention(message(1, text="Ally: look"))
    alice.attention.focus(False, alice.now)
    alice.receive(message(1, text="Ally: look"))
    assert alice.rung == 1
    assert not Alice().is_mention(message(1, text="Ally: look"))
