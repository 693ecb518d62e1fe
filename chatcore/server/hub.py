"""The hub: all rooms, nicks and connections of one server, whatever transports serve them.

Locks, in the only order in which they may be taken:

1. a session's input lock: one thread at a time feeds a session;
2. the journal's own order, in which it calls `Hub.opened` and `Hub.committed`;
3. ``Hub.lock``: everything else in the core. It is plain, and held across no I/O, no await, no call of the
   journal and no callback. The directory and the ``may_`` methods of the gate, which answer from memory, are
   asked under it. What is to be done after it is noted under it: posts as drafts of their `Posts`, questions
   to the journal and the gate as tasks of their session, and in the hub, sessions that can go on and
   transports to be woken. Whoever held it does that once it is released (`Hub.follow_up`). Only what the
   journal reports in its own order wakes transports and nothing else, since a session that goes on may ask
   the journal.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Self, TypeVar

from chatcore import transport
from chatcore.address import Peer, address_of
from chatcore.arguments import checked, checked_timeout
from chatcore.errors import JournalError
from chatcore.gate import Gate, OpenGate, Watch
from chatcore.journal import Feed, Journal, Stored, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.journal.statistics import journal_statistics
from chatcore.limits import Limits
from chatcore.messages import Ack, Join, Position
from chatcore.names import fold
from chatcore.server.allowances import Allowances
from chatcore.server.arrivals import LONGEST_WAIT, REQUESTS, Arrivals
from chatcore.server.counters import Counters
from chatcore.server.directory import Directory, Host, Identity, LocalDirectory
from chatcore.server.door import Door
from chatcore.server.endpoint import SLICE, Endpoint
from chatcore.server.guarded_gate import GuardedGate
from chatcore.server.health import why_unhealthy
from chatcore.server.log_events import session_failed
from chatcore.server.program_posts import ProgramPosts
from chatcore.server.reads import Reads
from chatcore.server.rights import revise
from chatcore.server.room import Room
from chatcore.server.rooms import Rooms
from chatcore.server.searches import Searches
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.server.statistics import RoomStatistics, Statistics
from chatcore.server.subscription import Subscription, Subscriptions

__all__ = ["Hub"]

T = TypeVar("T")

_room = attrgetter("room")


class Hub:
    """Where everyone meets. Thread-safe; several transports may serve one hub together.

    ``journal`` stores the messages; without one they are stored in memory, and end with the process. The
    hub opens it here, which raises `JournalError` where that fails, may read files and may start threads.
    `close` closes it, and so does the end of a ``with`` block. ``gate`` says who may enter and do what;
    without one, everybody may (`chatcore.gate`). ``limits`` bound what peers may do, and ``clock`` gives
    seconds that never go back. A ``directory`` is for hubs that share a log (`chatcore.cluster`). ::

        with Hub(SqliteJournal(Path("chat.db"))) as hub, serve("chat://127.0.0.1:0", hub=hub) as server:
            ...

    End the servers first, then the hub. Its users may look at ``limits`` and ``clock``, and call `post`,
    `subscribe`, `statistics`, `is_alive`, `why_unhealthy`, `remove_room` and `close`; transports call
    `endpoint`, and a gate `revise` and `expel`. Everything else is for the core.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        limits: Limits | None = None,
        *,
        gate: Gate | None = None,
        clock: Callable[[], float] = time.monotonic,
        directory: Directory | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.clock = clock
        self.journal: Journal = journal or MemoryJournal(clock=clock)
        gate = gate or OpenGate()
        self.gate = GuardedGate(gate)
        self.reviews_posts = type(gate).review is not OpenGate.review
        self.lock = threading.Lock()
        self.directory = directory or LocalDirectory(self.limits)
        self.rooms = Rooms(self.limits, self.directory.elsewhere)
        self.reads = Reads()
        self.searches = Searches()
        self.allowances = Allowances(self.limits)
        self.door = Door(self.limits, self.gate)
        self._arrivals = Arrivals(self.limits)
        self._requests = Arrivals(self.limits, REQUESTS)  # through proxies
        self._connections = 0
        self._addresses: Counter[str] = Counter()
        self._sessions = 0  # connections that have said hello
        self.counters = Counters()
        self._posts = ProgramPosts(self)
        self._subscriptions = Subscriptions(self)
        self._endpoints: dict[Endpoint, None] = {}
        self._awake: set[Endpoint] = set()
        self._waiting: dict[Session, None] = {}  # sessions that can take what has waited
        self.journal.start(self)
        # A journal that several servers share knows only then how long it remembers ids.
        self.limits_for_client = self.limits.for_client(dedupe_seconds=self.journal.dedupe_seconds)
        try:
            self.gate.start(self)
        except BaseException:
            self.journal.close()
            raise
        self.directory.start(self)

    def __repr__(self) -> str:
        return f"<Hub connections={self._connections} rooms={len(self.rooms)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def endpoint(self, wake: Callable[[], None]) -> Endpoint:
        """Return an endpoint for one running transport.

        `chatcore.transport.Host` says what ``wake`` and the transport owe.
        """
        endpoint = Endpoint(self, wake)
        with self.lock:
            self._endpoints[endpoint] = None
        return endpoint

    def close(self) -> None:
        """Close the journal, once everything that was posted is stored or refused, and end all subscriptions.

        Blocks until that is done. Close the servers first. Idempotent.
        """
        self._posts.close()
        self.directory.close()
        self.gate.close()
        self.journal.close()
        self._subscriptions.close()

    # --- for the program that embeds it ----------------------------------------------------------

    def post(
        self,
        room: str,
        nick: str,
        text: str,
        *,
        id: str | None = None,
        kind: str | None = None,
        target: int | None = None,
    ) -> "Future[Ack]":
        """Post a message as ``nick``, and return a future of the `Ack` that says how safely it is stored.

        The room need not exist. The nick need not be connected, and may be a reserved one or somebody's: you
        are the authority here, so no `Gate` reviews the post and no allowance bounds it. ``id`` is its key, a
        new one unless you give it: posted again under the same id, by anyone, it is stored once.

        Callable from any thread; never blocks. In an event loop await ``asyncio.wrap_future(...)`` of it.
        Its callbacks may run in the journal's thread, and must not wait. Posts to one room are stored in the
        order of these calls, but for those that are refused.

        Raises `UsageError` for invalid arguments. The future raises `RefusedError`: ``conflict`` where the id
        was used for another text, ``too_long``, and ``unavailable`` with a ``retry_after`` where the post
        cannot be stored now, for you to post it again under its id. After `close` it raises `ClosedError`.
        """
        return self._posts.post(room, nick, text, id, kind, target)

    def subscribe(
        self, room: str, *, after: Position | None = None, history: int | None = None
    ) -> Subscription:
        """Read a room as a member does, without being one: in no count, no list, and without a nick.

        Reading begins now, or ``after`` a position, or with the last ``history`` messages, up to
        ``page_messages`` of the limits. With both it resumes after the position, but skips what is more than
        ``history``. `Joined`, the first event, says where it begins. The room need not exist.

        The room may have to be loaded first. Without ``after`` and ``history``, what is posted before
        `Joined` comes may be missed.

        Callable from any thread; never blocks. You owe the `Subscription` a `Subscription.close`; it is a
        context manager of both kinds. Raises `UsageError` for invalid arguments, `ClosedError` after `close`.
        """
        return self._subscriptions.open(checked(Join, room=room, after=after, history=history))

    def statistics(self) -> Statistics:
        """Return what there is now and what was counted since the start, all of one moment.

        It looks at each room and each connection, so ask every few seconds rather than for each post.
        Callable from any thread.
        """
        with self.lock:
            rooms = [(room.name, room.epoch, room.head, room.count) for room in self.rooms.values()]
            sessions = [endpoint.sessions() for endpoint in self._endpoints]
            counted = self._count()
        # They go on receiving meanwhile; those of them that go are not counted twice.
        received = sum(one.inflow.received for some in sessions for one in some if one.has_peer)
        return replace(
            counted,
            rooms=tuple(RoomStatistics(*room) for room in sorted(rooms)),
            received_bytes=counted.received_bytes + received,
            journal=journal_statistics(self.journal),
        )

    def _count(self) -> Statistics:
        counters = self.counters
        return Statistics(
            connections=self._connections,
            sessions=self._sessions,
            states=counters.states,
            subscriptions=len(self._subscriptions),
            rooms=(),
            reads=len(self.reads),
            searches=len(self.searches),
            turns=sum(endpoint.turns for endpoint in self._endpoints),
            draining=self.draining,
            accepted=counters.accepted,
            turned_away=counters.turned_away,
            stalled=counters.stalled,
            messages=counters.messages,
            refusals=dict(counters.refusals),
            catch_ups=counters.catch_ups,
            deliveries=counters.deliveries,
            received_bytes=counters.received_bytes,
            sent_bytes=counters.sent_bytes,
            journal=None,
        )

    def why_unhealthy(self, timeout: float = 1.0) -> str | None:
        """Return in a few words why no post can be stored now, or ``None`` if one can.

        Blocks, for ``timeout`` seconds at most, also while the hub is held up or the journal's disk hangs.
        Callable from any thread, but not from the one that serves a transport, nor from callbacks.
        """
        return why_unhealthy(self, timeout)

    def is_alive(self, timeout: float = 1.0) -> bool:
        """Tell whether the hub answers, and all transports that serve it come by, within so many seconds.

        It asks each of them to, so one that hangs or has crashed is found out. It says nothing of the
        journal. Blocks, but never for longer. Callable from any thread that serves no transport.
        """
        wait = checked_timeout(timeout) or 0.0
        end = time.monotonic() + wait
        if not self.lock.acquire(timeout=wait):
            return False
        try:
            turns = [(endpoint, endpoint.next_turn()) for endpoint in self._endpoints]
        finally:
            self.lock.release()
        awaited = [(endpoint, turn) for endpoint, turn in turns if turn is not None]
        for endpoint, _ in awaited:
            endpoint.wake()
        return all(turn.wait(max(end - time.monotonic(), 0.0)) for _, turn in awaited)

    def remove_room(self, room: str) -> "Future[bool]":
        """Remove all messages of a room, and put out who is in it, on all servers that share the log.

        Whoever enters it later may use it again. Its numbers go on where they were, so a reader that comes
        back gets a gap. Returns immediately. The result of the future is whether there was anything to
        remove. It raises `JournalError` if the journal cannot do it at the moment: the members are put out
        all the same, and may come back. Raises `UsageError` for what is no name of a room.
        """
        name = fold(checked(Join, room=room).room)
        self._put_out_all(name)
        result: Future[bool] = Future()
        result.set_running_or_notify_cancel()  # it cannot be taken back

        def deliver(answer: bool | Unavailable) -> None:
            if isinstance(answer, Unavailable):
                result.set_exception(JournalError(f"the room {name} cannot be removed now"))
                return
            self.gate.room_removed(name)
            result.set_result(answer)

        self.journal.remove_room(name, deliver)
        return result

    def _put_out_all(self, name: str) -> None:
        with self.lock:
            self.put_out(None, name)
            self.directory.kick(None, name)
        self.follow_up()

    # --- for the gate ----------------------------------------------------------------------------

    def revise(self) -> None:
        """Ask the gate again about everybody, and put out who may not stay.

        First about those who are here: whoever goes meanwhile is looked at as one who is away.
        """
        for sessions in self._slices(self._all_sessions):
            with self.lock:
                for session in sessions:
                    revise(session)
            self.follow_up()
        for seats in self._slices(self.directory.away):
            with self.lock:
                self.directory.revise(self.gate, seats)

    def expel(self, account: str, room: str) -> None:
        """Put all sessions of an account out of a room, on all servers."""
        name = fold(room)
        with self.lock:
            self.put_out(account, name)
            self.directory.kick(account, name)
        self.follow_up()

    def _all_sessions(self) -> list[Session]:
        return [session for endpoint in self._endpoints for session in endpoint.sessions()]

    def _slices(self, everybody: Callable[[], list[T]]) -> Iterator[list[T]]:
        with self.lock:
            found = everybody()
        for start in range(0, len(found), SLICE):
            yield found[start : start + SLICE]

    # --- for the directory, under the lock ---------------------------------------------------------

    def put_out(self, account: str | None, room: str) -> None:
        """Put all sessions of an account that are here, or everybody, out of a room (folded)."""
        found = self.rooms.get(room)
        for member in found.all_members() if found else ():
            if account is None or _is_of(member.session.identity, account):
                member.session.expel(member)

    def show(self, identity: Identity, room: str, *, is_there: bool) -> None:
        """An identity is in a room (folded) on another server, or is in it on none any more."""
        if (found := self.rooms.get(room)) is not None:
            found.show(identity, self.clock(), is_there=is_there)

    def show_renamed(self, identity: Identity, rooms: Iterable[str], nick_before: str) -> None:
        """An identity that is in these rooms on another server has another nick now."""
        for room in rooms:
            if (found := self.rooms.get(room)) is not None:
                found.note_change_elsewhere(identity, nick_before, self.clock())

    # --- the feed of the journal -----------------------------------------------------------------

    @property
    def tail_bytes(self) -> int:
        """Bytes of a room's newest lines that its readers get without the journal."""
        return self.limits.tail_bytes

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """An epoch of the log begins; members of an earlier one begin again."""
        heads: dict[str, int] = {}
        done = False
        while not done:  # until no room was entered between the question and the answer
            with self.lock:
                names = [name for name in self.rooms if name not in heads]
            heads.update((name, head(name)) for name in names)
            with self.lock:
                done = self.rooms.reset(epoch, heads)
        self.wake()

    def committed(self, messages: Sequence[Stored]) -> None:
        """Messages are in the log: let the rooms show them."""
        with self.lock:
            self.counters.note_committed(len(messages))
            by_room: dict[str, list[Stored]] = {}
            for name, run in groupby(messages, _room):
                by_room.setdefault(name, []).extend(run)
            for name, news in by_room.items():
                if room := self.rooms.commit(name, news):
                    self.mark_room(room)
        self.wake()

    # --- for sessions and endpoints, under the lock --------------------------------------------------

    @property
    def draining(self) -> bool:
        """Whether a transport is about to end, with all its connections."""
        return any(endpoint.draining for endpoint in self._endpoints)

    def mark_room(self, room: Room) -> None:
        """Note that every member of a room may have something to read."""
        for endpoint in room.members:
            endpoint.mark_room(room)

    def note_waiting(self, session: Session) -> None:
        """Note that a session can take what has waited, once the lock is released."""
        self._waiting[session] = None

    def forget_endpoint(self, endpoint: Endpoint) -> None:
        """Forget an endpoint that is closed."""
        self._endpoints.pop(endpoint, None)

    def note_awake(self, endpoint: Endpoint) -> None:
        """Note that an endpoint's transport is to be woken once the lock is released."""
        self._awake.add(endpoint)

    def delay(self, peer: Peer, can_wait: bool) -> float | None:
        """Return the seconds until a new connection may begin, or ``None`` if it is turned away."""
        longest, now = LONGEST_WAIT if can_wait else 0.0, self.clock()
        permitted = self.door.permits(peer, now)
        seconds = self._arrivals.take(address_of(peer), now, longest) if permitted else None
        if seconds is None:
            self.counters.note_turned_away()
        return seconds

    @property
    def connections(self) -> int:
        """How many there are."""
        return self._connections

    def admit(self, peer: Peer, wire: str) -> str | None:
        """Count a connection in, on the wire of this name; return what forbids it, if anything does."""
        address = address_of(peer)
        if forbidden := self._no_place_for(address):
            self.counters.note_turned_away()
            return forbidden
        self.counters.note_accepted(wire)
        self._connections += 1
        self._addresses[address] += 1
        return None

    def may_ask(self, session: Session) -> bool:
        """Count a request that came through a proxy; tell whether its address may make one more now."""
        if self._requests.take(address_of(session.peer), self.clock(), 0.0) is not None:
            return True
        if session.is_counted:
            self.counters.note_turned_away()
        return False

    def move(self, session: Session, before: Peer, *, is_new: bool) -> str | None:
        """Count a connection for the address of another peer; return what forbids it there, if anything does.

        Then it is counted no more. One that ``is_new`` counts among those that begin there.
        """
        if not session.is_counted:
            return None
        address = address_of(session.peer)
        self._forget_address(address_of(before))
        if forbidden := self._no_place_at(address):
            self.counters.note_turned_away()
        elif is_new and self.delay(session.peer, False) is None:
            forbidden = "no connection from your address is accepted now"
            session.endpoint.watch_door()
        if forbidden:
            self.counters.note_step(session.wire.name, session.state, State.CLOSED)
            self.counters.note_gone(session.wire.name)
            self._connections -= 1
        else:
            self._addresses[address] += 1
        return forbidden

    def dismiss(self, session: Session) -> None:
        """Count a connection out, which is closed."""
        self.counters.note_received(session.inflow.received)
        self._sessions -= session.seat is not None
        if not session.is_counted:
            return
        self.counters.note_gone(session.wire.name)
        self._connections -= 1
        self._forget_address(address_of(session.peer))

    def _forget_address(self, address: str) -> None:
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    def note_welcome(self) -> None:
        """Note that one more session has said hello."""
        self._sessions += 1

    def _no_place_for(self, address: str) -> str | None:
        limits = self.limits
        if limits.connections is not None and self._connections >= limits.connections:
            return "the server is full"
        return self._no_place_at(address)

    def _no_place_at(self, address: str) -> str | None:
        per_address = self.limits.connections_per_address
        if per_address is not None and self._addresses[address] >= per_address:
            return "there are too many connections from your address"
        return None

    # --- without the lock ------------------------------------------------------------------------

    def follow_up(self) -> None:
        """Do what was noted under the lock: let sessions go on, and wake transports. Not under the lock."""
        while self._waiting:
            with self.lock:
                waiting, self._waiting = self._waiting, {}
            for session in waiting:
                self._let_go_on(session)
        if self._awake:
            self.wake()
        if self.door.has_reports:
            self.door.report()

    def _let_go_on(self, session: Session) -> None:
        try:
            session.go_on()
        except Exception as error:  # a bug: it may cost this peer its connection, and nobody else
            session_failed.log_bug(error, session=repr(session))
            with self.lock:
                session.abort()
                self._waiting.pop(session, None)

    def wake(self) -> None:
        """Wake transports, and let sessions go on in their threads. For the journal's threads.

        A session that goes on may ask the gate, or the journal itself, and neither may hold up the others.
        """
        with self.lock:
            for session in self._waiting:
                session.endpoint.mark(session)
            awake, self._awake = self._awake, set()
        for endpoint in awake:
            endpoint.wake()


def _is_of(identity: Identity | None, account: str) -> bool:
    found = None if identity is None else identity.account
    return found is not None and fold(found) == fold(account)


_: type[Feed] = Hub
__: type[transport.Host] = Hub
___: type[Watch] = Hub
____: type[Host] = Hub
