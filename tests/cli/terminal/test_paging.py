"""Older messages and other rooms, page by page, of a server that is a list."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from chatcore import Gap, Joined, Message, Page, PageGap, RoomEntry, RoomList
from cli.terminal import paging
from cli.terminal.paging import MOST_ROOMS, messages_since, older_messages, other_rooms
from cli.terminal.rooms import Entry, Older, Rest, RoomView, end_of
from transports.asyncio_tcp import Chat

START = datetime(2026, 11, 23, 14, tzinfo=UTC)


def at(seq: int) -> datetime:
    """Return when a message was stored: one each minute."""
    return START + timedelta(minutes=seq)


def message(seq: int, prev: int) -> Message:
    said: dict[str, Any] = {"id": str(seq), "nick": "bob", "text": f"text {seq}", "at": at(seq)}
    return Message(room="lobby", seq=seq, prev=prev, **said)


class Log:
    """The log of a room: messages with these numbers, some of them damaged, and no others any more.

    ``cut`` says up to where messages have expired. Each answer has ``size`` entries at most.
    """

    def __init__(self, seqs: Sequence[int], damaged: Sequence[int] = (), cut: int = 0, size: int = 3) -> None:
        self.size = size
        self.asked: list[dict[str, Any]] = []
        self._cut = cut
        self._entries: list[Message | PageGap] = []
        prev = cut
        for seq in seqs:
            gap = PageGap(after=prev, through=seq, reason="damaged")
            self._entries.append(gap if seq in damaged else message(seq, prev))
            prev = seq

    async def history(self, room: str, *, limit: int, **bounds: Any) -> Page:
        """Answer as a server does."""
        self.asked.append(bounds)
        between = [entry for entry in self._entries if self._is_within(entry, **bounds)]
        size = min(limit, self.size)
        if "after" in bounds or "after_at" in bounds:
            return self._page(between[:size], more=len(between) > size, cut="after_at" in bounds)
        return self._page(between[-size:], more=len(between) > size, cut=len(between) <= size)

    def _is_within(
        self, entry: Message | PageGap, before: int, after: int = 0, after_at: datetime = START
    ) -> bool:
        end = entry.seq if isinstance(entry, Message) else entry.through
        return after < end < before and at(end) >= after_at

    def _page(self, entries: Sequence[Message | PageGap], *, more: bool, cut: bool) -> Page:
        first = entries[0] if entries else None
        base = self._cut if first is None else first.prev if isinstance(first, Message) else first.after
        gaps = [entry for entry in entries if isinstance(entry, PageGap)]
        if cut and base == self._cut > 0:
            gaps.insert(0, PageGap(after=0, through=base, reason="expired"))
        messages = tuple(entry for entry in entries if isinstance(entry, Message))
        return Page(
            room="lobby", epoch="e", base=base, more=more, gaps=tuple(gaps) or None, messages=messages
        )


def view(oldest: int) -> RoomView:
    """Return a room of which everything from a number on was shown."""
    return RoomView(Joined(room="lobby", epoch="e", head=oldest, after=oldest - 1, count=1), 1)


def as_chat(server: object) -> Chat:
    return cast(Chat, server)


def load(log: object, oldest: int, count: int) -> Older:
    return asyncio.run(older_messages(as_chat(log), view(oldest), count, lambda so_far: None))


def load_since(log: object, oldest: int, since: datetime) -> Older:
    return asyncio.run(messages_since(as_chat(log), view(oldest), since, lambda so_far: None))


def shown(older: Older) -> list[tuple[str, int]]:
    """Return what kind of entry ends where."""
    return [(_kind(entry), end_of(entry)) for entry in older.entries]


def _kind(entry: Entry) -> str:
    return entry.reason if isinstance(entry, Gap) else "message"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_older_messages_come_with_the_gaps_between_them(size: int) -> None:
    log = Log([2, 3, 5, 8, 9, 10], damaged=[5, 8], size=size)
    older = load(log, 10, 100)
    assert shown(older) == [("message", 2), ("message", 3), ("damaged", 5), ("damaged", 8), ("message", 9)]
    assert (older.oldest, older.rest) == (1, Rest.NONE)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_paging_back_leaves_out_nothing(count: int) -> None:
    log, oldest = Log([2, 3, 5, 8, 9, 10], damaged=[3, 5], cut=1, size=2), 11
    entries: list[tuple[str, int]] = []
    rest = Rest.MORE
    while rest is Rest.MORE:
        older = load(log, oldest, count)
        assert older.oldest < oldest
        entries, oldest, rest = [*shown(older), *entries], older.oldest, older.rest
    assert [end for _, end in entries] == [2, 3, 5, 8, 9, 10]
    assert (oldest, rest) == (2, Rest.EXPIRED)


def test_a_page_of_gaps_only_is_not_passed_over() -> None:
    older = load(Log([1, 2, 3, 4], damaged=[2, 3], size=2), 4, 100)
    assert shown(older) == [("message", 1), ("damaged", 2), ("damaged", 3)]


@pytest.mark.parametrize(("cut", "rest"), [(0, Rest.NONE), (7, Rest.EXPIRED)])
def test_before_the_first_stored_message_there_are_none_or_no_longer(cut: int, rest: Rest) -> None:
    older = load(Log([], cut=cut), cut + 1, 20)
    assert (older.entries, older.oldest, older.rest) == ([], cut + 1, rest)


def test_messages_of_another_log_are_left_out() -> None:
    log = Log([1, 2, 3])
    room = view(3)
    room.rejoin(Joined(room="lobby", epoch="f", head=3, after=3, count=1))
    older = asyncio.run(older_messages(as_chat(log), room, 20, lambda so_far: None))
    assert (older.entries, older.rest) == ([], Rest.MORE)
    older = asyncio.run(messages_since(as_chat(log), room, START, lambda so_far: None))
    assert older.entries == []


def test_the_progress_is_reported_after_each_page() -> None:
    reported: list[int] = []
    asyncio.run(older_messages(as_chat(Log(range(1, 8))), view(8), 20, reported.append))
    assert reported == [3, 6, 7]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_messages_since_a_time_reach_up_to_those_that_were_shown(size: int) -> None:
    log = Log([2, 3, 5, 8, 9, 10], damaged=[5], size=size)
    older = load_since(log, 10, at(3))
    assert shown(older) == [("message", 3), ("damaged", 5), ("message", 8), ("message", 9)]
    assert (older.oldest, older.rest) == (3, Rest.MORE)
    assert log.asked[0] == {"before": 10, "after_at": at(3)}


def test_messages_since_before_the_oldest_stored_one_say_so() -> None:
    older = load_since(Log([5, 6, 7], cut=4), 7, at(1))
    assert shown(older) == [("message", 5), ("message", 6)]
    assert (older.oldest, older.rest) == (5, Rest.EXPIRED)


def test_nothing_since_a_time_changes_nothing() -> None:
    older = load_since(Log([1, 2, 3]), 2, at(2))
    assert (older.entries, older.oldest) == ([], 2)


def test_too_many_messages_since_a_time_are_the_first_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_SINCE", 4)
    older = load_since(Log(range(1, 20), size=2), 20, at(3))
    assert [end for _, end in shown(older)] == [3, 4, 5, 6]
    assert (older.oldest, older.rest) == (20, Rest.BETWEEN)


class Stubborn:
    """A server that gives the same page however it is asked, and says that there are more."""

    def __init__(self, page: Page | RoomList) -> None:
        self.page = page
        self.asked = 0

    async def history(self, room: str, **bounds: Any) -> Any:
        return self._answer()

    async def list_rooms(self, **bounds: Any) -> Any:
        return self._answer()

    def _answer(self) -> Any:
        self.asked += 1
        assert self.asked < 50
        return self.page


@pytest.mark.parametrize("base", [0, 5, 8])
@pytest.mark.parametrize("seqs", [[], [6], [9]])
def test_a_server_that_always_has_more_is_not_asked_without_end(base: int, seqs: list[int]) -> None:
    messages = tuple(message(seq, base) for seq in seqs)
    page = Page(room="lobby", epoch="e", base=base, more=True, messages=messages)
    for older in (load(Stubborn(page), 9, 20), load_since(Stubborn(page), 9, START)):
        assert all(end_of(entry) < 9 for entry in older.entries)


# --- rooms ---------------------------------------------------------------------------------------


class Directory:
    """The rooms of a server; each answer has two at most."""

    def __init__(self, *names: str) -> None:
        self._names = sorted(names)
        self.prefixes: list[str | None] = []

    async def list_rooms(self, *, after: str | None, prefix: str | None, limit: int) -> RoomList:
        self.prefixes.append(prefix)
        names = [name for name in self._names if name > (after or "") and name.startswith(prefix or "")]
        rooms = tuple(RoomEntry(room=name, count=0, head=0) for name in names[:2])
        return RoomList(rooms=rooms, more=len(names) > 2)


def listed(server: object, start: str = "", *ours: str) -> tuple[list[str], bool]:
    rooms, more = asyncio.run(other_rooms(as_chat(server), start, ours))
    return [entry.room for entry in rooms], more


def test_other_rooms_are_those_that_we_are_not_in() -> None:
    server = Directory("attic", "lobby", "ops", "dev", "old")
    assert listed(server, "", "lobby", "dev") == (["attic", "old", "ops"], False)
    assert listed(server, "O") == (["old", "ops"], False)
    assert server.prefixes[-1] == "o"
    assert listed(Directory()) == ([], False)


@pytest.mark.parametrize(("count", "more"), [(MOST_ROOMS, False), (MOST_ROOMS + 1, True), (1_000, True)])
def test_so_many_rooms_are_listed_at_most(count: int, more: bool) -> None:
    names = [f"room-{number:04}" for number in range(count)]
    assert listed(Directory(*names)) == (names[:MOST_ROOMS], more)


@pytest.mark.parametrize("names", [[], ["lobby"]])
def test_a_list_that_never_ends_is_not_asked_for_without_end(names: list[str]) -> None:
    rooms = tuple(RoomEntry(room=name, count=0, head=0) for name in names)
    found, more = listed(Stubborn(RoomList(rooms=rooms, more=True)), "")
    assert (set(found), more) == (set(names), False)
