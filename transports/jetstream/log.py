"""The log: a connection to one of its servers at a time, for ever, and what is done with each.

- Whatever fails is tried again, with the next server, after a pause. It starts without any.
- A stream is looked at before anything of it is used: that it is set up as ours are, that it is the one that
  was read, and that it has not lost what was read. A server that has just ceased to lead may say of it what
  was true a while ago, so a loss is reported only if it stays.
- An entry is reported behind the one before it, and never without it. A server that lacks one, or has it
  damaged, makes it wait; then the server that leads is asked.
- What was appended is noted until it was read, or is old. While there is any, the stream is asked for news
  more often, and it is sent again as soon as a connection is back, or a server said that it did not take it.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from nats.aio.msg import Msg

from chatcore.replication import DurabilityWord, Log, LogEntry, LogListener
from chatcore.replication.fence import ENTRY_BYTES
from transports.asyncio_tcp import new_event_loop
from transports.jetstream.asking import Questions
from transports.jetstream.fetching import Fetches
from transports.jetstream.link import Link, LinkLost, Servers, StreamMissing, entry_of, refusal_of
from transports.jetstream.log_events import (
    stream_connected,
    stream_entry_refused,
    stream_entry_too_large,
    stream_failed,
    stream_forbidden,
    stream_incomplete,
    stream_lost,
    stream_made,
    stream_unfit,
    stream_unreachable,
)
from transports.jetstream.sequence import Sequence
from transports.jetstream.stream import Stream, StreamState, Unfit
from transports.jetstream.syncing import SyncWatch

__all__ = ["JetStreamLog"]

PAUSES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Seconds before the next server is tried, the more often it failed."""

UNFIT_PAUSE: Final = 5.0
"""Seconds after which a stream that can't be used is looked at again."""

ASKING: Final = 1.0
"""Seconds for an answer about the stream: few, since nothing is sent before it when a leader was lost."""

MAKING: Final = 5.0
"""Seconds for a stream to be made."""

ELECTION: Final = 10.0
"""Seconds after which a server's word that entries are gone is believed: more than an election takes."""

LOOK: Final = 5.0
"""Seconds between looks at the stream."""

UNSETTLED_PROBE: Final = 0.25
"""Seconds between questions for news, while something of ours was not read."""

SILENT_PROBE: Final = 2.0
"""Seconds between questions for news, else."""

FORGOTTEN: Final = 15.0
"""Seconds after which what was appended, and was not read, is no longer sent: longer than anybody waits."""

BARREN: Final = 4
"""Questions for a missing entry that bring nothing, after which the server that leads is asked."""

MISSING: Final = 10.0
"""Seconds that an entry is missing before that is logged."""


CANCELLING: Final = 0.1
"""Seconds after which what was cancelled, and is not over, is cancelled again."""


class _Again(Exception):
    """The stream has to be looked at from the start; the argument says why."""


class JetStreamLog:
    """A `Log` in a stream, which is made if it is missing and was never read, unless it ``makes`` none.

    One whose entries expire is made again if it is missing, as another log, and read from its start if it has
    lost what was read.
    """

    def __init__(self, servers: Servers, stream: Stream, *, makes: bool = True) -> None:
        self._servers = servers
        self._stream = stream
        self._makes = makes
        self._listener: LogListener | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()  # guards the loop, against `append` and `close`
        self._early: list[bytes] = []  # what was appended before there is a loop
        self._state: StreamState | None = None
        self._server = ""
        # The rest is for the loop.
        self._identity = ""
        self._sequence = Sequence(0)
        self._was_read = 0
        self._outgoing: deque[bytes] = deque()
        self._questions = Questions(self._closed.is_set)
        self._unsettled: dict[bytes, float] = {}
        self._syncs = SyncWatch(stream.name, servers.monitors)
        self._again: asyncio.TimerHandle | None = None
        self._probe: asyncio.Timeout | None = None  # the wait until it is asked for news
        self._said: set[str] = set()  # what was logged and need not be again
        self._refused: dict[str, float] = {}  # why entries were refused, and when last

    def __repr__(self) -> str:
        return f"<JetStreamLog {self._stream.name} {','.join(self._servers.addresses)}>"

    @property
    def state(self) -> StreamState | None:
        """What was last seen of the stream, ``None`` before that."""
        return self._state

    @property
    def server(self) -> str:
        """The address of the server that it is connected to, empty without one."""
        return self._server

    def start(self, listener: LogListener, after: int) -> None:
        """Begin to connect, in a thread of its own."""
        self._listener = listener
        self._was_read = after
        self._thread = threading.Thread(target=self._run, name=f"chat-log-{self._stream.name}", daemon=True)
        self._thread.start()

    def append(self, data: bytes) -> None:
        """Send an entry, now or once there is a connection."""
        with self._lock:
            if self._closed.is_set():
                return
            if self._loop is None:
                self._early.append(data)
            else:
                self._loop.call_soon_threadsafe(self._accept, data)

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Ask the server that leads, if there is a connection; all who ask meanwhile get one answer."""
        with self._lock:
            if self._closed.is_set():
                return
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._ask, deliver)
                return
        deliver(None)

    def close(self) -> None:
        """Report no more, and let the connection go."""
        with self._lock:
            self._closed.set()
            if self._loop is not None and self._closing is not None:
                self._loop.call_soon_threadsafe(self._closing.set)
        if self._thread is not None:
            self._thread.join()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        name = f"chat-log-{self._stream.name}-reports"
        with (
            ThreadPoolExecutor(1, thread_name_prefix=name) as self._reports,
            asyncio.Runner(loop_factory=new_event_loop) as runner,
        ):
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        self._changed = asyncio.Event()  # something is to be sent
        self._ready = asyncio.Event()  # something is to be reported
        self._wanted = asyncio.Event()  # something is missing, or there is room again
        self._closing = closing = asyncio.Event()
        with self._lock:
            if self._closed.is_set():
                return
            self._loop = asyncio.get_running_loop()
            for data in self._early:
                self._accept(data)
        work = asyncio.create_task(self._connect_for_ever())
        await closing.wait()
        with self._lock:
            self._loop = None
        await _end(work)

    async def _connect_for_ever(self) -> None:
        attempts = 0
        while True:
            for address in self._servers.addresses:
                served = await self._try(address)
                attempts = 0 if served else attempts + 1
                pause = PAUSES[min(attempts // len(self._servers.addresses), len(PAUSES) - 1)]
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _try(self, address: str) -> bool:
        """Use a server until it is lost; return whether it was of any use."""
        link = Link(self._servers, address, f"{self._stream.name}.inbox", self._note_forbidden)
        served = False
        try:
            await link.open()
            state = await self._look(link)
            served = True
            await self._serve(link, state)
        except (LinkLost, _Again) as error:
            self._note_lost(address, served=served, error=str(error))
        except Unfit as error:
            reason = str(error)
            self._say_once(f"{address}: {reason}", stream_unfit.log, server=address, reason=reason)
            await asyncio.sleep(UNFIT_PAUSE)
        except Exception as error:  # a bug, here or in nats-py; without this nobody would follow the log
            stream_failed.log_bug(error, stream=self._stream.name)
            await asyncio.sleep(PAUSES[-1])
        finally:
            self._server = ""
            self._questions.refuse()
            await link.close()
        return served

    # --- before anything is used -----------------------------------------------------------------

    async def _look(self, link: Link) -> StreamState:
        """Return what the stream is now, and make it if there is none; raises `LinkLost` and `Unfit`."""
        gone_since: float | None = None
        while True:
            state = self._stream.read_info(await self._find(link))
            if self._identity not in ("", state.identity) or state.last >= self._read_to:
                return state
            now = time.monotonic()
            gone_since = now if gone_since is None else gone_since
            if now >= gone_since + ELECTION:
                return state
            await asyncio.sleep(PAUSES[3])

    async def _find(self, link: Link) -> dict[str, Any]:
        name = self._stream.name
        try:
            return await link.ask(f"STREAM.INFO.{name}", {}, ASKING)
        except StreamMissing:
            if not self._makes:
                raise Unfit("there is no such stream") from None
            if self._read_to and not self._stream.expires:
                raise Unfit("there is no such stream, of which entries were read before") from None
        info = await link.ask(f"STREAM.CREATE.{name}", self._stream.config(), MAKING)
        stream_made.log(stream=name, server=link.address)
        return info

    @property
    def _read_to(self) -> int:
        """The last entry that was reported, now or before the start."""
        return max(self._sequence.position, self._was_read)

    # --- a connection ----------------------------------------------------------------------------

    async def _serve(self, link: Link, state: StreamState) -> None:
        """Report and send until something ends it, which is raised."""
        holds = await self._open(link, state)
        self._said.clear()
        self._refused.clear()
        fetches = Fetches(link, self._stream, self._take)
        errors = link.inbox()
        await fetches.open()
        await link.subscribe(errors, self._hear_error)
        if not holds:
            await link.subscribe(self._stream.feed, self._hear)
        await link.flush()
        self._server = link.address
        self._send_again()
        jobs = [
            self._wait_for_end(link),
            self._watch(link, holds=holds),
            self._send(link, errors),
            self._questions.answer(partial(self._last, link)),
        ]
        if not holds:
            jobs += [self._report(), self._fetch(fetches)]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(*tasks)
        for task in done:
            task.result()

    async def _open(self, link: Link, state: StreamState) -> bool:
        """Report what the log is; return whether it has lost what was read, so nothing of it is reported."""
        known = self._identity in ("", state.identity)
        read = self._read_to if known else 0
        if self._stream.expires and state.last < read:
            read = 0
        self._identity, self._was_read = state.identity, read
        self._state = state
        self._sequence = Sequence(max(min(read, state.last) - 1, state.first - 1, 0))
        self._sequence.note_last(state.last)
        stream_connected.log(
            stream=self._stream.name, server=link.address, first=state.first, last=state.last
        )
        assert self._listener is not None
        durability: DurabilityWord = "replicated"
        if state.replicas < 3:
            durability = "written" if self._stream.expires or await self._syncs.why_not(state) else "synced"
        await self._call(partial(self._listener.opened, state.identity, state.first, state.last, durability))
        return state.last < read

    async def _call(self, report: Callable[[], None]) -> None:
        """Report something. It is reported in its turn also if the connection ends before."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._reports, report))

    async def _wait_for_end(self, link: Link) -> None:
        await link.lost

    async def _watch(self, link: Link, *, holds: bool) -> None:
        """Look at the stream now and then: that it is still the same, and how full it is.

        One that ``holds``, since it has lost entries, may have them again: from a server that was away.
        """
        silent = 0
        self._syncs.begin()
        while True:
            assert self._state is not None
            if self._state.replicas >= 3 and not self._stream.expires:
                await self._syncs.look(self._state)
            await asyncio.sleep(LOOK)
            read = self._sequence.position  # before it is asked: more may come until it has answered
            try:
                answer = await link.ask(f"STREAM.INFO.{self._stream.name}", {}, ASKING)
            except LinkLost as error:
                silent += 1
                if silent > 1 and len(self._servers.addresses) > 1:
                    raise LinkLost(f"{error}") from error
                continue
            except StreamMissing:
                raise _Again("the stream is gone") from None
            silent = 0
            self._state = state = self._stream.read_info(answer)
            if state.identity != self._identity:
                raise _Again("the stream is another one")
            if state.last < read or state.first > self._sequence.missing:
                raise _Again("the stream has lost entries")
            if holds and state.last >= self._read_to:
                raise _Again("the stream has what was read of it")
            self._sequence.note_last(state.last)

    def _ask(self, deliver: Callable[[int | None], None]) -> None:
        self._questions.add(deliver, connected=bool(self._server))

    async def _last(self, link: Link) -> int | None:
        """Return how far the stream goes, if that can be known."""
        try:
            state = self._stream.read_info(await link.ask(f"STREAM.INFO.{self._stream.name}", {}, ASKING))
        except (LinkLost, StreamMissing, Unfit):
            return None
        if state.identity != self._identity:
            return None
        self._sequence.note_last(state.last)
        if self._sequence.is_behind:
            self._wanted.set()
        return state.last

    # --- what is read ----------------------------------------------------------------------------

    async def _hear(self, message: Msg) -> None:
        if (entry := entry_of(message)) is not None:
            self._take(entry)

    def _take(self, entry: LogEntry) -> None:
        sequence = self._sequence
        sequence.add(entry)
        if (at := self._unsettled.pop(entry.data, None)) is not None:
            self._forget_refusals(at)
        if sequence.is_ready:
            self._ready.set()
        if sequence.is_behind:
            self._wanted.set()

    async def _report(self) -> None:
        assert self._listener is not None
        while True:
            await self._ready.wait()
            self._ready.clear()
            while entries := self._sequence.take():
                await self._call(partial(self._listener.entries, entries))
                self._wanted.set()

    async def _fetch(self, fetches: Fetches) -> None:
        """Ask for what is missing, and for news."""
        sequence = self._sequence
        barren = 0
        missing_since = time.monotonic()
        while True:
            if not sequence.is_behind or sequence.is_full or barren:
                await self._wait_until_wanted()
            if sequence.is_full:
                continue
            missing = sequence.missing
            if await fetches.fetch(missing):
                sequence.note_last(sequence.missing)
            now = time.monotonic()
            if sequence.missing != missing or not sequence.is_behind:
                barren, missing_since = 0, now
                continue
            barren += 1
            if barren >= BARREN:
                await fetches.fetch_from_leader(missing)
            if now >= missing_since + MISSING:
                log = stream_incomplete.log
                self._say_once(f"{missing} is missing", log, position=missing, seconds=int(MISSING))

    async def _wait_until_wanted(self) -> None:
        self._forget_old()
        if self._sequence.is_behind and not self._sequence.is_full:  # and the last question brought nothing
            await asyncio.sleep(UNSETTLED_PROBE)
            return
        self._wanted.clear()
        try:
            async with asyncio.timeout(UNSETTLED_PROBE if self._unsettled else SILENT_PROBE) as self._probe:
                await self._wanted.wait()
        except TimeoutError:
            pass
        finally:
            self._probe = None

    def _probe_sooner(self) -> None:
        """Wait for news as long as is waited for what is ours, and no longer."""
        if self._probe is not None and not self._probe.expired():
            self._probe.reschedule(asyncio.get_running_loop().time() + UNSETTLED_PROBE)

    # --- what is sent ----------------------------------------------------------------------------

    def _accept(self, data: bytes) -> None:
        if not self._unsettled:
            self._probe_sooner()
        self._unsettled[data] = time.monotonic()
        if self._server and self._fits(data):
            self._outgoing.append(data)
            self._changed.set()

    def _fits(self, data: bytes) -> bool:
        """Tell whether an entry may be sent; forget it if not. A server would end the connection over it."""
        if len(data) <= ENTRY_BYTES:
            return True
        del self._unsettled[data]
        stream_entry_too_large.log(stream=self._stream.name, size=len(data), limit=ENTRY_BYTES)
        return False

    async def _send(self, link: Link, errors: str) -> None:
        while True:
            while self._outgoing:
                await link.publish(self._stream.subject, self._outgoing.popleft(), errors)
            self._changed.clear()
            await self._changed.wait()

    async def _hear_error(self, message: Msg) -> None:
        """Look whether an entry was refused; that it was taken is read from the log."""
        if (message.headers or {}).get("Status") == "503":
            error = "no server leads the stream"
            self._send_again_soon()
        elif b'"error"' in message.data:
            error = refusal_of(message.data)
        else:
            return
        if error not in self._refused:
            stream_entry_refused.log(stream=self._stream.name, error=error)
        self._refused[error] = time.monotonic()

    def _forget_refusals(self, before: float) -> None:
        """Forget why entries were refused before one that was taken: it is said again if it comes again."""
        self._refused = {error: at for error, at in self._refused.items() if at >= before}

    def _note_forbidden(self, words: str) -> None:
        self._say_once(words, stream_forbidden.log, error=words)

    def _send_again_soon(self) -> None:
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(UNSETTLED_PROBE, self._send_again)

    def _send_again(self) -> None:
        """Send all that was not read, in its order."""
        self._again = None
        self._outgoing = deque(data for data in [*self._unsettled] if self._fits(data))
        self._changed.set()

    def _forget_old(self) -> None:
        old = time.monotonic() - FORGOTTEN
        for data in [data for data, at in self._unsettled.items() if at < old]:
            del self._unsettled[data]

    # --- words -----------------------------------------------------------------------------------

    def _say_once(self, words: str, log: Callable[..., object], **fields: object) -> None:
        if words not in self._said:
            self._said.add(words)
            log(stream=self._stream.name, **fields)

    def _note_lost(self, address: str, *, served: bool, error: str) -> None:
        if served:
            stream_lost.log(stream=self._stream.name, server=address, error=error)
        else:
            words = f"{address}: {error}"
            self._say_once(words, stream_unreachable.log, error=words)


async def _end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks until they are over: some that call nats-py may miss that they were cancelled."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # that this is cancelled itself
            _, pending = await asyncio.wait(pending, timeout=CANCELLING)


_: type[Log] = JetStreamLog
