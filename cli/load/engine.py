"""Runs a load test: connects the members, lets them post for a while, waits for the rest, and sums up."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator

from chatcore.errors import ChatError, RefusedError
from chatcore.names import fold
from cli.load.histogram import Histogram
from cli.load.ledger import Ledger
from cli.load.participant import Participant
from cli.load.plan import Plan
from cli.load.poster import Poster
from cli.load.reader import Reader
from cli.load.tally import Tally
from cli.load.verifier import Verifier
from transports.asyncio_tcp import new_event_loop
from transports.sockets import CONNECT_SECONDS, GOODBYE_SECONDS

__all__ = ["run"]

CONNECTING = 64
"""Members that are let in at the same time."""

QUIET_SECONDS = 5.0
"""When posting is over, silence after which what has not come will not come."""

INTERRUPTED_SECONDS = 1.0
"""The same when the user has no more patience."""

_BUFFER = 128 * 1024
_LOOK = 0.02  # seconds between two looks at whether all has come


def run(plan: Plan, host: str, port: int, progress: Callable[[int, int], None]) -> Tally:
    """Do the whole test; Ctrl-C ends it early.

    ``progress`` is told once a second how many members are in the room, and of all deliveries so far.

    Raises `RefusedError` where somebody is not let in, and `OSError` where there is no server.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_Engine(plan, progress).run(host, port))


class _Engine:
    """All members, and what they share."""

    def __init__(self, plan: Plan, progress: Callable[[int, int], None]) -> None:
        self.buffer = memoryview(bytearray(_BUFFER))
        self.clock = time.monotonic
        self._plan = plan
        self._progress = progress
        self._ledger = Ledger(plan)
        self._verifier = Verifier(fold(plan.room), self._ledger)
        self._acks = Histogram()
        self._members: list[Participant] = []
        self._disconnected: Counter[str] = Counter()
        self._deserted = asyncio.Event()  # nobody is left

    async def run(self, host: str, port: int) -> Tally:
        """Run the test to its end, or until this task is cancelled."""
        tally = Tally(self._plan, delivery=self._verifier.delivery, acks=self._acks)
        watching = asyncio.create_task(self._watch())
        try:
            await self._connect_all(host, port)
            await self._measure(tally)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._leave_all()
        return tally

    def lost(self, member: Participant, error: ChatError) -> None:
        """Count a connection that ended before its time."""
        member.reader.leave_log()
        self._disconnected[str(error)] += 1
        if not self._readers():
            self._deserted.set()

    # --- in order of time ------------------------------------------------------------------------

    async def _connect_all(self, host: str, port: int) -> None:
        numbers = iter(range(self._plan.members))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(CONNECTING):
                    group.create_task(self._connect_some(numbers, host, port))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _connect_some(self, numbers: Iterator[int], host: str, port: int) -> None:
        for index in numbers:
            member = Participant(self, self._plan, index, self._verifier)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._connect(member, host, port)
            except RefusedError as error:
                message = f"member {index + 1} of {self._plan.members} was not let in: {error.message}"
                raise RefusedError(error.code, message, room=error.room) from None

    async def _connect(self, member: Participant, host: str, port: int) -> None:
        await asyncio.get_running_loop().create_connection(lambda: member, host, port)
        self._members.append(member)
        await member.joined

    async def _measure(self, tally: Tally) -> None:
        plan = self._plan
        cpu = time.process_time()
        before = self._bytes_received()
        start = self._verifier.last_delivery = self.clock()
        for member in self._members:
            if member.index < plan.posters:
                member.post(Poster(plan, member.index, self._ledger, self._acks, start))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(plan.seconds):
                    await self._deserted.wait()
            await self._wait_for_rest(QUIET_SECONDS)
        except asyncio.CancelledError:  # Ctrl-C
            tally.interrupted = True
            await self._wait_for_rest(INTERRUPTED_SECONDS)
        tally.seconds = self._verifier.last_delivery - start
        tally.bytes_received = self._bytes_received() - before
        tally.load = (time.process_time() - cpu) / (self.clock() - start)
        self._sum_up(tally)

    async def _wait_for_rest(self, quiet: float) -> None:
        """Post nothing new; wait until all is delivered, or nothing of it has come for a while."""
        for poster in self._posters():
            poster.stop()
        last: tuple[int, ...] = ()
        since = 0.0
        while not self._has_all():
            goal, now = self._verifier.goal, self.clock()
            places = [min(reader.position, goal) for reader in self._readers()]
            if (state := (self._unanswered(), self._verifier.unshown, goal, sum(places))) != last:
                last, since = state, now
            elif now - since > quiet:
                break
            await asyncio.sleep(_LOOK)

    def _has_all(self) -> bool:
        if self._unanswered() or self._verifier.unshown:
            return False
        return all(reader.at_goal for reader in self._readers())

    def _unanswered(self) -> int:
        """Return how many posts may still be answered."""
        return sum(each.poster.unanswered for each in self._members if each.poster and not each.lost)

    async def _leave_all(self) -> None:
        for member in self._members:
            member.leave()
        ended = [member.ended for member in self._members]
        if ended:
            await asyncio.wait(ended, timeout=GOODBYE_SECONDS)
            for member in self._members:
                member.abort()
            await asyncio.wait(ended)

    def _sum_up(self, tally: Tally) -> None:
        readers = self._readers()
        if tally.interrupted:
            tally.undelivered = sum(reader.behind() for reader in readers)
        else:
            for reader in readers:
                reader.settle()
            tally.lost = self._verifier.unshown * len(readers)
        for member in self._members:
            reader = member.reader
            tally.joined += member.has_joined
            tally.deliveries += reader.delivered
            tally.lost += reader.lost
            tally.duplicated += reader.duplicated
            tally.disordered += reader.disordered
            tally.altered += reader.altered
            tally.announced += reader.missed
        tally.duplicated += self._ledger.duplicated
        tally.disordered += self._ledger.disordered
        for poster in self._posters():
            tally.sent += poster.sent
            tally.acked += poster.acked
            tally.unanswered += poster.unanswered
            tally.refusals.update(poster.refusals)
        tally.disconnected = self._disconnected

    # --- at any time -----------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            joined = sum(member.has_joined for member in self._members)
            self._progress(joined, sum(member.reader.delivered for member in self._members))

    def _readers(self) -> list[Reader]:
        """Return the readers of all who read, and are still connected."""
        return [
            member.reader
            for member in self._members
            if member.has_joined and not member.stalled and not member.lost
        ]

    def _posters(self) -> list[Poster]:
        return [member.poster for member in self._members if member.poster is not None]

    def _bytes_received(self) -> int:
        return sum(member.bytes_received for member in self._members)
