"""Joins with ``after``, ``history`` and both, on every journal, against a model of where reading begins.

Every peer in these tests checks the law of reading as well.
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatcore.limits import HistoryLimits
from tests import rows
from tests.journal.contract.makers import MAKERS, SMALL, Maker
from tests.protocol.frames import Gap, Join, Joined, Message, Position
from tests.server.driver import Clock, Host, Peer
from tests.server.waiting_journal import WaitingJournal

Entry = tuple[int, int, str]
"""What is read: from a position, to a position, and ``message`` or the reason of a gap."""


@dataclass(frozen=True)
class Record:
    """What is stored of a room, as it can be read: each message with the one before, and what is damaged."""

    messages: tuple[tuple[int, int], ...]
    head: int
    damaged: frozenset[int] = frozenset()

    @property
    def oldest(self) -> int:
        """The position before the oldest message."""
        return self.before(self.messages[0]) if self.messages else self.head

    def before(self, message: tuple[int, int]) -> int:
        """Return the position before a message; a damaged one does not tell."""
        seq, prev = message
        if seq not in self.damaged:
            return prev
        return max((other for other, _ in self.messages if other < seq), default=seq - 1)

    def place(self, back: int, head: int) -> int:
        """Return the position before the last so many messages up to a head."""
        below = [message for message in self.messages if message[0] <= head]
        if not back:
            return head
        return self.before(below[-min(back, len(below))]) if below else head

    def opening(self, position: int, back: int, head: int) -> list[Entry]:
        """Return the gaps before the first message of a reader who wants the last so many."""
        place = self.place(back, head)
        if place <= position:
            return []
        middle = max(position, min(self.oldest, place))
        gaps = [(position, middle, "expired"), (middle, place, "skipped")]
        return [gap for gap in gaps if gap[0] < gap[1]]

    def reading(self, position: int) -> Iterator[Entry]:
        """Yield what a reader gets after a position."""
        damaged: int | None = None
        for seq, prev in self.messages:
            if seq <= position:
                continue
            if seq in self.damaged:
                damaged = seq
                continue
            if prev > position:
                yield position, prev, "expired" if damaged is None else "damaged"
            yield prev, seq, "message"
            position, damaged = seq, None
        if damaged is not None:
            yield position, damaged, "damaged"


def numbers_in(path: Path) -> frozenset[int]:
    """Return the numbers of the rows in a file, damaged ones too."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT seq FROM messages, rooms ON messages.room = rooms.id AND name = 'lobby'")
        return frozenset(seq for (seq,) in found)


class Scene:
    """A host whose lobby holds messages, some of which may have expired or be damaged."""

    def __init__(
        self, maker: Maker, directory: Path, *, trimmed: bool, damaged: bool, page_messages: int
    ) -> None:
        clock = Clock(1_800_000_000.0)
        limits = SMALL if trimmed else HistoryLimits()
        self.journal = WaitingJournal(maker.make(directory, limits, clock))
        self.host = Host(
            self.journal,
            clock=clock,
            page_messages=page_messages,
            tail_bytes=1 if page_messages == 5 else 1_000_000,
            connections=None,
            connections_per_address=None,
        )
        self.seqs = self.journal.store(*(f"text {n}" for n in range(40 if trimmed else 12)))
        self.journal.store()  # what expires has expired by the next answer
        stored = self.journal.stored()
        self._damaged = frozenset[int]()
        if damaged and maker.damage is not None:
            left = [entry.seq for entry in stored.messages]
            self._damaged = frozenset({left[0], left[3], left[4], left[-2]})
            maker.damage(directory, self._damaged)
        self._known = {entry.seq: entry.prev for entry in stored.messages}
        self.epoch = stored.epoch
        self._directory = directory
        self._peers = 0

    def record(self) -> Record:
        """Return what is stored now."""
        page = self.journal.stored()
        self._known |= {entry.seq: entry.prev for entry in page.messages}
        damaged = self._damaged and self._damaged & numbers_in(self._directory / "journal.db")
        seqs = sorted({entry.seq for entry in page.messages} | damaged)
        return Record(tuple((seq, self._known[seq]) for seq in seqs), self.seqs[-1], damaged)

    def store(self) -> None:
        """Store two more messages."""
        self.seqs += self.journal.store("more", "and more", prefix=f"more-{len(self.seqs)}")
        self.journal.store()  # what expires has expired by the next answer

    def join(self, after: Position | None, history: int | None) -> Peer:
        """Let somebody new join the lobby."""
        self._peers += 1
        peer = self.host.live(f"bob-{self._peers}")
        peer.send(Join(room="lobby", after=after, history=history))
        return peer


def take(peer: Peer) -> tuple[Joined, list[Entry], int | None]:
    """Take what a join brought: the answer, what was read, and how many messages were skipped."""
    joined = peer.one(Joined)
    frames = [frame for frame in peer.take() if isinstance(frame, Gap | Message)]
    counts = [frame.count for frame in frames if isinstance(frame, Gap) and frame.reason == "skipped"]
    return joined, [_entry(frame) for frame in frames], counts[0] if counts else None


def _entry(frame: Gap | Message) -> Entry:
    if isinstance(frame, Gap):
        return frame.after, frame.through, frame.reason
    return frame.prev, frame.seq, "message"


Meanwhile = Callable[[Scene], Record]
"""What happens while a place is looked up; returns the record in which it is found."""


def nothing_happens(scene: Scene) -> Record:
    """Nobody posts meanwhile."""
    scene.journal.ask()
    found = scene.record()
    scene.journal.answer()
    return found


def somebody_posts_before_the_place_is_found(scene: Scene) -> Record:
    """Somebody posts while the question waits."""
    scene.store()
    return nothing_happens(scene)


def somebody_posts_after_the_place_is_found(scene: Scene) -> Record:
    """Somebody posts while the answer is on its way."""
    scene.journal.ask()
    found = scene.record()
    scene.store()
    scene.journal.answer()
    return found


VARIANTS = [
    pytest.param(MAKERS[name], trimmed, damaged, id=f"{name}-{trimmed=}-{damaged=}")
    for name, trimmed, damaged in rows.JOURNALS_WITH_LOSSES
]


@pytest.mark.parametrize("page_messages", [5, 1_000])
@pytest.mark.parametrize(("maker", "trimmed", "damaged"), VARIANTS)
def test_a_join_with_both_begins_where_the_table_says(
    maker: Maker, trimmed: bool, damaged: bool, page_messages: int, tmp_path: Path
) -> None:
    scene = Scene(maker, tmp_path, trimmed=trimmed, damaged=damaged, page_messages=page_messages)
    left = [seq for seq, _ in scene.record().messages]
    positions = [0, scene.seqs[1], left[0], left[5], scene.seqs[-1], scene.seqs[-1] + 1]
    numbers = [0, 1, 3, len(left), 5, 6, 2**53 - 1]
    for seq, history in itertools.product(positions, numbers):
        check(scene, scene.epoch, seq, history, nothing_happens)
    for seq, history in itertools.product(positions[::4], numbers):
        check(scene, "another", seq, history, nothing_happens)
    scene.host.hub.close()


@pytest.mark.parametrize(("maker", "trimmed", "damaged"), VARIANTS)
def test_a_join_with_one_of_them_begins_there(
    maker: Maker, trimmed: bool, damaged: bool, tmp_path: Path
) -> None:
    scene = Scene(maker, tmp_path, trimmed=trimmed, damaged=damaged, page_messages=5)
    record, head = scene.record(), scene.seqs[-1]
    for history in (0, 1, 3, 5, 6, 2**53 - 1):
        place = record.place(min(history, 5), head)
        peer = scene.join(None, history)
        joined, entries, _ = take(peer)
        assert (joined.after, entries) == (place, list(record.reading(place)))
        peer.lose()
    for seq in (0, scene.seqs[1], record.messages[0][0], record.messages[5][0], head):
        peer = scene.join(Position(epoch=scene.epoch, seq=seq), None)
        joined, entries, _ = take(peer)
        assert (joined.after, entries) == (seq, list(record.reading(seq)))
        peer.lose()
    scene.host.hub.close()


@pytest.mark.parametrize(
    "meanwhile", [somebody_posts_before_the_place_is_found, somebody_posts_after_the_place_is_found]
)
@pytest.mark.parametrize(("maker", "trimmed", "damaged"), VARIANTS)
def test_posts_while_the_place_is_looked_up_are_read_too(
    maker: Maker, trimmed: bool, damaged: bool, meanwhile: Meanwhile, tmp_path: Path
) -> None:
    scene = Scene(maker, tmp_path, trimmed=trimmed, damaged=damaged, page_messages=6)
    for back, history in itertools.product([1, 4], [0, 1, 3, 6]):
        check(scene, scene.epoch, scene.seqs[-back], history, meanwhile)
        check(scene, scene.epoch, 0, history, meanwhile)
    check(scene, "another", scene.seqs[-2], 3, meanwhile)
    check(scene, scene.epoch, scene.seqs[-1] + 100, 3, meanwhile)
    scene.host.hub.close()


def check(scene: Scene, epoch: str, seq: int, history: int, meanwhile: Meanwhile) -> None:
    """Join, and compare with the model."""
    head, back = scene.seqs[-1], min(history, scene.host.hub.limits.page_messages)
    is_new = epoch != scene.epoch or seq > head
    position = 0 if is_new else seq
    scene.journal.held = scene.journal.answered = {"seek"}
    peer = scene.join(Position(epoch=epoch, seq=seq), history)
    assert peer.take_all(Joined) == []
    found = meanwhile(scene)
    scene.host.pump()
    opening = found.opening(position, back, head)
    begin = max(position, found.place(back, head))
    expected = [(0, 0, "reset")] * is_new + opening + list(scene.record().reading(begin))
    joined, entries, count = take(peer)
    assert (joined.after, joined.head, entries) == (position, scene.seqs[-1], expected)
    skipped = [(after, through) for after, through, reason in opening if reason == "skipped"]
    counts = [len([s for s, _ in found.messages if after < s <= through]) for after, through in skipped]
    assert count == (counts[0] if counts else None)
    peer.lose()
