"""Pages of a room's log, on request."""

from typing import Any

import pytest

from chatcore.errors import ErrorCode
from chatcore.journal.memory import MemoryJournal
from tests.protocol.frames import Error, History, Leave, Page, Time
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal
from tests.server.waiting_journal import WaitingJournal


def room_of(count: int, host: Host | None = None) -> Peer:
    """Return a member of a room that holds ``count`` messages."""
    host = host or Host()
    host.member("ana").post(*(f"text {n}" for n in range(1, count + 1)))
    return host.member("bob")


def ask(peer: Peer, **fields: Any) -> Page:
    """Ask for a page of the lobby."""
    peer.send(History(room="Lobby", **fields))
    return peer.one(Page)


def seqs(page: Page) -> list[int]:
    """Return the numbers of a page's messages."""
    return [message.seq for message in page.messages]


def test_a_page_without_bounds_holds_the_latest_messages_oldest_first() -> None:
    page = ask(room_of(9), limit=3)
    assert (page.room, page.base, seqs(page), page.more) == ("lobby", 6, [7, 8, 9], True)
    assert [message.text for message in page.messages] == ["text 7", "text 8", "text 9"]


def test_paging_backwards_reaches_the_beginning() -> None:
    peer = room_of(9)
    page, got = ask(peer, limit=4), list[int]()
    while True:
        got = seqs(page) + got
        assert page.base == page.messages[0].prev
        if not page.more:
            break
        page = ask(peer, limit=4, before=page.messages[0].seq)
    assert got == list(range(1, 10))
    assert page.base == 0


def test_paging_forwards_reaches_the_head() -> None:
    peer = room_of(9)
    got, after = list[int](), 0
    while True:
        page = ask(peer, limit=4, after=after)
        assert page.base == after
        got += seqs(page)
        if not page.more:
            break
        after = page.messages[-1].seq
    assert got == list(range(1, 10))


def test_the_bounds_before_and_after_are_exclusive() -> None:
    peer = room_of(9)
    assert seqs(ask(peer, before=4)) == [1, 2, 3]
    assert seqs(ask(peer, after=6)) == [7, 8, 9]


def test_a_page_beyond_either_end_of_the_log_is_empty() -> None:
    peer = room_of(3)
    for page in (ask(peer, before=1), ask(peer, before=0)):
        assert (page.messages, page.base, page.more) == ((), 0, False)
    page = ask(peer, after=3)
    assert (page.messages, page.base, page.more) == ((), 3, False)


def test_a_page_repeats_the_token_and_names_the_epoch() -> None:
    peer = room_of(3)
    page = ask(peer, token="t 1")
    assert (page.token, page.epoch) == ("t 1", peer.session.hub.rooms["lobby"].epoch)
    assert ask(peer).token is None


TIME = "2026-11-23T14:00:00Z"


@pytest.mark.parametrize("bounds", [{"after": 1, "after_at": TIME}, {"before": 1, "before_at": TIME}])
def test_a_history_request_with_two_bounds_on_one_side_is_a_bad_frame(bounds: dict[str, Any]) -> None:
    peer = room_of(3)
    peer.send(History(room="lobby", token="t", **bounds))
    error = peer.error()
    assert (error.code, error.room, error.id) == ("bad_frame", "lobby", "t")


def test_a_page_lies_between_its_bounds() -> None:
    peer = room_of(5)
    assert seqs(ask(peer, after=1, before=4)) == [2, 3]


def test_the_base_of_a_page_shows_that_earlier_messages_have_expired() -> None:
    peer = room_of(30, Host(memory_history_bytes=3_000, tail_bytes=1))
    page = ask(peer, after=1)
    assert page.base > 20
    assert seqs(page)[0] == page.base + 1


def test_bounds_of_another_epoch_are_ignored() -> None:
    peer = room_of(5)
    assert seqs(ask(peer, after=4, epoch="another")) == [1, 2, 3, 4, 5]
    assert seqs(ask(peer, before=2, epoch="another")) == [1, 2, 3, 4, 5]
    epoch = peer.session.hub.rooms["lobby"].epoch
    assert seqs(ask(peer, after=4, epoch=epoch)) == [5]


def test_a_page_holds_no_more_messages_than_the_limit() -> None:
    peer = room_of(9, Host(page_messages=2))
    assert seqs(ask(peer, limit=100)) == [8, 9]
    assert seqs(ask(peer, after=0)) == [1, 2]


def test_a_page_is_cut_to_fit_into_a_line() -> None:
    host = Host(text_bytes=300, line_bytes=1_924)
    ana = host.member("ana" * 10, "r" * 64)
    ana.post(*('"' * 300 for _ in range(9)), room="r" * 64, prefix='"' * 60)
    got, before = list[int](), 10
    while before > 1:
        ana.send(History(room="r" * 64, before=before, token='"' * 64))
        page = ana.one(Page)
        got = seqs(page) + got
        before = got[0]
    assert got == list(range(1, 10))
    assert max(map(len, ana.received.split(b"\n"))) <= 1_924


def test_a_page_holds_no_message_that_was_not_yet_shown_when_it_was_requested() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("one")
    ana.send(History(room="lobby"))
    asked, stored = journal.waiting[1], journal.waiting[0]
    stored()
    asked()
    host.pump()
    page = ana.one(Page)
    assert (page.messages, page.base) == ((), 0)
    assert ana.texts() == ["one"]


def test_history_requests_are_answered_in_the_order_in_which_they_were_sent() -> None:
    peer = room_of(9)
    peer.send(*(History(room="lobby", after=n, limit=1, token=str(n)) for n in range(9)))
    assert [(page.token, seqs(page)) for page in peer.take_all(Page)] == [(str(n), [n + 1]) for n in range(9)]


def test_leaving_the_room_refuses_a_waiting_history_request_by_its_token() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.send(History(room="lobby", token="1"), History(room="lobby", token="2"), Leave(room="lobby"))
    journal.work()
    host.pump()
    refusals: list[tuple[ErrorCode | str, str | None]] = [(e.code, e.id) for e in ana.take_all(Error)]
    assert ("not_joined", "2") in refusals


def test_a_page_of_an_epoch_that_has_not_begun_here_is_refused() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    peer = host.member("ana")
    peer.post("one")
    journal.work()
    host.pump()
    journal.memory = MemoryJournal(clock=host.clock)  # the log was replaced, and the hub does not know yet
    peer.send(History(room="lobby", after=0))
    journal.work()
    host.pump()
    assert peer.one(Error).code == "unavailable"
    assert peer.take_all(Page) == []


def test_an_empty_page_by_time_ends_where_the_room_does_however_much_is_stored() -> None:
    journal = WaitingJournal(MemoryJournal())
    host = Host(journal)
    ana = host.member("ana")
    journal.silent = True  # what is stored from now on is not told
    journal.store("one", "two")
    ana.send(History(room="lobby", after_at=Time("2999-01-01T00:00:00Z")))
    host.pump()
    page = ana.one(Page)
    assert (page.base, page.messages, page.gaps) == (0, (), None)
