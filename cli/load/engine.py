"""Runs a load test: connects the members, lets them post for a while, waits for the rest, and sums up.

All members live in one event loop and one process. What that costs is part of the result, and `Tally.load`
says how much it is.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from chatcore import ChatError, RefusedError, fold
from cli.load.histogram import Histogram
from cli.load.ledger import Ledger
from cli.load.participant import Participant
from cli.load.plan import Plan
from cli.load.poster import Poster
from cli.load.reader import Reader
from cli.load.tally import Tally
from cli.load.verifier import Verifier
from transports.asyncio_tcp import new_event_loop

__all__ = ["run"]

CONNECT_SECONDS = 10.0
"""How long a member tries to reach the server and to join."""

GOODBYE_SECONDS = 1.0
"""How long members wait, at the end, for the server to close its side of their connections."""

CONNECTING = 64
"""Members that connect at the same time."""

QUIET_SECONDS = 5.0
"""Seconds of silence, after posting, after which what has not arrived counts as lost."""

INTERRUPTED_SECONDS = 1.0
"""The same after Ctrl-C."""

_BUFFER = 128 * 1024
_LOOK = 0.02  # seconds between two checks of whether everything has arrived


def run(plan: Plan, places: Sequence[tuple[str, int]], progress: Callable[[int, int], None]) -> Tally:
    """Do the whole test; Ctrl-C ends it early.

    ``places`` are the host and the port of each node of the server, to which members connect in turn.
    ``progress`` is called once per second, with the number of members in the room and of all deliveries so
    far. Raises `RefusedError` if the server refuses a member, and `OSError` if there is no server.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_Engine(plan, places, progress).run())


class _Engine:
    """All members, and what they share."""

    def __init__(
        self, plan: Plan, places: Sequence[tuple[str, int]], progress: Callable[[int, int], None]
    ) -> None:
        self.buffer = memoryview(bytearray(_BUFFER))
        self.clock = time.monotonic
        self._plan = plan
        self._places = places
        self._progress = progress
        self._ledger = Ledger(plan)
        self._verifier = Verifier(fold(plan.room), self._ledger)
        self._acks = Histogram()
        self._members: list[Participant] = []
        self._disconnected: Counter[str] = Counter()
        self._deserted = asyncio.Event()  # no reader is left

    async def run(self) -> Tally:
        """Run the test to its end, or until this task is cancelled."""
        tally = Tally(self._plan, delivery=self._verifier.delivery, acks=self._acks)
        watching = asyncio.create_task(self._watch())
        try:
            await self._connect_all()
            await self._measure(tally)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._leave_all()
        return tally

    def lost(self, member: Participant, error: ChatError) -> None:
        """Count a connection that ended too early."""
        member.reader.leave_log()
        self._disconnected[str(error)] += 1
        if not self._readers():
            self._deserted.set()

    # --- the steps of a test ---------------------------------------------------------------------

    async def _connect_all(self) -> None:
        numbers = iter(range(self._plan.members))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(CONNECTING):
                    group.create_task(self._connect_some(numbers))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _connect_some(self, numbers: Iterator[int]) -> None:
        for index in numbers:
            member = Participant(self, self._plan, index, self._verifier)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._connect(member)
            except RefusedError as error:
                message = f"member {index + 1} of {self._plan.members}: {error.message}"
                raise RefusedError(error.code, message, room=error.room) from None

    async def _connect(self, member: Participant) -> None:
        host, port = self._places[member.index % len(self._places)]
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
        """Stop posting, and wait until everything has arrived, or nothing has for ``quiet`` seconds."""
        for poster in self._posters():
            poster.stop()
        last: tuple[int, ...] = ()
        since = 0.0
        while not self._has_all():
            goal, now = self._verifier.goal, self.clock()
            positions = [min(reader.position, goal) for reader in self._readers()]
            if (state := (self._unanswered(), self._verifier.unshown, goal, sum(positions))) != last:
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

    # --- all members -----------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            joined = sum(member.has_joined for member in self._members)
            self._progress(joined, sum(member.reader.delivered for member in self._members))

    def _readers(self) -> list[Reader]:
        """Return the readers of all members that read and are still connected."""
        return [
            member.reader
            for member in self._members
            if member.has_joined and not member.stalled and not member.lost
        ]

    def _posters(self) -> list[Poster]:
        return [member.poster for member in self._members if member.poster is not None]

    def _bytes_received(self) -> int:
        return sum(member.bytes_received for member in self._members)
