"""A journal that does nothing by itself: the simulation takes each of its steps."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from chatcore.journal import (
    Conflict,
    Draft,
    Feed,
    Head,
    Journal,
    Outcome,
    Page,
    Place,
    Posted,
    RoomPage,
    RoomRecord,
    Stored,
    Unavailable,
    always,
)
from chatcore.journal.search import Answer, SearchRequest
from chatcore.messages import DurabilityWord, Message
from tests.simulation.hunts import hits
from tests.simulation.pages import ERA, number_from, page, position_before
from tests.simulation.record import Log
from tests.simulation.step import Step, expect
from tests.simulation.submission import Done, Submission
from tests.simulation.world import World

__all__ = ["SimJournal"]


T = TypeVar("T")


class SimJournal:
    """Commits, reports, answers and reads in separate steps, in any order that the contract allows.

    - A message is stored in one step, reported to the feed in another, and ``done`` called in a third: an
      ack may come before or after the sender's own copy.
    - After a failure nothing is stored until all refusals were reported, in sequence: a sender that is
      refused sends again in its order. Some refused posts may have been stored nevertheless.
    - An entry may be damaged: reads have a gap in its place.
    - A read looks at the log in one step and delivers in another; retention and commits continue between.
    - The head of a room may be that of another epoch, or ahead of what was reported.
    - A room may be removed: what was reported of it is gone, and its numbers go on.
    - The log may be replaced: by an older copy of itself, or by one with other numbers. Heads and pages may
      be those of the new one before the feed is told of it.
    """

    durability: DurabilityWord = "synced"
    dedupe_seconds = 120.0

    def __init__(self, world: World) -> None:
        self.record = world.record
        self._epoch = self.record.begin({})
        self.record.open(self._epoch)
        self._world = world
        self._random = world.random
        self._capacity = world.random.choice((3, 100))  # submissions that wait
        self._promptness = world.random.choice((0.3, 3))  # with which it reports what is stored
        self._readiness = world.random.choice((0.2, 1, 3))  # with which it looks up what was asked
        self._restlessness = world.random.choice((0, 0.02, 0.15))  # how often the log is replaced
        self._rot = world.random.choice((0, 0.3))  # how often an entry is damaged
        self._has_holes = world.random.choice((False, True))
        self._feed: Feed | None = None
        self._queue: deque[Submission] = deque()
        self._stored: list[Submission] = []  # `done` is owed
        self._refused: list[Submission] = []  # `done` is owed; nothing is stored before
        self._unreported: deque[Message] = deque()
        self._posted: dict[tuple[str, str], Posted] = {}  # what was posted, by room and id
        self._removed: set[str] = set()  # rooms that are not listed
        self.loading: Counter[str] = Counter()  # rooms whose heads are asked for
        self._heads: list[Callable[[], Callable[[], None]]] = []  # and pages: not looked up yet
        self._reads: list[Callable[[], Callable[[], None]]] = []  # the rest of what was asked
        self._deliveries: list[Callable[[], None]] = []

    # --- the seam --------------------------------------------------------------------------------

    def start(self, feed: Feed) -> None:
        """Begin with an empty log."""
        self._feed = feed
        feed.opened(self._epoch, lambda room: 0)

    def submit(self, drafts: Sequence[Draft], done: Done, still_valid: Callable[[], bool] = always) -> None:
        """Queue drafts; refuse them immediately if there are too many."""
        self.judge(drafts)
        submission = Submission(drafts, done)
        if self._refused or not still_valid():
            submission.refuse_rest(1.0)
            self._refused.append(submission)
        elif len(self._queue) >= self._capacity:
            submission.refuse_rest(0.5)
            done(submission.outcomes)
        else:
            self._queue.append(submission)

    def judge(self, drafts: Sequence[Draft]) -> None:
        """Check that whoever posts may: that was decided in this step, and a change takes one at most."""
        table = self._world.table
        for draft in drafts:
            where = (draft.author, draft.room, table.step)
            expect(not table.was_muted(*where), draft, "is of somebody who is muted")
            expect(not table.was_out(*where), draft, "is of somebody who may not be in the room")

    def read(
        self,
        room: str,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Note a page to be read."""

        def look() -> Page:
            log = self._log(room)
            low = after if after_at is None else position_before(log, after_at)
            high = before
            if before_at is not None:
                first = number_from(log, before_at)
                high = first if before is None else min(before, first)
            found = page(self._epoch, log, low, high, limit, max_bytes)
            return replace(found, oldest=log.position(log.expired)) if after_at is not None else found

        self._heads.append(self._asked(look, deliver))

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        """Note a place to be found; the count is not always known."""

        def look() -> Place:
            log = self._log(room)
            index = max(log.index_after(before - 1) - back, log.expired)
            count = max(index - max(log.index_after(after), log.expired), 0)
            known = self._random.random() < 0.8
            oldest = log.position(log.expired)
            return Place(self.record.epoch, log.position(index), oldest, count if known else None)

        self._reads.append(self._asked(look, deliver))

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        """Note a head to be looked up: what was reported, or what is stored."""

        def look() -> Head:
            log = self._log(room)
            seq = self._random.choice((log.told, log.head))
            log.answer(seq)
            return Head(self._epoch, seq)

        def answer(head: Head | Unavailable) -> None:
            self.loading[room] -= 1
            deliver(head)

        self.loading[room] += 1
        self._heads.append(self._asked(look, answer))

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        """Note a page of rooms to be read."""

        def look() -> RoomPage:
            found = [
                RoomRecord(room, log.head, log.messages[-1].at)
                for room, log in sorted(self.record.lives[self._epoch].items())
                if log.messages and room not in self._removed
                if room.startswith(prefix) and (after is None or room > after)
            ]
            return RoomPage(tuple(found[:limit]), len(found) > limit)

        self._reads.append(self._asked(look, deliver))

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Note a room to be removed, with what was reported of it by then."""

        def look() -> bool:
            log = self._log(room)
            if not log.told or room in self._removed:
                return False
            log.expire(log.index_after(log.told))
            if log.told == log.head:
                self._removed.add(room)
            return True

        self._reads.append(self._asked(look, deliver))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Note a position to be waited for."""
        self._reads.append(self._asked(lambda: self._log(room).told >= seq, deliver))

    @property
    def can_search(self) -> bool:
        """Whether a search is worth a try: always."""
        return True

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Note what is to be looked for; it may be found in a log that the feed does not know of yet."""

        def look() -> Answer:
            return hits(self._epoch, self.record.lives[self._epoch], request, self._random)

        self._heads.append(self._asked(look, deliver))

    def close(self) -> None:
        """Do nothing; there is nothing to close."""

    def _asked(
        self, answer: Callable[[], T], deliver: Callable[[T | Unavailable], None]
    ) -> Callable[[], Callable[[], None]]:
        """Return what looks up an answer, and returns what delivers it."""

        def look() -> Callable[[], None]:
            found = Unavailable(0.5) if self._world.chance(0.1) else answer()
            return lambda: deliver(found)

        return look

    def _log(self, room: str) -> Log:
        return self.record.log(room, self._epoch)

    @property
    def is_open(self) -> bool:
        """Whether the feed knows of this epoch."""
        return self._epoch == self.record.epoch

    # --- the steps -------------------------------------------------------------------------------

    @property
    def timer(self) -> float | None:
        """When something is due that does not wait for a step."""
        return None

    @property
    def idle(self) -> bool:
        """Whether nothing is owed to anybody."""
        owed = self._queue, self._stored, self._refused, self._unreported
        asked = self._heads, self._reads, self._deliveries
        return self.is_open and not any((*owed, *asked))

    def steps(self) -> Iterator[Step]:
        """Offer what could happen now."""
        if not self.is_open:
            yield Step(3 if self._world.calm else 0.3, self._open)
        elif self._queue and not self._refused:
            yield Step(3, self._commit)
            if not self._world.calm:
                yield Step(0.3, self._fail)
        if self._unreported:
            yield Step(3 if self._world.calm else self._promptness, self._report)
        if self._stored:
            yield Step(3, self._answer)
        if self._refused:
            yield Step(2, self._report_refusals)
        yield from self._steps_of_questions()
        if not self._world.calm:
            yield Step(0.3, self._expire)
            yield Step(self._rot, self._damage)
            yield Step(self._restlessness if self.is_open else 0, self._replace)

    def _steps_of_questions(self) -> Iterator[Step]:
        readiness = 3 if self._world.calm else self._readiness
        if self._heads or (self._reads and self.is_open):
            yield Step(readiness, self._look)
        if self._deliveries:
            yield Step(readiness, self._deliver)

    def _commit(self) -> str:
        wanted = self._random.randint(1, 4)
        outcomes = [self._store_next() for _ in range(min(wanted, self._queued()))]
        return f"journal commits {outcomes}"

    def _report(self) -> str:
        assert self._feed is not None
        messages = [self._unreported.popleft() for _ in range(self._random.randint(1, len(self._unreported)))]
        for message in messages:
            self._log(message.room).tell(message.seq)
        self._feed.committed(list(map(Stored.of, messages)))
        return f"journal reports {[message.seq for message in messages]}"

    def _answer(self) -> str:
        submission = _pop_any(self._random, self._stored)
        submission.done(submission.outcomes)
        return f"journal answers {[(draft.id, outcome) for draft, outcome in _pairs(submission)]}"

    def _fail(self) -> str:
        # The writer does not know how much of its batch has reached the disk; later it finds out.
        stored = self._random.choice((0, 0, 1, 2))
        while self._queue:
            submission = self._queue.popleft()
            for draft in submission.drafts[len(submission.outcomes) :]:
                if stored:
                    stored -= 1
                    self._store(draft)
            submission.refuse_rest(1.0)
            self._refused.append(submission)
        return f"journal fails {[[draft.id for draft in s.drafts] for s in self._refused]}"

    def _report_refusals(self) -> str:
        refused, self._refused = self._refused, []
        for submission in refused:
            submission.done(submission.outcomes)
        return f"journal reports {len(refused)} refusals"

    def _look(self) -> str:
        asked = self._heads if self._heads and not (self._reads and self.is_open) else None
        asked = asked or self._random.choice([each for each in (self._heads, self._reads) if each])
        self._deliveries.append(_pop_any(self._random, asked)())
        return "journal looks up what was asked"

    def _deliver(self) -> str:
        _pop_any(self._random, self._deliveries)()
        return "journal delivers what it found"

    def _expire(self) -> str:
        rooms = sorted(self.record.lives[self._epoch])
        if not rooms:
            return "journal has nothing to expire"
        log = self._log(room := self._random.choice(rooms))
        log.expire(self._random.randint(log.expired, max(log.index_after(log.told), log.expired)))
        return f"journal expires {room} up to {log.position(log.expired)}"

    def _damage(self) -> str:
        rooms = sorted(room for room, log in self.record.lives[self._epoch].items() if log.messages)
        if not rooms:
            return "journal has nothing to damage"
        log = self._log(room := self._random.choice(rooms))
        first = self._random.randrange(len(log.seqs))
        run = log.seqs[first : first + self._random.randint(1, 4)]
        log.damaged.update(run)
        return f"journal has damaged {run} of {room}"

    def _replace(self) -> str:
        old = self.record.lives[self._epoch]
        self._unreported.clear()
        self._removed.clear()
        self._epoch = self.record.begin({room: self._successor(log) for room, log in sorted(old.items())})
        return f"journal begins {self._epoch}"

    def _open(self) -> str:
        assert self._feed is not None
        self.record.open(self._epoch)
        heads = {room: log.head for room, log in self.record.lives[self._epoch].items() if log.head}
        self._feed.opened(self._epoch, lambda room: heads.get(room, 0))
        return f"journal opens {self._epoch} {heads}"

    # --- storing ---------------------------------------------------------------------------------

    def _queued(self) -> int:
        return sum(len(submission.drafts) - len(submission.outcomes) for submission in self._queue)

    def _store_next(self) -> Outcome:
        submission = self._queue[0]
        outcome = self._store(submission.drafts[len(submission.outcomes)])
        submission.outcomes.append(outcome)
        if len(submission.outcomes) == len(submission.drafts):
            self._stored.append(self._queue.popleft())
        return outcome

    def _store(self, draft: Draft) -> Outcome:
        log = self._log(draft.room)
        known = log.by_id.get(draft.id)
        posted = draft.posted or (draft.kind, draft.target, draft.text)
        if known is not None:
            same = self._posted[draft.room, draft.id] == posted
            return known.seq if same else Conflict()
        hole = self._random.choice((0, 0, 1, 2)) if self._has_holes else 0
        message = Message(
            room=draft.room,
            seq=log.head + 1 + hole,
            prev=log.head,
            id=draft.id,
            nick=draft.nick,
            kind=draft.kind,
            target=draft.target,
            text=draft.text,
            at=self._time(log),
        )
        log.append(message)
        self._world.stored_at.setdefault(message.id, self._world.table.step)
        self._posted[draft.room, draft.id] = posted
        self._removed.discard(draft.room)
        self._unreported.append(message)
        return message.seq

    def _time(self, log: Log) -> datetime:
        # The clock goes back now and then, and times do not.
        now = ERA + timedelta(seconds=self._world.now - self._random.choice((0, 0, 0, 5)))
        return max(now, log.messages[-1].at) if log.messages else now

    def _successor(self, log: Log) -> Log:
        fate = self._random.randrange(3)
        if fate == 0:
            return Log()
        if fate == 1:
            return Log(self._random.randint(0, log.head + 3))
        return log.copy(self._random.randint(0, len(log.messages)))


def _pop_any(random: Random, things: list[T]) -> T:
    return things.pop(random.randrange(len(things)))


def _pairs(submission: Submission) -> Iterator[tuple[Draft, Outcome]]:
    return zip(submission.drafts, submission.outcomes, strict=True)


_: type[Journal] = SimJournal
