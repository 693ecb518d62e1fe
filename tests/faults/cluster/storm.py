"""A storm over a cluster: three servers of NATS, chat servers of both transports, and talkers who move about.

There is one fault at a time: `tests.faults.cluster.kinds` has them. In the end every chat server's copy is
judged by the checker as if it were the only one, and all copies are to be the same.
"""

import contextlib
import random
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from nats.errors import Error as NatsError

from chatcore.journal.replicated import StateFile
from tests.faults.checker import Violation, check
from tests.faults.cluster.doors import PATIENCE, Doors, TimedTalks, Walk
from tests.faults.cluster.network import Network
from tests.faults.cluster.nicks import Heir, two_at_a_time
from tests.faults.cluster.nodes import ChatNode
from tests.faults.history import History, Log, Received, logs_of
from tests.faults.talker import ROOM, Talker
from tests.jetstream.servers import NatsServer, NatsServers, ask
from tests.protocol.frames import Ack, Hello, Join, Joined, Position
from tests.transports.peers import TypedPeer

__all__ = ["STREAM", "ClusterStorm", "Ended"]

TALKERS = 6
HEIRS = 3
STREAM = "chat"
STREAMS = (STREAM, f"{STREAM}-live")

CATCHING_UP = 30.0
"""Seconds in which a server of NATS nearly always has all again."""

TRANSPORTS = ("asyncio", "threaded", "asyncio")


class Ended(NamedTuple):
    """What a storm has come to: posts that were acknowledged, holders of the one nick, and what is wrong."""

    acked: int
    holds: int
    durabilities: set[str]
    violations: list[Violation]


class ClusterStorm:
    """The servers, and who talks over them. A context manager; ``env`` is for every chat server.

    Talkers post, and then wait for about ``pause`` seconds. In the end they have ``patience`` to read all.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        *,
        nodes: int = 3,
        pause: float = 0.5,
        patience: float = PATIENCE,
        **env: str,
    ) -> None:
        self._patience = patience
        self.random = random.Random(seed)
        self.helped = self.emptied = 0
        self.network = Network()
        self.nats = NatsServers(directory / "nats", 3, way=self.network.way)
        self.nodes = [
            ChatNode(f"c{n}", transport, directory, self.nats, STREAM, **env)
            for n, transport in enumerate(TRANSPORTS[:nodes])
        ]
        self.doors = Doors(self.nodes)
        self.talks = TimedTalks(History())
        self.talkers = [
            Talker(
                self.talks,
                f"nick{n}",
                TALKERS,
                Walk(self.doors, f"{seed} {n}", by_web=n % 2 == 1, pause=pause).connect,
            )
            for n in range(TALKERS)
        ]
        self.heirs = [Heir(f"heir{n}", self._enter_anywhere, seed) for n in range(HEIRS)]
        self._stack = ExitStack()

    def __enter__(self) -> "ClusterStorm":
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for heir in self.heirs:
            heir.stop()
        self._stack.close()

    # --- for faults ------------------------------------------------------------------------------

    @property
    def leader(self) -> NatsServer:
        """The server that leads the stream of messages."""
        return self.nats.named(self._wait_for(lambda: self._info(STREAM).cluster.leader))

    def ask(self, method: str, *arguments: Any) -> Any:
        """Do something to the streams, as an operator does: again, if no server of NATS answers in time."""
        return self._wait_for(lambda: ask(self.nats, method, *arguments))

    def follower(self) -> NatsServer:
        """Return one of the servers that do not lead."""
        leader = self.leader
        return self.random.choice([server for server in self.nats.servers if server is not leader])

    def node(self) -> ChatNode:
        """Return one of the chat servers."""
        return self.random.choice(self.nodes)

    def start(self, node: ChatNode, *options: str, **env: str) -> None:
        """Start a chat server, and let people in."""
        node.start(*options, **env)
        self.doors.note()

    def wait_for_acks(self, least: int, most: int) -> None:
        """Wait until some more posts were acknowledged."""
        try:
            self.talks.wait_for_acks(self.random.randint(least, most), PATIENCE)
        except AssertionError:
            self._raise_errors()
            raise

    def wait(self, least: float, most: float) -> None:
        """Let a time pass during which a fault lasts, in seconds."""
        threading.Event().wait(self.random.uniform(least, most))

    # --- a round, and the end --------------------------------------------------------------------

    def round(self, fault: Callable[["ClusterStorm"], None]) -> float:
        """Let one thing happen; return for how long no post was acknowledged, in seconds."""
        self.wait_for_acks(10, 40)
        self.talks.begin_silence()
        fault(self)
        self.wait_for_acks(30, 60)
        silence = self.talks.end_silence()
        self.wait_until_whole()
        self._raise_errors()
        return silence

    def wait_for_words(self, words: str) -> None:
        """Wait until each chat server has said something, since it was made."""
        for node in self.nodes:
            self._wait_for(partial(_has_said, node, words))

    def wait_for_reader(self) -> None:
        """Wait until each chat server lets somebody in, to whom it shows what there is."""
        for node in self.nodes:
            self._wait_for(partial(_has_read, node, Position(epoch="none", seq=0)))

    def wait_until_whole(self) -> None:
        """Wait until each server of NATS has all there is of both streams.

        One that does not catch up by itself is started again, as an operator does, and in the end with an
        empty disk. ``helped`` and ``emptied`` count that.
        """
        if self._is_whole_in(CATCHING_UP):
            return
        for server in self._behind():
            self.helped += 1
            server.stop()
            server.start()
        if self._is_whole_in(CATCHING_UP):
            return
        for server in self._behind():
            self.emptied += 1
            server.stop()
            shutil.rmtree(server.directory / "store")
            server.start()
            self._wait_for(self._are_whole)

    def end(self) -> Ended:
        """Let everybody say the rest and read everything, end all chat servers cleanly, and judge."""
        self.doors.staying = True
        try:
            self.talks.wait_for_silence(TALKERS)
        except AssertionError:
            self._raise_errors()
            raise
        for heir in self.heirs:
            heir.stop()
        until = time.monotonic() + self._patience
        for each in (*self.talkers, *self.heirs):
            each.join(max(until - time.monotonic(), 0.0))
        self._raise_errors()
        events = self.talks.history.events()
        told = [event.frame for event in events if isinstance(event, Received)]
        acks = [frame for frame in told if isinstance(frame, Ack)]
        epochs = {frame.epoch for frame in told if isinstance(frame, Joined)}
        holds = [held for heir in self.heirs for held in heir.holds]
        found = two_at_a_time(holds)
        late = [each.name for each in (*self.talkers, *self.heirs) if each.is_alive()]
        if late:
            found.append(Violation("incomplete", f"{late} still wait for something"))
        if len(epochs) > 1:
            found.append(Violation("disagreement", f"there were several epochs: {epochs}"))
        head = Position(epoch=min(epochs), seq=max(ack.seq for ack in acks))
        for node in self.nodes:
            if not late:
                self._wait_for(partial(_has_read, node, head))
        for node in self.nodes:
            code, words = node.stop(), node.errors.read_text()
            if code or "Traceback" in words or "bug" in words:
                found.append(Violation("disagreement", f"{node.name} ended with {code}: see {node.errors}"))
        copies = [logs_of(node.state, StateFile) for node in self.nodes]
        for copy in copies:
            found += check(events, copy)
        found += _differences(self.nodes, copies)
        return Ended(len(acks), len(holds), {ack.durability for ack in acks}, found)

    def end_of_the_log(self) -> list[Violation]:
        """End all chat servers, whose log nobody can append to any more, and judge what they have.

        One may have read more of it than another. Who has read most has all that was acknowledged.
        """
        for node in self.nodes:
            node.stop()
        copies = [logs_of(node.state, StateFile)[ROOM] for node in self.nodes]
        longest = max(copies, key=lambda copy: copy.head)
        found = check(self.talks.history.events(), {ROOM: longest})
        for node, copy in zip(self.nodes, copies, strict=True):
            if copy.messages != longest.messages[: len(copy.messages)]:
                found.append(Violation("disagreement", f"{node.name} has other messages"))
        return found

    # --- within ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._stack.callback(self.network.close)
        self._stack.enter_context(self.nats)
        for node in self.nodes:
            self._stack.callback(node.close)
            node.start()
        self.talks.set_up(True)
        for each in (*self.talkers, *self.heirs):
            each.start()
        for talker in self.talkers:
            assert talker.joined.wait(PATIENCE), talker.error

    def _enter_anywhere(self) -> TypedPeer:
        return TypedPeer(self.doors.next_node(random.randrange(len(self.nodes))).ports["chat"])

    def _raise_errors(self) -> None:
        errors = [talker.error for talker in self.talkers] + [heir.error for heir in self.heirs]
        for error in errors:
            if error is not None:
                raise error

    def _info(self, stream: str) -> Any:
        return ask(self.nats, "stream_info", stream)

    def _is_whole_in(self, seconds: float) -> bool:
        with contextlib.suppress(AssertionError):
            return bool(self._wait_for(self._are_whole, seconds))
        return False

    def _are_whole(self) -> bool:
        return all(map(self._is_whole, STREAMS))

    def _behind(self) -> list[NatsServer]:
        """Return the servers that lack something."""
        infos = [self.ask("stream_info", stream) for stream in STREAMS]
        others = [each for info in infos for each in info.cluster.replicas or []]
        names = {each.name for each in others if not each.current or each.offline or each.lag}
        return [server for server in self.nats.servers if server.name in names]

    def _is_whole(self, stream: str) -> bool:
        cluster = self._info(stream).cluster
        others = cluster.replicas or []
        return (
            bool(cluster.leader)
            and len(others) == 2
            and all(each.current and not each.offline and not each.lag for each in others)
        )

    def _wait_for(self, look: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Ask again and again until there is an answer."""
        until = time.monotonic() + patience
        problem: Exception | None = None
        while time.monotonic() < until:
            try:
                if found := look():
                    return found
            except (NatsError, OSError, EOFError, AssertionError) as error:
                problem = error
            threading.Event().wait(0.05)
        raise AssertionError(f"it does not come to that: {problem!r}")


def _has_read(node: ChatNode, position: Position) -> bool:
    """Tell whether a chat server has read up to a position; it waits for seconds itself."""
    with TypedPeer(node.ports["chat"]) as peer:
        peer.send_frame(Hello(protocol=1, nick=f"{node.name}-witness"))
        peer.send_frame(Join(room=ROOM, after=position))
        return peer.receive(Joined).head >= position.seq


def _has_said(node: ChatNode, words: str) -> bool:
    return words in node.errors.read_text()


def _differences(nodes: list[ChatNode], copies: list[dict[str, Log]]) -> list[Violation]:
    """Return where the copies of chat servers are not the same."""
    found = []
    for node, copy in zip(nodes[1:], copies[1:], strict=True):
        if copy != copies[0]:
            found.append(Violation("disagreement", f"{node.name} and {nodes[0].name} have other messages"))
    files = [StateFile(node.state) for node in nodes]
    try:
        headers = [file.header() for file in files]
        common = min(header.position for header in headers)
        if any(header.forked for header in headers) or len({header.identity for header in headers}) > 1:
            found.append(Violation("disagreement", f"the log is forked: {headers}"))
        digests = {file.digest_at(common) for file in files}
        if len(digests) > 1 or None in digests:
            found.append(Violation("disagreement", f"up to {common}, digests are {digests}"))
    finally:
        for file in files:
            file.close()
    return found
