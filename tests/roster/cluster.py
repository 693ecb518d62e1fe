"""Servers with rosters over a log that has faults, people who come and go, and thieves; all of it by a seed.

What is judged are the histories of nicks, by the positions of the log at which sessions got and lost them:

- no nick is ever held by two sessions;
- whoever has the secret of a seat gets its nick, wherever they ask, as long as it is in use or reserved;
- whoever has not, or has one that no longer counts, does not get it until then.

In the end all servers know the same, and each has exactly the sessions that the others think it has.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from chatcore.replication import LogEntry
from chatcore.roster.acts import Claim, Enter, Exit, Release, Rename
from chatcore.roster.machine import LEASE, Event, Granted, Refused, Result
from chatcore.roster.replica import RosterReplica, read_entry
from chatcore.roster.state import State
from tests.journal.replicated.faulty_log import FaultyConnection, FaultyLog
from tests.roster.history import Held, History, expect

__all__ = ["Cluster", "dump", "proof_of"]

KEEP = 60.0
SLACK = 4.0  # what the log's clock is behind, and some
ROOMS = ("lobby", "ops", "tea")


def proof_of(secret: str) -> str:
    """Return what a log knows of a secret."""
    return hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()


def dump(state: State) -> dict[str, Any]:
    """Return all that is to be the same on all servers."""
    identities = {
        name: (
            one.nick,
            one.named,
            one.home_folded,
            one.account,
            one.reserved_until,
            sorted((seat.proof, seat.node, seat.claimed, sorted(seat.rooms)) for seat in one.seats.values()),
        )
        for name, one in state.identities.items()
    }
    nodes = {name: (node.term, node.following, node.heard) for name, node in state.nodes.items()}
    return {"now": state.now, "position": state.position, "identities": identities, "nodes": nodes}


@dataclass(eq=False)
class Session:
    """A session of a person on a server."""

    person: "Person"
    proof: str
    held: Held
    rooms: set[str] = field(default_factory=set)
    renames: int = 0  # that are on their way

    def end(self, position: int, kept_until: float) -> None:
        """End; what it is called then is not known while it is being renamed."""
        self.held.until = position
        self.held.kept_until = float("-inf") if self.renames else kept_until


@dataclass(eq=False)
class Person:
    """Somebody with a nick, and the proof of the last seat; a thief has only old ones."""

    name: str
    nick: str
    is_thief: bool
    account: str | None = None
    proof: str | None = None
    session: Session | None = None
    node: "Server | None" = None
    waits_for: "Server | None" = None
    refused: list[tuple[int, str]] = field(default_factory=list)


class TimedLog(FaultyLog):
    """A log that remembers when each entry arrived, by a clock that is right."""

    def __init__(self, cluster: "Cluster", faults: float) -> None:
        super().__init__(cluster.random, lambda: cluster.now, faults)
        self.times: list[float] = []
        self._cluster = cluster

    def write(self, data: bytes) -> None:
        super().write(data)
        self.times.append(self._cluster.now)


class Server:
    """One server, as long as it runs."""

    def __init__(self, cluster: "Cluster", offset: float) -> None:
        self.cluster = cluster
        self.offset = offset
        self.connection: FaultyConnection = cluster.log.connect()
        self.replica = RosterReplica(self.connection.append, self.clock, self)
        self.sessions: dict[str, Session] = {}
        self.paused_until = 0.0
        self.connection.start(self, 0)

    def clock(self) -> float:
        return self.cluster.now + self.offset

    @property
    def is_paused(self) -> bool:
        return self.paused_until > self.cluster.now

    @property
    def position(self) -> int:
        return 0 if self.replica.state is None else self.replica.state.position

    @property
    def protects_until(self) -> float:
        """Until when the nicks of its sessions are reserved, if nothing more is heard of it."""
        return self.replica._heard - self.offset + LEASE + KEEP - SLACK

    # --- the log's listener, and the roster's user -----------------------------------------------

    def opened(self, identity: str, first: int, last: int, durability: str) -> None:
        self.replica.opened(identity, first, last)

    def entries(self, entries: Sequence[LogEntry]) -> None:
        self.replica.apply([read_entry(entry) for entry in entries])

    def roster_lost(self, proof: str) -> None:
        if (session := self.sessions.pop(proof, None)) is not None:
            self.cluster.saw("a session lost its seat")
            assert self.replica.state is not None
            seat = self.replica.state.seats.get(proof)  # its owner moved it, maybe under another nick
            has_nick = seat is None or seat.identity.nick == session.held.nick
            session.end(self.position, self.protects_until if has_nick else float("-inf"))
            self.cluster.forget(session)

    def roster_changed(self, events: Sequence[Event]) -> None:
        state = self.replica.state
        assert state is not None
        for proof, session in self.sessions.items():
            seat = state.seats.get(proof)
            if seat is not None and seat.identity.nick != session.held.nick:
                session.held.until = self.position
                session.held = self.cluster.hold(seat.identity.nick, session.person, self.position)
                session.person.nick = seat.identity.nick

    def roster_began(self) -> None:
        pass


class Cluster:
    """Servers, their log, and everybody."""

    def __init__(self, seed: int, servers: int = 3, faults: float = 0.15) -> None:
        self.random = random = Random(seed)
        self.now = 1_000.0
        self.seen = Counter[str]()
        self.history = History()
        self.log = TimedLog(self, faults)
        self.log.write(b"nothing")
        self.now += 2 * LEASE  # the first lease of the log is over
        self.applying: Server | None = None
        self.servers = [Server(self, random.uniform(-500, 500)) for _ in range(servers)]
        names = ("ada", "bob", "cleo")
        self.people = [Person(name, name, False) for name in names]
        self.people += [Person(f"thief-{number}", names[number], True) for number in range(2)]
        self.people += [Person(f"dora-{number}", "dora", False, "dora") for number in range(2)]
        self.old_proofs: list[str] = []
        self._secrets = 0

    def saw(self, what: str) -> None:
        self.seen[what] += 1

    # --- histories -------------------------------------------------------------------------------

    def hold(self, nick: str, person: Person, position: int) -> Held:
        who = person.account or person.name
        return self.history.hold(
            nick, who, position, is_theft=person.is_thief, has_devices=person.account is not None
        )

    def forget(self, session: Session) -> None:
        person = session.person
        if person.session is session:
            person.session = person.node = None

    def judge_history(self) -> None:
        self.history.judge(self.log.last, self.log.times)
        for person in self.people:
            for position, nick in person.refused:
                self._judge_refusal(person, position, nick)

    def _judge_refusal(self, person: Person, position: int, nick: str) -> None:
        """Check that a nick that its owner did not get was not reserved."""
        mine = [one for one in self.history.all if one.who == person.name and one.since < position]
        if not mine or mine[-1].nick != nick:
            return
        last, at = mine[-1], self.log.times[position - 1]
        is_live = last.until is None or last.until > position
        expect(not is_live, person, "is refused at", position, "what it has:", last)
        expect(last.kept_until <= at, person, "is refused at", position, at, "what is reserved:", last)

    # --- what people do --------------------------------------------------------------------------

    def _fresh(self) -> str:
        self._secrets += 1
        return proof_of(f"secret-{self._secrets}")

    def claim(self, person: Person) -> None:
        random = self.random
        server = random.choice(self.servers)
        if person.waits_for or server.is_paused or (person.session and random.random() < 0.5):
            return
        proof = person.proof
        if person.is_thief:
            victim = random.choice([one for one in self.people if not one.is_thief and one.account is None])
            person.nick = victim.nick
            old = [each for each in self.old_proofs if each not in {one.proof for one in self.people}]
            proof = random.choice([None, *old[-3:]])
        if person.session is not None and person.is_thief:
            return
        fresh = self._fresh()
        act = Claim(proof, fresh, True, person.nick, person.account, False, round(KEEP * 1e6), None)
        person.waits_for = server
        self.saw("a claim")
        server.replica.ask(act, partial(self._claimed, person, server, act))

    def _claimed(self, person: Person, server: Server, act: Claim, result: Result) -> None:
        person.waits_for = None
        if result is None:
            self.saw("a claim that was given up")
        elif isinstance(result, Granted):
            self._granted(person, server, act, result)
        else:
            assert isinstance(result, Refused)
            self.saw(f"a claim refused: {result.code}")
            is_owner = not person.is_thief and act.proof == person.proof
            if is_owner and person.account is None and result.code == "nick_taken":
                person.refused.append((server.position, act.nick))

    def _granted(self, person: Person, server: Server, act: Claim, granted: Granted) -> None:
        self.saw("a thief gets what is free" if person.is_thief else "a claim granted")
        if act.proof == granted.proof and person.session is not None:
            self.saw("a session moved")
        if person.proof is not None and person.proof != granted.proof and not person.is_thief:
            self.old_proofs.append(person.proof)
        person.proof = granted.proof
        state = server.replica.state
        assert state is not None
        seat = state.seats.get(granted.proof)
        nick = act.nick if seat is None else seat.identity.nick  # an account's may be called otherwise by now
        if person.account is not None and seat is not None and len(seat.identity.seats) > 1:
            self.saw("another seat of an identity")
        held = self.hold(nick, person, server.position)
        session = Session(person, granted.proof, held)
        server.sessions[granted.proof] = person.session = session
        person.node = server
        person.nick = held.nick

    def leave(self, person: Person) -> None:
        """Say goodbye, or lose the connection."""
        session, server = person.session, person.node
        if session is None or server is None or server.is_paused or person.waits_for:
            return
        keeps = self.random.random() < 0.7
        until = min(server.protects_until, self.now + KEEP - SLACK)
        session.end(server.position, until if keeps else float("-inf"))
        self.forget(session)
        del server.sessions[session.proof]
        server.replica.ask(Release(session.proof, round(KEEP * 1e6) if keeps else None))
        self.saw("a connection broken" if keeps else "a goodbye")

    def rename(self, person: Person) -> None:
        session, server = person.session, person.node
        if session is None or server is None or server.is_paused or person.is_thief or person.waits_for:
            return
        nick = self.random.choice((person.account or person.name, f"{person.name}-x"))
        session.renames += 1

        def answered(result: Result) -> None:
            self.saw("a rename answered")
            session.renames -= result is not None  # else nobody knows

        server.replica.ask(Rename(session.proof, nick, False), answered)

    def move_about(self, person: Person) -> None:
        session, server = person.session, person.node
        if session is None or server is None or server.is_paused:
            return
        room = self.random.choice(ROOMS)
        if room in session.rooms:
            session.rooms.discard(room)
            server.replica.ask(Exit(session.proof, room))
        else:
            session.rooms.add(room)
            server.replica.ask(Enter(session.proof, room))

    # --- what happens to servers -----------------------------------------------------------------

    def kill(self, server: Server) -> None:
        self.saw("a kill")
        for session in server.sessions.values():
            session.end(server.position, server.protects_until)
            self.forget(session)
        for person in self.people:
            if person.waits_for is server:
                person.waits_for = None
                for held in self.history.all:  # the claim may be granted, and call it otherwise
                    held.kept_until = (
                        held.kept_until if held.who != (person.account or person.name) else float("-inf")
                    )
        server.sessions.clear()
        server.connection.close()
        self.servers[self.servers.index(server)] = Server(self, self.random.uniform(-500, 500))

    def work(self, server: Server) -> None:
        if server.is_paused:
            return
        self.applying = server
        if not server.connection.is_open:
            if self.random.random() < 0.3:
                server.connection.open()
        elif server.connection.missing:
            server.connection.deliver(self.random.randint(1, 4))
        server.replica.step()

    def chaos(self) -> None:
        random = self.random
        server, person = random.choice(self.servers), random.choice(self.people)
        roll = random.random()
        if roll < 0.30:
            self.work(server)
        elif roll < 0.55:
            if self.log.on_its_way:
                self.log.take()
        elif roll < 0.75:
            self.now += random.uniform(0.0, 0.4)
        elif roll < 0.85:
            self.claim(person)
        elif roll < 0.89:
            self.leave(person)
        elif roll < 0.91:
            self.rename(person)
        elif roll < 0.96:
            self.move_about(person)
        elif roll < 0.972:
            server.connection.cut()
        elif roll < 0.98:
            server.paused_until = self.now + random.choice((2.0, 20.0, 40.0))
        elif roll < 0.983:
            self.now += random.choice((5.0, 20.0))
        elif roll < 0.9845:
            self.kill(server)

    def settle(self) -> None:
        """Let faults end, and everybody say whom they have, twice."""
        self.log.faults = 0.0
        end = self.now + 140.0
        while self.now < end:
            for server in self.servers:
                server.paused_until = 0.0
                if not server.connection.is_open:
                    server.connection.open()
                self.applying = server
                while server.connection.missing:
                    server.connection.deliver(8)
                server.replica.step()
            while self.log.on_its_way:
                self.log.take()
            self.now += 0.5
        for server in self.servers:
            self.applying = server
            while server.connection.missing:
                server.connection.deliver(8)

    def judge_states(self) -> None:
        first, *others = [server.replica.state for server in self.servers]
        assert first is not None
        for other in others:
            assert other is not None
            expect(dump(other) == dump(first), "states differ:", dump(first), dump(other))
        for server in self.servers:
            expect(not server.replica.is_cut_off, "a server is cut off in the end")
            there = {seat.proof: seat for seat in first.at(server.replica.node)}
            expect(there.keys() == server.sessions.keys(), "has", server.sessions, "and not", there)
            for proof, session in server.sessions.items():
                seat = there[proof]
                expect(seat.identity.nick == session.held.nick, session, "is", seat.identity.nick)
                expect(set(seat.rooms) == session.rooms, session, "is in", seat.rooms)

    def run(self, steps: int = 1_500) -> Counter[str]:
        """Run to the end, and return what was seen; raises `Violation`."""
        for _ in range(steps):
            self.chaos()
        self.settle()
        self.judge_history()
        self.judge_states()
        return self.seen
