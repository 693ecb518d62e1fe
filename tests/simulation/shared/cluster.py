"""The nodes of a cluster, their logs and their people, one random step at a time."""

import contextlib
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from unittest import mock

from chatcore.limits import HistoryLimits
from chatcore.roster.machine import LEASE
from tests.journal.replicated.entries import limits_entry
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import Copies
from tests.protocol.frames import Error
from tests.server.key_gate import KeyGate, key_of
from tests.server.shared.machines import STEP, Machines
from tests.simulation.pages import ERA
from tests.simulation.shared.guest import Guest, Person
from tests.simulation.shared.judge import Judge
from tests.simulation.shared.node import Node
from tests.simulation.step import Step, expect
from tests.simulation.watch import LogReader

__all__ = ["ACCOUNT", "ROOMS", "STEPS", "SharedCluster"]

STEPS = 700
"""Steps of chaos in one seed."""

ROOMS = ("lobby", "ops")

ACCOUNT = "ada"
"""The only account, which has two devices."""

_NICKS = ("bob", "cleo", "dora", "dora")  # of these two, one is late
_FLAKY = 0.2  # how often a connection breaks at once, and comes again
_LULL = 18.0  # seconds: more than a lease


class SharedCluster:
    """Two nodes or three, and who connects to them. Their files are in ``directory``."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random = Random(seed)
        self.log: list[str] = []  # a line for every step
        self.machines = machines = Machines(random)
        self.posts = FaultyLog(random, lambda: ERA.timestamp() + machines.clock.now)
        self.posts.write(limits_entry(HistoryLimits(history_messages=None, dedupe_seconds=100_000)))
        self.judge = Judge(machines)
        self.nodes: list[Node] = []
        self._down: list[tuple[float, Path, Copies]] = []  # when each node begins again
        self._silent_until = 0.0  # no entry gets to any log before
        machines.holds = True
        with self.patched():
            for number in range(random.choice((2, 3, 3))):
                path = directory / f"node-{number}"
                self._start(path, Copies(path, random))
        self.people = [
            Person(f"p{number}", nick, self.judge, None, None) for number, nick in enumerate(_NICKS)
        ]
        self.people += [
            Person(f"{ACCOUNT}{number}", ACCOUNT, self.judge, ACCOUNT, key_of(ACCOUNT, f"device-{number}"))
            for number in range(2)
        ]

    @property
    def now(self) -> float:
        """The time."""
        return self.machines.clock.now

    @property
    def guests(self) -> list[Guest]:
        """All connections."""
        return [guest for person in self.people for guest in person.guests]

    def at(self, node: Node) -> list[Guest]:
        """Return the connections to a node."""
        return [guest for guest in self.guests if guest.node is node]

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """Have the core use the chance of this simulation within."""
        random = self.random
        with (
            mock.patch("secrets.token_hex", lambda size: f"{random.getrandbits(8 * size):0{2 * size}x}"),
            mock.patch("secrets.token_urlsafe", lambda size: f"{random.getrandbits(8 * size):048x}"),
            mock.patch.multiple(logging.getLogger("chat.core"), handlers=[LogReader()], propagate=False),
        ):
            yield

    # --- chaos -----------------------------------------------------------------------------------

    def chaos(self, steps: int) -> None:
        """Let anything happen."""
        self.machines.log.faults = self.posts.faults = self.random.choice((0.0, 0.1, 0.3))
        for _ in range(steps):
            offered = list(self._steps())
            [step] = self.random.choices(offered, [each.weight for each in offered])
            self.log.append(f"{self.now:9.2f}  {step.run()}")

    def _steps(self) -> Iterator[Step]:
        yield Step(3, self._pass_some_time)
        yield Step(0.06, self._lull)
        yield Step(0.03, self._be_silent)
        if self.machines.log.on_its_way and self._silent_until <= self.now:
            yield Step(6, self._take)
        if self._down and self._down[0][0] <= self.now:
            yield Step(2, self._start_again)
        yield Step(1.5, self._come)
        if live := [each for each in self.guests if each.is_live and not each.node.is_paused]:
            yield Step(4, partial(self._act, live))
        if running := [node for node in self.nodes if not node.is_paused]:
            yield from self._steps_of(self.random.choice(running))

    def _steps_of(self, node: Node) -> Iterator[Step]:
        silent = self._silent_until > self.now
        for step in node.journal.steps():
            if not (silent and step.run == node.journal._arrive):
                yield Step(step.weight, partial(self._carry_on, node, step))
        if node.connection.is_open and node.connection.missing:
            yield Step(6, partial(self._hear, node))
        if not node.connection.is_open and node.connects_at <= self.now:
            yield Step(2, partial(self._connect, node))
        yield Step(0.05, partial(self._cut, node))
        yield Step(0.03, partial(self._pause, node))
        yield Step(0.03, partial(self._copy, node))
        yield Step(0.02 if len(self.nodes) > 1 else 0, partial(self._kill, node))
        yield Step(0.3, partial(self._kick, node))
        yield Step(0.05, partial(self._ban, node))
        yield Step(0.05, partial(self._remove_room, node))

    # --- time ------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let each node that runs do what is due, and check that nobody waits for too long."""
        self.machines.clock.now += seconds
        for node in self.nodes:
            if not node.is_paused:
                node.pass_time()
                self.read(node)
        for node in self.nodes:
            if not node.is_paused:
                self.judge.judge_waiting(node, self.at(node))
                self._judge_cut_off(node)

    def _pass_some_time(self) -> str:
        self.pass_time(self.random.uniform(0.0, STEP))
        return f"it is {self.now:.2f}"

    def _lull(self) -> str:
        """Let time pass in which only who is cut off or paused falls behind."""
        end = self.now + self.random.choice((2.0, _LULL))
        while self.now < end:
            self.pass_time(STEP)
            for _ in range(3):
                self.carry_all()
        return f"a lull until {self.now:.2f}"

    def carry_all(self) -> None:
        """Let all entries arrive, and be heard of by all that are connected."""
        for log in (self.machines.log, self.posts):
            while log.on_its_way and self._silent_until <= self.now:
                log.take()
        for node in self.nodes:
            if node.is_paused:
                continue
            while node.connection.is_open and node.connection.missing:
                self._deliver(node)
            for step in node.journal.prompt_steps():
                self._carry_on(node, step)

    def _be_silent(self) -> str:
        self._silent_until = self.now + self.random.choice((1.0, 6.0, 14.0, 25.0))
        return f"no entry arrives until {self._silent_until:.2f}"

    # --- nodes -----------------------------------------------------------------------------------

    def _start(self, path: Path, copies: Copies) -> None:
        node = Node(self.machines, self.posts, path, copies, self.judge.ledger, KeyGate(ACCOUNT))
        self.nodes.append(node)
        node.carry_on()

    def _start_again(self) -> str:
        _, path, copies = self._down.pop(0)
        self._start(path, copies)
        return f"{path.name} begins again"

    def _take(self) -> str:
        self.machines.log.take()
        return f"the log of who is here has {self.machines.log.last} entries"

    def _hear(self, node: Node) -> str:
        for _ in range(self.random.randint(1, 4)):
            if node.connection.missing:
                self._deliver(node)
        return f"{node} knows who was here at {node.position}"

    def _deliver(self, node: Node) -> None:
        before = node.position
        node.connection.deliver(1)
        node.carry_on()
        self.read(node)
        if node.position > before:
            self.judge.judge_kicks(node, self.at(node))

    def _carry_on(self, node: Node, step: Step) -> str:
        line = step.run()
        node.carry_on()
        self.read(node)
        return line

    def read(self, node: Node) -> None:
        """Let everybody on a node take what has come, and judge the node."""
        while sum(guest.take() for guest in self.at(node)):  # of all of them, each time
            pass
        self.judge.judge_node(node, self.at(node))

    def _connect(self, node: Node) -> str:
        node.connect_logs()
        self.read(node)
        return f"{node} is connected again"

    def _cut(self, node: Node) -> str:
        self.judge.seen["a node cut off"] += 1
        node.cut(self.random.choice((0.0, 3.0, 20.0, 40.0)))
        return f"{node} is cut off until {node.connects_at:.2f}"

    def _pause(self, node: Node) -> str:
        self.judge.seen["a node paused"] += 1
        node.resumed_at = node.paused_until = self.now + self.random.choice((2.0, 20.0, 40.0))
        return f"{node} stands still until {node.paused_until:.2f}"

    def _copy(self, node: Node) -> str:
        node.copies.make()
        return f"the file of {node} is copied"

    def _kill(self, node: Node) -> str:
        self.judge.seen["a node killed"] += 1
        node.kill()
        for guest in self.at(node):
            guest.end()
        self.nodes.remove(node)
        if self.random.random() < 0.5:
            node.copies.put_back()
            self.judge.seen["a node that begins with an older file"] += 1
        self._down.append((self.now + self.random.choice((0.0, 0.0, 5.0, 40.0)), node.path, node.copies))
        self._down.sort(key=lambda each: each[0])
        return f"{node} is killed"

    def _kick(self, node: Node) -> str:
        room = self.random.choice(ROOMS)
        self.kick(node, room)
        return f"{ACCOUNT} is put out of {room} on {node}"

    def kick(self, node: Node, room: str) -> None:
        """Put the account out of a room."""
        self.judge.kicks.append((ACCOUNT, room))
        node.hub.expel(ACCOUNT, room)
        node.carry_on()
        self.read(node)
        there = [each for each in self.at(node) if each.account == ACCOUNT and room in each.rooms]
        there = [each for each in there if each.is_served]
        expect(not there, there, "are still in", room, "where they were put out")

    def _ban(self, node: Node) -> str:
        """Put out the account on one node, where it may come again."""
        self.judge.seen["an account banned"] += 1
        gate = node.gate
        assert isinstance(gate, KeyGate)
        gate.ban(ACCOUNT)
        node.carry_on()
        self.read(node)
        there = [each for each in self.at(node) if each.account == ACCOUNT and each.is_served]
        expect(not there, there, "are still on", node, "where they are banned")
        gate.lift(ACCOUNT)
        return f"{ACCOUNT} is put out of {node}"

    def _remove_room(self, node: Node) -> str:
        room = self.random.choice(ROOMS)
        self.judge.seen["a room removed"] += 1
        self.judge.kicks.append((None, room))
        node.hub.remove_room(room)
        node.carry_on()
        self.read(node)
        there = [each for each in self.at(node) if room in each.rooms and each.is_served]
        expect(not there, there, "are still in", room, "which was removed")
        return f"{room} is removed on {node}"

    def _judge_cut_off(self, node: Node) -> None:
        """Check that a node that is cut off lets nobody in, and lets people read."""
        if node.cut_at is None or self.now < node.cut_at + LEASE or self.random.random() > 0.1:
            return
        self.judge.seen["a node that knows that it is cut off"] += 1
        stranger = node.hello("eve")
        codes = [error.code for error in stranger.take_all(Error)]
        expect(codes == ["unavailable"], node, "is cut off, and answers a stranger with", codes)
        stranger.lose()
        idle = [each for each in self.at(node) if each.is_served and each.rooms and not each.open]
        if idle:
            guest = self.random.choice(idle)
            guest.who(room := next(iter(guest.rooms)))
            guest.history(room)
            self.read(node)

    # --- people ----------------------------------------------------------------------------------

    def _come(self) -> str:
        person = self.random.choice(self.people)
        nodes = [node for node in self.nodes if not node.is_paused]
        if len(person.guests) > 1 or not nodes:
            return f"{person} waits"
        node, nick = self.random.choice(nodes), person.guest.nick if person.guest else person.nick
        if self.random.random() < _FLAKY:
            self.come(person, node, nick)
            person.guests[-1].lose()  # mostly before there is an answer
            self.read(node)
        return self.come(person, node, nick)

    def come(self, person: Person, node: Node, nick: str) -> str:
        """Connect somebody to a node, mostly with the secret."""
        secret = person.secret if self.random.random() < 0.9 else None
        guest = person.come(node, nick, secret)
        self.read(node)
        return f"{guest} connects as {nick} with {secret}"

    def _act(self, live: list[Guest]) -> str:
        guest, room = self.random.choice(live), self.random.choice(ROOMS)
        kind = self.random.choice((*["join"] * 3, *["post"] * 4, "leave", "who", "nick", "lose", "goodbye"))
        if kind in ("lose", "goodbye") and self.random.random() < 0.5:
            kind = "post"
        done = self._do(guest, kind, room)
        self.read(guest.node)
        return f"{guest} does {kind} in {room}" if done else f"{guest} waits"

    def _do(self, guest: Guest, kind: str, room: str) -> bool:
        free = not any(key == room for _, key in guest.open)  # so that it is clear what is answered
        match kind:
            case "join" if room not in guest.rooms and free:
                guest.join(room)
            case "leave" if room in guest.rooms and free:
                guest.leave(room)
            case "who" if room in guest.rooms and free:
                guest.who(room)
            case "post" if room in guest.rooms and guest.person.guest is guest:
                guest.post(room)
            case "nick" if not any(each == "nick" for each, _ in guest.open):
                base = guest.person.nick
                guest.rename(self.random.choice((base, f"{base}-x")))
            case "lose":
                guest.lose()
            case "goodbye":
                guest.say_goodbye()
            case _:
                return False
        return True

    # --- calm ------------------------------------------------------------------------------------

    def begin_calm(self) -> None:
        """Let nothing fail any more, and all nodes run and be connected."""
        self.machines.log.faults = self.posts.faults = 0.0
        self._silent_until = 0.0
        while self._down:
            self._start_again()
        for node in self.nodes:
            node.paused_until = node.connects_at = 0.0
            node.resumed_at = min(node.resumed_at, self.now)
            node.world.calm_since = self.now
            node.journal.heal()
            if not node.connection.is_open:
                node.connect_logs()
            node.journal.let_connect()

    def settle(self, seconds: float) -> None:
        """Let time pass in which all that is on its way arrives."""
        end = self.now + seconds
        while self.now < end:
            self.pass_time(STEP)
            self.carry_all()
            for node in self.nodes:
                self._calm_journal(node)
            self.carry_all()

    def _calm_journal(self, node: Node) -> None:
        for _ in range(200):
            if not (steps := list(node.journal.steps())):
                return
            self._carry_on(node, self.random.choice(steps))
