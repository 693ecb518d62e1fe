"""Searching on the wire: what it costs, who finds what, and when it is refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chatcore import Message as StoredMessage
from chatcore.journal import Journal, Stored, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.journal.search import Answer, Hits, SearchCursor, SearchRequest, Unsearchable
from chatcore.server.searches import OF_ONE_ADDRESS, ON_THE_WAY, TOKENS, WAITING
from tests.protocol.frames import (
    Error,
    Found,
    Hello,
    Join,
    Leave,
    Message,
    Ping,
    Pong,
    Post,
    Search,
    Time,
    Welcome,
    Who,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.leftovers import left_in
from tests.server.slow_journal import SlowJournal


class LateSearch(MemoryJournal):
    """A journal in memory that searches only when a test lets it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.waiting: list[Callable[[], None]] = []

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Note what is to be looked for."""
        inner = super().search
        self.waiting.append(lambda: inner(request, deliver))

    def work(self, count: int = 1_000) -> None:
        """Answer the first searches."""
        now, self.waiting = self.waiting[:count], self.waiting[count:]
        for job in now:
            job()


class Refusing(MemoryJournal):
    """A journal in memory that answers every search with the same."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(clock=Clock())
        self.answer = answer

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Answer."""
        deliver(self.answer)


PLAN = StoredMessage(
    room="lobby", seq=1, prev=0, id="1", nick="ana", text="plan", at=datetime(2026, 1, 1, tzinfo=UTC)
)


@pytest.fixture
def late() -> tuple[Host, LateSearch]:
    """A host whose journal searches late."""
    journal = LateSearch(Clock())
    return Host(journal), journal


def search(peer: Peer, **fields: Any) -> list[str]:
    """Search all pages; return texts."""
    texts: list[str] = []
    cursor: str | None = None
    while True:
        peer.send(Search(cursor=cursor, **fields))
        found = peer.one(Found)
        texts += [message.text for message in found.messages]
        if found.cursor is None:
            return texts
        cursor = found.cursor


def search_now(peer: Peer, journal: LateSearch) -> list[str]:
    """Search for a plan; return the texts of the first page."""
    peer.send(Search(query="plan"))
    journal.work()
    peer.host.pump()
    return [message.text for message in peer.one(Found).messages]


def refusal(peer: Peer, **fields: Any) -> Error:
    """Search, and be refused."""
    peer.send(Search(token="t", **fields))
    error = peer.error()
    assert error.id == "t"
    return error


def test_results_are_the_messages_as_they_were_sent_newest_first() -> None:
    host = Host()
    ana = host.member("ana")
    ana.post("disk full", "all is well", "The DISK again")
    first, _, last = ana.take_all(Message)
    ana.send(Search(query="disk", token="s 1"))
    assert ana.one(Found) == Found(messages=(last, first), token="s 1")
    ana.send(Search(query="disk", room="Lobby", limit=1))
    found = ana.one(Found)
    assert (found.messages, found.room, found.token) == ((last,), "lobby", None)
    assert found.cursor is not None
    ana.send(Search(query="disk", room="Lobby", limit=1, cursor=found.cursor))
    assert ana.one(Found).messages == (first,)
    assert search(ana, nick="ANA", limit=2) == ["The DISK again", "all is well", "disk full"]


def test_numbers_and_times_bound_a_search() -> None:
    host = Host()
    ana = host.member("ana")
    ana.post("one x", "two x", "three x")
    one, _, three = ana.take_all(Message)
    assert search(ana, query="x", room="lobby", after=one.seq) == ["three x", "two x"]
    assert search(ana, query="x", room="lobby", before=three.seq, after=one.seq) == ["two x"]
    assert search(ana, query="x", after_at=Time("2100-01-01T00:00:00Z")) == []
    assert search(ana, query="x", before_at=Time("2100-01-01T00:00:00Z"), after_at=one.at) == [
        "three x",
        "two x",
        "one x",
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "bad_frame"),
        ({"query": "..."}, "bad_text"),
        ({"query": "ab*"}, "bad_text"),
        ({"query": "a " * 17}, "bad_text"),
        ({"query": "a\tb"}, "bad_frame"),
        ({"query": ""}, "bad_frame"),
        ({"query": "x" * 257}, "bad_frame"),
        ({"query": "x", "after": 1}, "bad_frame"),
        ({"query": "x", "before": 1}, "bad_frame"),
        ({"query": "x", "cursor": "1.2"}, "bad_frame"),
        ({"query": "x", "cursor": ""}, "bad_frame"),
        ({"query": "x", "limit": 101}, "bad_frame"),
        ({"query": "x", "limit": 0}, "bad_frame"),
        ({"query": "x", "room": "attic"}, "not_joined"),
        ({"nick": "no such nick"}, "bad_name"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_its_token(fields: dict[str, Any], code: str) -> None:
    ana = Host().member("ana")
    error = refusal(ana, **fields)
    assert (error.code, error.retry_after) == (code, None)
    assert search(ana, query="x") == []


def test_only_rooms_that_a_session_is_in_are_searched() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob", "attic")
    ana.post("plan of the lobby")
    bob.post("plan of the attic", room="attic")
    assert search(ana, query="plan") == ["plan of the lobby"]
    ana.send(Join(room="attic"))
    assert len(search(ana, query="plan")) == 2
    ana.send(Leave(room="attic"))
    assert search(ana, query="plan") == ["plan of the lobby"]


def test_who_is_in_no_room_finds_nothing() -> None:
    host = Host()
    host.member("bob").post("plan")
    ana = host.connect()
    ana.send(Hello(protocol=1, nick="ana"), Search(query="plan"))
    assert ana.one(Found).messages == ()


@pytest.mark.parametrize("room", [None, "attic"])
@pytest.mark.parametrize("how", ["leaves", "expelled"])
def test_a_room_that_was_left_while_the_journal_searched_is_not_shown(room: str | None, how: str) -> None:
    journal = LateSearch(Clock())
    gate = KeyGate("ada", "bob")
    host = Host(journal, gate=gate)
    bob = host.member("bob", "attic", key=key_of("bob"))
    bob.post("secret plan", room="attic")
    assert search_now(bob, journal) == ["secret plan"]
    bob.take()
    bob.send(Search(query="plan", room=room, token="t"))
    if how == "leaves":
        bob.send(Leave(room="attic"))
    else:
        gate.expel("bob", "attic")
        host.pump()
    journal.work()
    host.pump()
    if room is None:
        assert bob.one(Found).messages == ()
    else:
        error = bob.error()
        assert (error.code, error.id) == ("not_joined", "t")


@pytest.mark.parametrize("waits", [True, False])
def test_a_session_that_has_left_its_rooms_because_it_ends_is_not_told_that_nothing_is_there(
    late: tuple[Host, LateSearch], waits: bool
) -> None:
    host, journal = late
    ana = host.member("ana")
    ana.post("plan")
    ana.take()
    if waits:
        other = host.live("bob")
        other.send(Search(query="x"))
    ana.send(Search(query="plan", token="t"))
    ana.session.drain(None)
    host.pump()
    finish(host, journal)
    error = ana.error()
    assert (error.code, error.id) == ("not_joined", "t")


def test_a_session_has_one_search_at_a_time_and_other_queries_wait_for_it(
    late: tuple[Host, LateSearch],
) -> None:
    host, journal = late
    ana = host.member("ana")
    ana.send(Search(query="a"), Search(query="b"), Who(room="lobby"), Ping(token="p"))
    assert ana.one(Pong).token == "p"
    assert len(journal.waiting) == 1
    journal.work(1)
    host.pump()
    assert len(journal.waiting) == 1
    assert [frame.type for frame in ana.take() if frame.type in ("found", "members")] == ["found"]
    journal.work()
    host.settle()
    assert [frame.type for frame in ana.take() if frame.type != "presence"] == ["found", "members"]


def test_few_searches_wait_and_fewer_of_one_address(late: tuple[Host, LateSearch]) -> None:
    host, journal = late
    crowd = [host.connect(host=f"192.0.2.{n}") for n in range(WAITING)]
    for n, peer in enumerate(crowd):
        _enter(peer, f"p{n}")
    same = [host.connect(host="192.0.2.0") for _ in range(OF_ONE_ADDRESS)]
    for n, peer in enumerate(same):
        _enter(peer, f"q{n}")
    for peer in (crowd[0], *same):
        peer.send(Search(query="x"))
    assert len(host.hub.searches) == OF_ONE_ADDRESS
    error = same[-1].error()
    assert (error.code, error.retry_after) == ("unavailable", 1.0)
    for peer in crowd[1:]:
        peer.send(Search(query="x"))
    assert len(host.hub.searches) == WAITING
    assert refused(crowd) == []
    assert refused(same) == list(range(OF_ONE_ADDRESS - 1))
    extra = searching(host, "198.51.100.0", 1)
    assert refused(extra) == [0]
    for peer in crowd[:10]:
        peer.lose()
    assert finish(host, journal) == WAITING - 8  # of those that went, two were on their way
    same[-1].send(Search(query="x"))
    assert len(journal.waiting) == 1
    finish(host, journal)


def finish(host: Host, journal: LateSearch) -> int:
    """Let the journal answer until nothing waits, few at a time; return how many it answered."""
    done = 0
    while journal.waiting:
        assert len(journal.waiting) <= ON_THE_WAY
        done += len(journal.waiting)
        journal.work()
        host.pump()
    assert len(host.hub.searches) == 0
    return done


def test_addresses_take_turns_at_searching(late: tuple[Host, LateSearch]) -> None:
    host, journal = late
    many = [host.connect(host="192.0.2.1") for _ in range(OF_ONE_ADDRESS)]
    ana = host.connect(host="192.0.2.2")
    for n, peer in enumerate((*many, ana)):
        _enter(peer, f"p{n}")
        peer.send(Search(query="x"))
    assert len(journal.waiting) == 2
    journal.work()
    host.pump()
    assert ana.one(Found).messages == ()
    assert len([peer for peer in many if peer.take_all(Found)]) == 1
    finish(host, journal)


def searching(host: Host, address: str, count: int) -> list[Peer]:
    """Let so many people of an address search."""
    peers = [host.connect(host=address) for _ in range(count)]
    for n, peer in enumerate(peers):
        _enter(peer, f"s{len(host.peers) - n}-{n}")
        peer.send(Search(query="x"))
    return peers


def refused(peers: list[Peer]) -> list[int]:
    """Return which of them were refused for now."""
    errors = [peer.take_all(Error) for peer in peers]
    assert {(error.code, error.retry_after) for each in errors for error in each} <= {("unavailable", 1.0)}
    return [n for n, each in enumerate(errors) if each]


def test_few_addresses_do_not_keep_the_others_from_searching(late: tuple[Host, LateSearch]) -> None:
    host, journal = late
    crowds = [searching(host, f"192.0.2.{n}", OF_ONE_ADDRESS) for n in range(WAITING // OF_ONE_ADDRESS)]
    assert len(host.hub.searches) == WAITING
    others = [searching(host, f"198.51.100.{n}", 1) for n in range(WAITING // 2)]
    assert [refused(peers) for peers in others] == [[]] * len(others)
    given_way = [refused(peers) for peers in crowds]
    assert given_way == [list(range(8, 16))] * len(crowds)  # the newest, of whoever has most
    crowds[0][15].send(Search(query="again"))
    assert refused([crowds[0][15]]) == [0]
    assert finish(host, journal) == WAITING


def test_one_that_gave_way_may_have_gone_and_the_next_query_of_one_is_answered(
    late: tuple[Host, LateSearch],
) -> None:
    host, journal = late
    first, second = searching(host, "192.0.2.0", 2)
    crowd = [searching(host, f"198.51.100.{n}", 1)[0] for n in range(WAITING - 4)]
    third, gone = searching(host, "192.0.2.0", 2)
    third.send(Who(room="lobby"))
    gone.lose()
    assert [refused(searching(host, f"203.0.113.{n}", 1)) for n in range(3)] == [[], [], []]
    host.settle()
    assert [frame.type for frame in third.take() if frame.type != "presence"] == ["error", "members"]
    assert refused(searching(host, "203.0.113.3", 1)) == [0]  # nobody has more than this address would
    assert refused([first, second, *crowd]) == [1]
    assert finish(host, journal) == WAITING


def test_a_room_that_was_left_while_a_search_waited_is_not_searched(late: tuple[Host, LateSearch]) -> None:
    host, journal = late
    first, ana = (host.connect(host="192.0.2.1") for _ in range(2))
    _enter(first, "first")
    _enter(ana, "ana")
    first.send(Search(query="x"))
    ana.send(Search(query="x", room="lobby", token="t"), Leave(room="lobby"))
    assert len(journal.waiting) == 1
    finish(host, journal)
    error = ana.error()
    assert (error.code, error.id) == ("not_joined", "t")


def _enter(peer: Peer, nick: str) -> None:
    peer.send(Hello(protocol=1, nick=nick), Join(room="lobby"))
    peer.take()


def test_a_search_costs_ten_frames_of_the_allowance() -> None:
    ana = Host(frames_burst=2 * TOKENS + 5, frames_per_second=1.0).member("ana")
    for _ in range(2):
        assert search(ana, query="x") == []
    error = refusal(ana, query="x")
    assert error.code == "rate_limited"
    assert error.retry_after == pytest.approx(TOKENS - 3)
    ana.host.advance(error.retry_after or 0.0)
    assert search(ana, query="x") == []


def test_a_search_costs_all_of_a_small_allowance() -> None:
    ana = Host(frames_burst=3, frames_per_second=1.0).member("ana")
    ana.host.advance(3)
    assert search(ana, query="x") == []
    assert refusal(ana, query="x").retry_after == pytest.approx(3)


def test_a_journal_that_cannot_search_refuses_for_good_and_one_that_cannot_now_for_a_while() -> None:
    cases: list[tuple[Any, float | None]] = [
        (SlowJournal(Clock()), None),
        (Refusing(Unsearchable("no")), None),
        (Refusing(Unavailable(2.5)), 2.5),
    ]
    for journal, retry_after in cases:
        host = Host(journal)
        error = refusal(host.live("ana"), query="x")
        assert (error.code, error.retry_after) == ("unavailable", retry_after)
        assert len(host.hub.searches) == 0


@pytest.mark.parametrize(("journal", "expected"), [(SlowJournal(Clock()), False), (MemoryJournal(), True)])
def test_a_welcome_says_whether_the_server_can_search(journal: Journal, expected: bool) -> None:
    assert Host(journal).hello("ana").one(Welcome).search is expected


def test_results_of_another_epoch_are_dropped() -> None:
    stored = Stored.of(PLAN)
    journal = Refusing(Hits("another", (stored,), SearchCursor.of(PLAN)))
    ana = Host(journal).member("ana")
    ana.send(Search(query="plan", token="t"))
    assert ana.one(Found) == Found(cursor=str(SearchCursor.of(PLAN)), token="t", messages=())
    journal.answer = Hits(journal.epoch, (stored,), None)
    assert search(ana, query="plan") == ["plan"]


def test_nothing_is_left_of_a_session_that_went_while_it_searched(late: tuple[Host, LateSearch]) -> None:
    host, journal = late
    ana = host.member("ana")
    ana.send(Post(room="lobby", id="1", text="x"), Search(query="x"))
    ana.lose()
    journal.work()
    host.pump()
    host.advance(host.hub.limits.session_seconds + 1)
    assert left_in(host) == {}
    assert len(host.hub.searches) == 0
