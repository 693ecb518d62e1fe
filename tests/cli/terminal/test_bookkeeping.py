"""The small parts of a conversation: mentions, presence, nicks, completion, rooms, scrollback, bell."""

from datetime import UTC, datetime

import pytest

from chatcore import Joined, Message, Presence, Renamed
from cli.terminal.bell import QUIET_SECONDS, Bell
from cli.terminal.completion import MOST, candidates
from cli.terminal.input import COMMANDS
from cli.terminal.mentions import mentions
from cli.terminal.nicks import MOST as MOST_NICKS
from cli.terminal.nicks import KnownNicks
from cli.terminal.presence import MOST_COLLECTED, PresenceDigest
from cli.terminal.rooms import Rooms
from cli.terminal.scrollback import MOST_CHARS, MOST_MESSAGES, Scrollback
from cli.terminal.status import status_rows
from tests.cli.terminal.drawn import text_of


def message(seq: int, text: str, nick: str = "bob") -> Message:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Message(room="lobby", seq=seq, prev=seq - 1, id=str(seq), nick=nick, text=text, at=at)


# --- mentions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alice", ["alice"]),
        ("hi ALICE, and @alice", ["ALICE", "@alice"]),
        ("ask alice.", ["alice"]),
        ("(alice)", ["alice"]),
        ("alice's cat", ["alice"]),
        ("漢字 alice", ["alice"]),
        ("malice alice_ alice2 alice-b alice.b x.alice b-alice", []),
        ("", []),
    ],
)
def test_a_nick_is_mentioned_as_a_word_of_its_own(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in mentions(text, "alice")] == found


def test_a_dot_in_a_nick_is_only_a_dot() -> None:
    assert mentions("a.b", "a.b") == [(0, 3)]
    assert mentions("aXb", "a.b") == mentions("anything", "") == []


# --- joins and leaves ----------------------------------------------------------------------------


def presence(
    joined: tuple[str, ...] = (), left: tuple[str, ...] = (), renamed: tuple[tuple[str, str], ...] = ()
) -> Presence:
    pairs = tuple(Renamed(old=old, new=new) for old, new in renamed)
    return Presence(room="lobby", joined=joined, left=left, renamed=pairs, count=3)


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([presence(("bob",)), presence(left=("Bob",))], ""),
        ([presence(left=("bob",)), presence(("bob",))], ""),
        ([presence(("bob",)), presence(("carol",))], "bob and carol joined (3 here)"),
        ([presence(("bob",)), presence(renamed=(("bob", "rob"),))], "rob joined (3 here)"),
        ([presence(renamed=(("a", "b"),)), presence(renamed=(("b", "c"),))], "a is now c (3 here)"),
        ([presence(renamed=(("a", "b"),)), presence(renamed=(("b", "a"),))], ""),
        ([presence(("me",)), presence(renamed=(("i", "Me"),))], ""),
    ],
)
def test_a_digest_is_the_net_of_joins_and_leaves(events: list[Presence], line: str) -> None:
    digest = PresenceDigest()
    for event in events:
        digest.add(event, "me", 0.0)
    assert digest.take() == line
    assert digest.take() == ""


def test_many_joins_are_a_few_names_and_a_number() -> None:
    digest = PresenceDigest()
    for number in range(100):
        digest.add(presence(tuple(f"n{number}.{each}" for each in range(100))), "me", 0.0)
    assert len(digest._joined) == MOST_COLLECTED
    assert digest.take().endswith("and 992 more joined, others joined, left or changed their names (3 here)")


# --- nicks ---------------------------------------------------------------------------------------


def test_the_latest_speakers_come_first() -> None:
    nicks = KnownNicks()
    nicks.add(["anna", "bob"])
    for nick in ("Arthur", "alice", "Arthur"):
        nicks.note_speaker(nick)
    nicks.remove(["nobody", "BOB"])
    assert nicks.matching("a") == ["Arthur", "alice", "anna"]
    assert nicks.matching("AL") == ["alice"]
    assert nicks.matching("b") == []


def test_the_number_of_known_nicks_is_bounded() -> None:
    nicks = KnownNicks()
    nicks.add(f"c{number}" for number in range(MOST_NICKS + 5))
    for number in range(5):
        nicks.note_speaker(f"s{number}")
    assert len(nicks.matching("")) == MOST_NICKS
    assert len(nicks.matching("s")) == 5


# --- completion ----------------------------------------------------------------------------------


@pytest.fixture
def rooms() -> Rooms:
    rooms = Rooms()
    for name in ("lobby", "ops", "old"):
        rooms.enter(Joined(room=name, epoch="e", head=0, after=0, count=1))
    rooms.leave("old")
    rooms.current = rooms.get("lobby")
    assert rooms.current is not None
    for nick in ("alice", "Bob.2", "bo"):
        rooms.current.nicks.note_speaker(nick)
    return rooms


@pytest.mark.parametrize(
    ("before", "texts"),
    [
        ("", []),
        ("/n", ["/nick "]),
        ("/L", ["/leave "]),
        ("/q", ["/quiet", "/quit"]),
        ("//", []),
        ("/join o", ["ops", "old"]),
        ("/leave O", ["ops"]),
        ("/who ", ["lobby", "ops"]),
        ("b", ["bo: ", "Bob.2: "]),
        ("@b", ["bo: ", "Bob.2: "]),
        ("well,b", ["bo ", "Bob.2 "]),
        ("one\ntwo BOB.", ["Bob.2 "]),
        ("/me sees bob", ["Bob.2 "]),
        ("a", []),  # our own nick
        ("b ", []),
        ("/search x y", []),
    ],
)
def test_tab_offers_what_fits_before_the_cursor(rooms: Rooms, before: str, texts: list[str]) -> None:
    found = candidates(before, rooms, "alice")
    assert [candidate.text for candidate in found] == texts
    for candidate in found:
        start = before[len(before) - candidate.length :]
        assert candidate.text.casefold().startswith(start.casefold())


def test_all_commands_are_offered_and_a_bounded_number_of_nicks(rooms: Rooms) -> None:
    assert [candidate.shown for candidate in candidates("/", rooms, "me")] == list(COMMANDS)
    assert rooms.current is not None
    rooms.current.nicks.add(f"n{number}" for number in range(1_000))
    assert len(candidates("n", rooms, "me")) == MOST
    rooms.current = None
    assert candidates("n", rooms, "me") == []


# --- rooms and the status row --------------------------------------------------------------------


def test_a_room_keeps_its_number_and_a_new_one_gets_the_lowest_free_number(rooms: Rooms) -> None:
    rooms.enter(Joined(room="dev", epoch="e", head=0, after=0, count=1))
    rooms.leave("lobby")
    assert [(room.number, room.name) for room in rooms] == [(2, "ops"), (3, "dev")]
    rooms.enter(Joined(room="Old", epoch="e", head=0, after=0, count=1))
    assert [(room.number, room.name) for room in rooms] == [(1, "Old"), (2, "ops"), (3, "dev")]
    assert rooms.numbered(2) is rooms.get("OPS")
    assert rooms.numbered(4) is None


def row(rooms: Rooms, columns: int, notices: tuple[str, ...] = (), unsent: tuple[str, ...] = ()) -> str:
    text = text_of(status_rows(rooms, notices, unsent, columns))
    assert all(len(line) <= columns for line in text.split("\n"))
    return text


def test_the_status_row_shows_unread_rooms_and_is_otherwise_absent(rooms: Rooms) -> None:
    assert row(Rooms(), 80) == ""
    assert row(rooms, 80) == "[1:lobby]  2:ops\n"
    for room in rooms:
        room.unread = 1_000 * room.number
    (_, ops) = rooms
    ops.mentions = 1
    assert row(rooms, 80, ("offline",)) == "offline  [1:lobby]  2:ops 2,000!\n"


@pytest.mark.parametrize("columns", [8, 20, 30, 50])
def test_the_status_row_fits_the_screen_and_shows_what_matters_most(columns: int) -> None:
    rooms = Rooms()
    for number in range(20):
        rooms.enter(Joined(room=f"room{number}", epoch="e", head=0, after=0, count=1))
    rooms.current = rooms.get("room7")
    dev = rooms.get("room12")
    assert dev is not None
    dev.unread = dev.mentions = 1
    text = row(rooms, columns, (), ("x" * 200, "漢" * 100, "a\nb\x1b[2J", "4", "5"))
    assert "and 2 more" in text or columns < 20
    assert "[8:ro" in text
    if columns >= 30:
        assert "13:room12 1!" in text
        assert text.splitlines()[-1].endswith(("  +18", "  +17", "  +16", "  +15"))
        assert "␛" in text


# --- scrollback ----------------------------------------------------------------------------------


def test_a_search_finds_texts_and_nicks_once_in_order_of_time() -> None:
    scrollback = Scrollback()
    for each in (message(2, "two Build"), message(1, "BUILD one"), message(1, "BUILD one")):
        scrollback.add(each)
    scrollback.add(message(3, "straße", nick="builder"))
    assert [hit.seq for hit in scrollback.find("build", 20)] == [2, 1]
    assert (
        [hit.seq for hit in scrollback.find("STRASSE", 20)]
        == [hit.seq for hit in scrollback.find("Builder", 20)]
        == [3]
    )
    assert [hit.seq for hit in scrollback.find("b", 1)] == [1]


def test_the_scrollback_is_bounded() -> None:
    scrollback = Scrollback()
    for number in range(MOST_MESSAGES + 10):
        scrollback.add(message(number + 1, "x"))
    assert len(scrollback.find("x", 10**9)) == MOST_MESSAGES
    for number in range(5):
        scrollback.add(message(10**6 + number, "y" * (MOST_CHARS // 4)))
    assert len(scrollback.find("y", 20)) == 4
    assert scrollback.find("x", 20) == []


# --- the bell ------------------------------------------------------------------------------------


def test_the_bell_is_silent_for_a_while_after_it_rang() -> None:
    bell = Bell()
    assert [bell.rings(now) for now in (0.0, 1.0, QUIET_SECONDS - 0.1, QUIET_SECONDS, QUIET_SECONDS + 1)] == [
        *(True, False, False),
        *(True, False),
    ]
