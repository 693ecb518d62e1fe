"""Damaged messages of the journal, on every wire: a gap in their place, once, and reading continues."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chatcore.journal import Draft, Head, Outcome, Page, Place, Unavailable, always
from chatcore.journal.memory import MemoryJournal
from chatcore.journal.sqlite import SqliteJournal
from chatcore.messages import Stored
from chatcore.wire.plain import plain
from tests.journal.sqlite.files import damage
from tests.protocol.frames import Gap, History, Message, PageGap, Position, Post
from tests.protocol.frames import Page as PageFrame
from tests.server.driver import Host, Peer

T = TypeVar("T")

DEADLINE = 10.0
SEQS = range(1, 10)

PLACES = {
    "first": {1},
    "middle": {5},
    "last": {9},
    "runs": {2, 3, 5, 6, 7},
    "all": set(SEQS),
}


class WaitingJournal(SqliteJournal):
    """A SQLite journal that has done what it is asked before it returns."""

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        done(_wait(lambda answer: SqliteJournal.submit(self, drafts, answer, still_valid)))

    def read(self, room: str, deliver: Callable[[Page | Unavailable], None], **options: Any) -> None:
        deliver(_wait(partial(SqliteJournal.read, self, room, **options)))

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        deliver(_wait(partial(SqliteJournal.seek, self, room, back, before, after=after)))

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        deliver(_wait(partial(SqliteJournal.head, self, room)))


def _wait(ask: Callable[[Callable[[T], None]], None]) -> T:
    answers: list[T] = []
    answered = threading.Event()

    def take(answer: T) -> None:
        answers.append(answer)
        answered.set()

    ask(take)
    assert answered.wait(DEADLINE), "no answer"
    return answers[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal's file: nine messages in the lobby."""
    return tmp_path / "journal.db"


@pytest.fixture
def host(path: Path) -> Iterator[Host]:
    """A host with nine messages in the lobby, none of which is in memory."""
    with Host(WaitingJournal(path)).hub as hub:
        hub.journal.submit([Draft("lobby", f"id-{n}", "ana", f"text {n}") for n in SEQS], lambda _: None)
    host = Host(WaitingJournal(path))
    yield host
    host.hub.close()


def epoch(host: Host) -> str:
    """Return the epoch of the journal."""
    answer = _wait(partial(host.hub.journal.head, "lobby"))
    assert isinstance(answer, Head)
    return answer.epoch


def runs(places: set[int]) -> list[tuple[int, int]]:
    """Return the positions before and at the end of each run of numbers."""
    starts = sorted(seq for seq in places if seq - 1 not in places)
    ends = sorted(seq for seq in places if seq + 1 not in places)
    return [(start - 1, end) for start, end in zip(starts, ends, strict=True)]


def _end(entry: int | tuple[int, int]) -> int:
    return entry if isinstance(entry, int) else entry[1]


def read(peer: Peer) -> list[int | tuple[int, int]]:
    """Return the messages and gaps that came, in order."""
    return [
        frame.seq if isinstance(frame, Message) else (frame.after, frame.through)
        for frame in peer.take()
        if isinstance(frame, Message | Gap)
    ]


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_a_typed_member_gets_one_gap_for_each_run_of_damaged_messages_in_its_place(
    path: Path, places: set[int], page: int
) -> None:
    with Host(WaitingJournal(path)).hub as hub:
        hub.journal.submit([Draft("lobby", f"id-{n}", "ana", f"text {n}") for n in SEQS], lambda _: None)
    damage(path, *places)
    host = Host(WaitingJournal(path), page_messages=page)
    ana = host.live("ana")
    reader = host.member("bob", after=Position(epoch=epoch(host), seq=0))
    expected: list[int | tuple[int, int]] = sorted(
        [*runs(places), *(seq for seq in SEQS if seq not in places)],
        key=_end,
    )
    assert read(reader) == expected
    assert ana.take() == []
    host.hub.close()


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_live_messages_follow_a_gap(path: Path, host: Host, places: set[int]) -> None:
    damage(path, *places)
    reader = host.member("bob", after=Position(epoch=epoch(host), seq=0))
    read(reader)
    reader.send(Post(room="lobby", id="new", text="hi"))
    assert read(reader) == [10]


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_a_page_of_history_lists_the_gaps(path: Path, host: Host, places: set[int]) -> None:
    damage(path, *places)
    reader = host.member("bob")
    reader.take()
    for question in (
        History(room="lobby", after=0),
        History(room="lobby", before=10),
        History(room="lobby"),
    ):
        reader.send(question)
        page = reader.one(PageFrame)
        found = [PageGap(after=after, through=through, reason="damaged") for after, through in runs(places)]
        assert page.gaps == tuple(found)
        assert [message.seq for message in page.messages] == [seq for seq in SEQS if seq not in places]
        assert page.base == 0


class Unsealed(MemoryJournal):
    """A journal in memory that does not notice damage."""

    def read(self, room: str, deliver: Callable[[Page | Unavailable], None], **options: Any) -> None:
        def damaged(page: Page | Unavailable) -> None:
            assert isinstance(page, Page)
            messages = [_damaged(stored) if stored.seq == 2 else stored for stored in page.messages]
            deliver(Page(page.epoch, page.base, page.through, tuple(messages), page.more))

        super().read(room, damaged, **options)


def _damaged(stored: Stored) -> Stored:
    return stored._replace(line=b"\x00" + stored.line[1:])


def test_a_plain_member_gets_a_gap_for_what_its_wire_cannot_encode() -> None:
    host = Host(Unsealed(), tail_bytes=1)
    ana = host.connect(plain)
    ana.window = 0
    bob = host.member("bob")
    for n in range(1, 5):
        bob.send(Post(room="lobby", id=f"id-{n}", text=f"text {n}"))
    ana.window = None
    ana.drain()
    lines = ana.received.decode().splitlines()
    assert [line for line in lines if "text" in line or "missing" in line] == [
        "bob: text 1",
        "* messages are missing here (damaged)",
        "bob: text 3",
        "bob: text 4",
    ]
