"""One server's part in a roster, without threads: it does what is due when it is asked to.

- It says what its server does, in the order in which it was asked, and answers once that was read back. What
  it says together with other acts is one entry.
- It begins a term with its roster: at its start, every `ANNOUNCE` (then nothing else is on its way), after it
  has given something up, when others take it for gone, and when the log is another one. A session that has
  lost its seat meanwhile is told.
- A server that has not read what it wrote itself in the last `LEASE` is *cut off*: others take it for gone,
  and it knows that. It answers claims with ``None``, and still reads. Until then claims wait.
- Acts that nobody waits for are said again after its roster, where they were given up: but for who enters and
  leaves rooms, which the roster says. A kick is of its moment: it is said once, and not at all if the server
  is cut off before that.

A log that has lost what comes next, goes back, or says something else now of what was read last, is read like
another one. Where it begins in the middle, a server lets nobody in until it knows everybody: after `SETTLED`,
by the log's time or its own, since the log's stands still while nobody says anything. Where nothing was left
of a log, nobody has said anything in all the time that it keeps things. Then `LISTEN` is enough, unless a
server is heard of that has not said whom it has.
"""

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from chatcore.names import fold
from chatcore.replication import LogEntry
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, UnknownVersion
from chatcore.replication.outbox import Outbox
from chatcore.roster.acts import ACTS, Act, Enter, Exit, Kick, Part, Release, Row, content_of, parts_of
from chatcore.roster.log_events import roster_back, roster_cut_off, roster_kick_lost, roster_stopped
from chatcore.roster.machine import (
    ANNOUNCE,
    LEASE,
    SETTLED,
    VERSION,
    Applied,
    Event,
    Forgotten,
    Granted,
    Kicked,
    Lost,
    Machine,
    Renamed,
    Result,
    Taken,
    read,
)
from chatcore.roster.state import Seat, State

__all__ = ["BEAT", "ReadEntry", "RosterReplica", "RosterStatus", "RosterUser", "read_entry"]

BEAT: Final = 5.0
"""Seconds of silence after which a server says that it is there."""

LISTEN: Final = LEASE - BEAT
"""Seconds in which every server that is there says something."""

Answer = Callable[[Result], None]

_Passing = Enter | Exit
"""Acts that are not said later: the roster that is said instead has who is in which room."""

ReadEntry = tuple[LogEntry, Frame | UnknownVersion | None]
"""An entry, and what it says."""


def read_entry(entry: LogEntry) -> ReadEntry:
    """Read an entry, which takes longer than to apply it; from any thread."""
    try:
        return entry, read(entry)
    except UnknownVersion as unknown:
        return entry, unknown


class RosterUser(Protocol):
    """Whom a roster notifies."""

    def roster_lost(self, proof: str) -> None:
        """A session of this server has lost its seat: another has it, or its nick is somebody else's."""

    def roster_changed(self, events: Sequence[Event]) -> None:
        """An entry was applied, which has done this."""

    def roster_began(self) -> None:
        """All that was known of other servers is forgotten: another log begins."""


class RosterStatus(NamedTuple):
    """Who is here, as one server sees it, and how it fares with the log of that.

    ``servers`` were heard of in the last `LEASE`, this one among them; ``gone`` were before, within an hour,
    and ``sessions`` are those of all servers. These three are ``None`` where they are not known: until the
    log was read, and while the server ``is_cut_off``. ``waiting`` are claims and renames without an answer.
    ``given_up`` are those that got none, and ``announcements`` the rosters that it has said, since the start.
    """

    servers: int | None
    gone: int | None
    sessions: int | None
    is_cut_off: bool
    waiting: int
    given_up: int
    announcements: int


class RosterReplica:
    """The roster of one server. ``clock`` gives seconds that never go back.

    For one thread at a time: whoever has it holds a lock.
    """

    def __init__(self, append: Callable[[bytes], None], clock: Callable[[], float], user: RosterUser) -> None:
        self._clock = clock
        self._user = user
        self._machine: Machine | None = None
        self._outbox: Outbox[Applied] = Outbox(VERSION, secrets.token_hex(8), append, clock)
        self._queue: deque[tuple[Act, Answer | None]] = deque()
        self._parts: deque[tuple[Row, ...]] = deque()  # of a roster that is being said
        self._mine: dict[str, Row] = {}  # the seats of sessions of this server, as they were last
        self._wanted: dict[str, dict[str, None]] = {}  # the rooms that each is in
        self._astray: dict[str, str] = {}  # of these, by folded nick: those that the log does not know now
        self._latest: LogEntry | None = None  # the last one that was applied
        self._catch_up = 0  # the position of which it is known that it is there
        self._began_at = 0  # the log's time of the first entry that was read, if there were others before
        self._was_empty = False  # whether nothing was left to be read when it was opened
        self._reads_since = 0.0  # by the clock
        self._connected = False
        self._is_stopped = False
        self._heard = clock()  # when what was read last of its own was written; at first since when it waits
        self._was_cut_off = False  # when that was looked at last
        self._lost = 0
        self._again: list[Act] = []  # what was given up, and is to be said all the same
        self._term_left = 0  # the term in which it was said: until the next one begins, it may yet be read
        self._sent: deque[float] = deque()  # when each of what is on its way was sent
        self._has_announced = False
        self._is_outdated = False  # whether the roster that was said last lacks who entered and left since
        self._next_announcement = 0.0
        self._next_beat = 0.0
        self._waiting = 0  # acts that have no answer yet
        self._given_up = 0
        self._announcements = 0
        self._outbox.abandon()

    # --- what it is ------------------------------------------------------------------------------

    @property
    def node(self) -> str:
        """The name of this server."""
        return self._outbox.node

    @property
    def state(self) -> State | None:
        """What it knows of all servers, once it has a log."""
        return None if self._machine is None else self._machine.state

    @property
    def is_cut_off(self) -> bool:
        """Whether the other servers may take this one for gone, so that it can't claim anything."""
        return self._clock() - self._heard >= LEASE or self._is_stopped

    def status(self) -> RosterStatus:
        """Return who is here, and what was counted; it looks at each seat."""
        state, is_cut_off = self.state, self.is_cut_off
        servers = gone = sessions = None
        if state is not None and state.position >= self._catch_up and not is_cut_off:
            gone = sum(node.is_gone for node in state.nodes.values())
            servers = len(state.nodes) - gone
            sessions = sum(seat.node is not None for seat in state.seats.values())
        return RosterStatus(
            servers, gone, sessions, is_cut_off, self._waiting, self._given_up, self._announcements
        )

    @property
    def patience(self) -> float | None:
        """How many seconds may pass until `step` has something to do, if nothing comes."""
        times = [self._outbox.next_deadline]
        if self._can_say and not self._outbox:
            times += [self._next_announcement, self._next_beat if self._outbox.is_settled else 0.0]
        if not self._was_cut_off:
            times.append(self._heard + LEASE)
        if self._connected and self._clock() < self._knows_all_at:
            times.append(self._knows_all_at)
        soonest = min((each for each in times if each is not None), default=None)
        return None if soonest is None else max(soonest - self._clock(), 0.0)

    @property
    def _can_say(self) -> bool:
        state = self.state
        if state is None or not self._connected or self._is_stopped or state.position < self._catch_up:
            return False
        knows_all = not self._began_at or state.now >= self._began_at + round(SETTLED * 1_000_000)
        return knows_all or not state.nodes or self._clock() >= self._knows_all_at

    @property
    def _knows_all_at(self) -> float:
        """When it knows everybody by its own clock, 0 if it does from the start."""
        if not self._began_at:
            return 0.0
        return self._reads_since + (LISTEN if self._was_empty else SETTLED)

    # --- the log ---------------------------------------------------------------------------------

    def opened(self, identity: str, first: int, last: int) -> None:
        """The log is connected, or connected again."""
        state = self.state
        is_known = state is not None and state.identity == identity
        if state is None or not is_known or last < state.position or first > state.position + 1:
            self._begin(identity, first)
            self._was_empty = last < first
        self._catch_up = last
        self._connected = True
        self._outbox.resend(when_due=False)

    def apply(self, entries: Sequence[ReadEntry]) -> None:
        """Apply what the log reports."""
        for entry, frame in entries:
            machine = self._machine
            if machine is None or self._is_stopped:
                continue
            if self._is_another(entry):
                machine = self._begin(machine.state.identity, entry.position)
            if entry.position <= machine.state.position:
                continue
            if isinstance(frame, UnknownVersion):
                self._stop(frame.version)
                return
            if entry.position > machine.state.position + 1:  # it says that it never passes one over
                machine = self._begin(machine.state.identity, entry.position)
            if entry.position > 1 and machine.state.now == 0:
                self._began_at = entry.at
            applied = machine.apply(entry, frame)
            self._latest = entry
            if frame is not None and frame.node not in machine.state.nodes:
                self._was_empty = False  # somebody is there, and has not said whom it has
            self._take(applied)

    def _is_another(self, entry: LogEntry) -> bool:
        """Tell whether an entry that was read last is not what it was: others were written in its place."""
        latest = self._latest
        return latest is not None and entry.position == latest.position and entry != latest

    def _begin(self, identity: str, first: int) -> Machine:
        self._machine = machine = Machine(identity, first)
        self._latest = None
        self._began_at = 0
        self._was_empty = False
        self._reads_since = self._clock()
        self._astray = {fold(row.nick): proof for proof, row in self._mine.items()}
        self._abandon()
        self._user.roster_began()
        return machine

    def _stop(self, version: int) -> None:
        self._is_stopped = True
        roster_stopped.log(version=version)
        self._look_whether_cut_off()

    def _take(self, applied: Applied) -> None:
        events = applied.events
        for event in events:
            match event:
                case Taken(proof=proof) if proof in self._mine:
                    self._lose(proof)
                case Lost(proof=proof, node=node) if node == self.node and proof in self._mine:
                    self._lose(proof)
                case Forgotten(name=name):
                    self._astray.update(
                        (fold(row.nick), proof) for proof, row in self._mine.items() if row.name == name
                    )
                case _:
                    pass
        self._look_for_astray(events)
        on_the_way = len(self._outbox)
        if not applied.void:
            self._outbox.read(applied.node, applied.term, applied.number, applied)
        if len(self._outbox) < on_the_way:
            self._heard = self._sent.popleft()
            self._look_whether_cut_off()
        elif applied.node == self.node and applied.term == self._term_left:
            for event in events:
                if isinstance(event, Kicked):
                    self._withdraw(event)
        self._refresh(events)
        self._user.roster_changed(events)
        self._heal()

    def _withdraw(self, kicked: Kicked) -> None:
        """Do not say a kick again that was given up, and was read after all."""
        for index, (act, _) in enumerate(self._queue):
            if isinstance(act, Kick) and act == (kicked.account, kicked.room):
                del self._queue[index]
                return

    def _look_for_astray(self, events: Sequence[Event]) -> None:
        """Lose those whose nick somebody else has got, while the others took this server for gone."""
        if not self._astray or self.state is None:
            return
        for event in events:
            match event:
                case Taken(proof=proof) if proof in self.state.seats:
                    nick = self.state.seats[proof].identity.nick
                case Renamed(name=name) if name in self.state.identities:
                    nick = self.state.identities[name].nick
                case _:
                    continue
            astray = self._astray.pop(fold(nick), None)
            if astray in self._mine and astray not in self.state.seats:
                self._lose(astray)

    def _lose(self, proof: str) -> None:
        del self._mine[proof]
        self._wanted.pop(proof, None)
        self._lost += 1
        self._user.roster_lost(proof)

    def _refresh(self, events: Sequence[Event]) -> None:
        """Note how those who were renamed are called."""
        state = self.state
        assert state is not None
        for event in events:
            identity = state.identities.get(event.name) if isinstance(event, Renamed) else None
            for seat in () if identity is None else identity.seats.values():
                if seat.proof in self._mine:
                    self._mine[seat.proof] = _row(seat)

    def _heal(self) -> None:
        """Let go seats that the log gives to this server, and of which no session has heard.

        They are what a roster said that was on its way when its server heard that it had lost them.
        """
        state = self.state
        if not self._has_announced or state is None or not self._outbox.is_settled:
            return
        if self._outbox or self._queue or self._parts:
            return
        self._has_announced = False
        self._astray.clear()
        for seat in state.at(self.node):
            if seat.proof in self._mine:
                self._mine[seat.proof] = _row(seat)
            else:
                self._queue.append((Release(seat.proof, None, seat.claimed), None))

    # --- what its server does --------------------------------------------------------------------

    def ask(self, act: Act, answer: Answer | None = None) -> None:
        """Say something, with `step`; ``answer`` is called once it was read, or with ``None`` if it is not.

        A `Claim` or `Rename` has an answer, and so it is given up after a while. Others are not. A `Release`
        is of the session that has the seat now.
        """
        if answer is not None:
            self._waiting += 1
            answer = partial(self._answer, answer)
        match act:
            case Release(proof=proof):
                if proof not in self._mine:
                    return  # another session has it, or nobody
                act = act._replace(claimed=self._mine[proof].claimed)
            case Enter(proof=proof, room=room) if proof in self._wanted:
                self._wanted[proof][room] = None
            case Exit(proof=proof, room=room) if proof in self._wanted:
                self._wanted[proof].pop(room, None)
            case _:
                pass
        if answer is not None and self.is_cut_off:
            answer(None)
        elif isinstance(act, _Passing) and self.is_cut_off:
            self._is_outdated = True
        elif isinstance(act, Kick) and self.is_cut_off:
            _log_lost(act)
        else:
            self._queue.append((act, answer))

    # --- what is due -----------------------------------------------------------------------------

    def step(self) -> None:
        """Do all that is due, without waiting."""
        self._look_whether_cut_off()
        if self._outbox.is_late or self._is_taken_for_gone:
            self._abandon()
        if not self._can_say:
            return
        if self._is_to_announce and not (self._outbox or self._parts):
            self._abandon()
        if not (self._outbox.is_settled or self._outbox):
            self._begin_roster()
        self._outbox.resend()
        while self._outbox.free and (self._parts or not self._is_to_announce):
            if self._parts:
                self._send(Part(self._parts.popleft(), not self._parts), [])
            elif self._queue or self._clock() >= self._next_beat:
                taken = [self._queue.popleft() for _ in range(min(len(self._queue), ACTS))]
                self._send([act for act, _ in taken], taken)
            else:
                return

    @property
    def _is_taken_for_gone(self) -> bool:
        if self.state is None or not self._outbox.is_settled:
            return False
        node = self.state.nodes.get(self.node)
        return node is None or node.is_gone

    @property
    def _is_to_announce(self) -> bool:
        return self._outbox.is_settled and self._clock() >= self._next_announcement

    def _look_whether_cut_off(self) -> None:
        is_cut_off = self.is_cut_off
        if is_cut_off and not self._was_cut_off:
            if not self._is_stopped:
                roster_cut_off.log(seconds=int(LEASE))
            self._lost = 0
            self._abandon()
            self._drop_kicks()
            self._refuse_waiting()
        elif self._was_cut_off and not is_cut_off:
            roster_back.log(lost=self._lost)
            if self._is_outdated:
                self._next_announcement = self._clock()
        self._was_cut_off = is_cut_off

    def _abandon(self) -> None:
        """Give up what is on its way, but for what nobody waits for, and begin another term."""
        self._parts.clear()
        self._sent.clear()
        if self._outbox.is_settled:
            self._term_left = self._outbox.term
        self._outbox.abandon()
        again, self._again = self._again, []
        self._queue.extendleft((act, None) for act in reversed(again))
        self._queue = deque(each for each in self._queue if not isinstance(each[0], _Passing))

    def _drop_kicks(self) -> None:
        queue, self._queue = self._queue, deque()
        for act, answer in queue:
            if isinstance(act, Kick):
                _log_lost(act)
            else:
                self._queue.append((act, answer))

    def _refuse_waiting(self) -> None:
        waiting, self._queue = self._queue, deque()
        for act, answer in waiting:
            if answer is None:
                self._queue.append((act, None))
            else:
                answer(None)

    def _begin_roster(self) -> None:
        rows = [row._replace(rooms=tuple(self._wanted[proof])) for proof, row in self._mine.items()]
        self._parts.extend(parts_of(rows))
        first = self._parts.popleft()
        self._next_announcement = self._clock() + ANNOUNCE
        self._has_announced = True
        self._announcements += 1
        self._is_outdated = False
        self._note_sent()
        self._outbox.settle(content_of(Part(first, not self._parts)), self._seen)

    def _send(self, content: Sequence[Act] | Part, asked: Sequence[tuple[Act, Answer | None]]) -> None:
        self._note_sent()
        self._outbox.send(content_of(content), self._seen, partial(self._receive, asked))

    def _note_sent(self) -> None:
        self._sent.append(self._clock())
        self._next_beat = self._clock() + BEAT

    @property
    def _seen(self) -> ReadDigest:
        return ReadDigest(0 if self.state is None else self.state.position, NO_DIGEST)

    # --- answers ---------------------------------------------------------------------------------

    def _receive(self, asked: Sequence[tuple[Act, Answer | None]], applied: Applied | None) -> None:
        """Take what was read of what was said, or that it was given up."""
        if applied is None:
            for act, answer in asked:
                if answer is None:
                    self._again.append(act)
                else:
                    answer(None)
            return
        for (act, answer), result in zip(asked, applied.results, strict=True):
            self._note_result(act, result)
            if answer is not None:
                answer(result)

    def _answer(self, answer: Answer, result: Result) -> None:
        self._waiting -= 1
        self._given_up += result is None
        answer(result)

    def _note_result(self, act: Act, result: Result) -> None:
        if isinstance(act, Release):
            if act.proof in self._mine and self._mine[act.proof].claimed != act.claimed:
                return  # it was claimed again meanwhile
            self._mine.pop(act.proof, None)
            self._wanted.pop(act.proof, None)
        elif isinstance(result, Granted):
            if result.proof in self._mine:  # by another session, in the same entry
                self._lose(result.proof)
            assert self.state is not None
            seat = self.state.seats.get(result.proof)
            if seat is not None:  # which may have been claimed again in the same entry
                self._mine[result.proof] = _row(seat)._replace(claimed=result.claimed)
                self._wanted[result.proof] = {}


def _log_lost(kick: Kick) -> None:
    roster_kick_lost.log(who=kick.account or "everybody", room=kick.room)


def _row(seat: Seat) -> Row:
    one = seat.identity
    return Row(
        seat.proof,
        seat.claimed,
        seat.keep,
        tuple(seat.rooms),
        one.name,
        one.nick,
        one.named,
        one.home_folded,
        one.account,
    )
