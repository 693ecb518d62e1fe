"""People on several hubs that share a directory, over a log with faults: by a seed, in random turns.

In between, some of it is judged: once a server has read all that there is, whoever it serves has a nick that
nobody else has. In the end everybody sees the same people in each room, and nothing is left of who went.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.protocol.frames import (
    Closing,
    Error,
    Frame,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    NickFrame,
    Welcome,
    Who,
)
from tests.server.driver import Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.shared.machines import Machine, Machines

__all__ = ["Storm"]

ROOMS = ("lobby", "ops")
LIMITS = {
    "keepalive_seconds": None,
    "idle_seconds": None,
    "session_seconds": 20,
    "new_rooms_per_minute": None,
    "new_connections_per_second": None,
    "refusals_per_minute": None,
    "connections_per_address": None,
}


@dataclass(eq=False)
class Guest:
    """A connection of somebody, as far as its frames say."""

    person: "Person"
    peer: Peer
    machine: Machine
    nick: str = ""
    rooms: set[str] = field(default_factory=set)

    @property
    def is_live(self) -> bool:
        return bool(self.nick) and not self.peer.closed


@dataclass(eq=False)
class Person:
    """Somebody, with an account or without, who has the secret of the last session."""

    nick: str
    account: str | None = None
    key: str | None = None
    secret: str | None = None


class Storm:
    """Two servers or three, and who connects to them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.machines = Machines(self.random)
        self.seen = Counter[str]()
        self.guests: list[Guest] = []
        names = ("bob", "cleo", "dora", "dora")  # of these two, one is late
        self.people = [Person(name) for name in names]
        self.people += [Person("ada", "ada", key_of("ada", device)) for device in ("one", "two")]
        for _ in range(self.random.choice((2, 3))):
            self._add()
        self.machines.log.faults = 0.1
        self.machines.holds = True

    def _add(self) -> Machine:
        return self.machines.add(KeyGate("ada"), **LIMITS)

    # --- what happens ----------------------------------------------------------------------------

    def step(self) -> None:
        random, machines = self.random, self.machines
        machine, person = random.choice(machines.all), random.choice(self.people)
        roll = random.random()
        if roll < 0.35:
            self._work(machine)
        elif roll < 0.55:
            if machines.log.on_its_way:
                machines.log.take()
        elif roll < 0.7:
            machines.clock.now += random.uniform(0.0, 0.5)
        elif roll < 0.8:
            self._connect(person, machine)
        elif roll < 0.96:
            self._act()
        elif roll < 0.968:
            machine.connection.cut()
            self.seen["a connection to the log lost"] += 1
        elif roll < 0.984:
            machines.clock.now += 18.0
        elif roll < 0.988:
            self._kill(machine)
        self._read()

    def _work(self, machine: Machine) -> None:
        connection = machine.connection
        if not connection.is_open:
            if self.random.random() < 0.2:
                connection.open()
        elif connection.missing:
            connection.deliver(self.random.randint(1, 5))
        machine.work()
        if connection.is_open and not connection.missing:
            self._read()
            self._judge_nicks([guest for guest in self.guests if guest.machine is machine])

    def _connect(self, person: Person, machine: Machine) -> None:
        own = [guest for guest in self.guests if guest.person is person and guest.is_live]
        if len(own) > 1:
            return
        secret = person.secret if self.random.random() < 0.9 else None
        peer = machine.hello(person.nick, key=person.key, session=secret)
        self.guests.append(Guest(person, peer, machine))

    def _act(self) -> None:
        live = [guest for guest in self.guests if guest.is_live]
        if not live:
            return
        guest, room = self.random.choice(live), self.random.choice(ROOMS)
        match self.random.choice(("join", "join", "join", "leave", "nick", "lose", "goodbye")):
            case "join" if room not in guest.rooms:
                guest.peer.send(Join(room=room))
            case "leave" if room in guest.rooms:
                guest.peer.send(Leave(room=room))
            case "nick":
                base = guest.person.nick
                guest.peer.send(NickFrame(nick=self.random.choice((base, f"{base}-x"))))
            case "lose":
                guest.peer.lose()
            case "goodbye":
                guest.peer.eof()
            case _:
                pass

    def _kill(self, machine: Machine) -> None:
        self.seen["a kill"] += 1
        machine.connection.close()
        self.machines.all.remove(machine)
        self.guests = [guest for guest in self.guests if guest.machine is not machine]
        self._add()

    # --- what is read, and judged ----------------------------------------------------------------

    def _read(self) -> None:
        for guest in self.guests:
            for frame in guest.peer.take():
                self._note(guest, frame)
        self.guests = [guest for guest in self.guests if not guest.peer.closed]

    def _note(self, guest: Guest, frame: Frame) -> None:
        match frame:
            case Welcome():
                guest.nick, guest.person.secret = frame.nick, frame.session
                self.seen["a welcome"] += 1
            case NickFrame():
                guest.nick = frame.nick
                self.seen["a nick"] += 1
            case Joined():
                guest.rooms.add(frame.room)
            case Left():
                guest.rooms.discard(frame.room)
            case Error():
                self.seen[f"refused: {frame.code}"] += 1
            case Closing():
                guest.nick = ""
                guest.rooms = set()
                self.seen[f"closed: {frame.reason}"] += 1
            case _:
                pass

    def _judge_nicks(self, guests: list[Guest]) -> None:
        """Check that no two people of one server that knows everything have a nick."""
        holders: dict[str, Guest] = {}
        for guest in guests:
            if guest.is_live:
                other = holders.setdefault(guest.nick, guest)
                same = other is guest or (guest.person.account and other.person.account)
                assert same, f"two have {guest.nick}"

    def run(self, steps: int = 700) -> Counter[str]:
        """Run to the end; raises `AssertionError`."""
        for _ in range(steps):
            self.step()
        self._settle(70.0)
        self._read()
        self._judge_nicks(self.guests)
        for person in self.people:
            self._connect(person, self.random.choice(self.machines.all))
        self._read()
        for guest in self.guests:
            if guest.is_live:
                guest.peer.send(*(Join(room=room) for room in ROOMS if room not in guest.rooms))
        for _ in range(10):
            self._settle(0.5)
            self._read()
            self._act()
        self._settle(2.0)
        self._read()
        self._judge_rooms()
        for guest in self.guests:
            guest.peer.lose()
        self._settle(60.0)
        self._judge_end()
        return self.seen

    def _settle(self, seconds: float) -> None:
        machines = self.machines
        machines.log.faults, machines.holds = 0.0, False
        for machine in machines.all:
            if not machine.connection.is_open:
                machine.connection.open()
        machines.advance(seconds)

    def _judge_rooms(self) -> None:
        live = [guest for guest in self.guests if guest.is_live]
        for room in ROOMS:
            there = sorted({guest.nick for guest in live if room in guest.rooms})
            for guest in live:
                if room in guest.rooms:
                    guest.peer.take()
                    guest.peer.send(Who(room=room))
                    members = guest.peer.one(Members)
                    assert list(members.nicks) == there, (members.nicks, there)
                    assert members.count == len(there)
                    self.seen["a list of members"] += 1

    def _judge_end(self) -> None:
        for machine in self.machines.all:
            found = {what: there for what, there in machine.leftovers().items() if there}
            assert not found, found
