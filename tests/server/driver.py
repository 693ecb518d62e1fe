"""A transport for tests: no sockets, and time moves when the test says so.

`Host` is a hub with one endpoint; `Host.connect` gives a `Peer`, the far end of a connection. Whatever a
test does is carried through at once, so after each step everything that can arrive has arrived.
"""

from collections.abc import Callable
from math import inf
from typing import TypeVar

from chatcore.address import Peer as Address
from chatcore.gate import Gate
from chatcore.journal import Journal
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import Limits
from chatcore.server.directory import Directory, LocalDirectory
from chatcore.server.endpoint import Endpoint, Served
from chatcore.server.hub import Hub
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson
from tests.limits import split_limits
from tests.protocol.codec import encode
from tests.protocol.frames import (
    ClientFrame,
    Error,
    Frame,
    Hello,
    Join,
    Message,
    Position,
    Post,
    Welcome,
)
from tests.protocol.reader import FrameReader

__all__ = ["Clock", "Host", "Peer"]

F = TypeVar("F", bound=Frame)


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Host:
    """A hub and a transport that serves it, under the test's control."""

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        clock: Clock | None = None,
        gate: Gate | None = None,
        directory: Callable[[Limits], Directory] = LocalDirectory,
        **limits: object,
    ) -> None:
        self.clock = clock or Clock()
        own, history = split_limits(limits)
        self.gate = gate
        self.hub = Hub(
            journal or MemoryJournal(history, clock=self.clock),
            own,
            gate=gate,
            clock=self.clock,
            directory=directory(own),
        )
        self.endpoints: list[Endpoint] = []
        self.peers: dict[Served, Peer] = {}
        self.wakes = 0
        self.endpoint = self.add_endpoint()

    def add_endpoint(self) -> Endpoint:
        """Serve the hub by one more transport."""
        self.endpoints.append(self.hub.endpoint(self._wake))
        return self.endpoints[-1]

    def connect(
        self,
        wire: Wire = ndjson,
        *,
        host: str = "192.0.2.1",
        port: int = 0,
        endpoint: Endpoint | None = None,
    ) -> "Peer":
        """Open a connection; nothing is said on it yet by a typed peer."""
        address = Address(host, port or 40_000 + len(self.peers))
        return Peer(self, endpoint or self.endpoint, address, wire)

    def hello(self, nick: str, *, key: str | None = None, session: str | None = None) -> "Peer":
        """Open a connection that says hello, whatever the answer is."""
        peer = self.connect()
        peer.send(Hello(protocol=1, nick=nick, key=key, session=session))
        return peer

    def live(self, nick: str, *, key: str | None = None, session: str | None = None) -> "Peer":
        """Open a connection that has said hello, and is welcome."""
        peer = self.hello(nick, key=key, session=session)
        peer.secret = peer.one(Welcome).session
        return peer

    def member(
        self,
        nick: str,
        room: str = "lobby",
        *,
        key: str | None = None,
        after: Position | None = None,
        history: int | None = None,
    ) -> "Peer":
        """Open a connection that has said hello and joined a room; what that brought is kept."""
        peer = self.live(nick, key=key)
        peer.send(Join(room=room, after=after, history=history))
        return peer

    def is_free(self, nick: str) -> bool:
        """Return whether a nick is free for a session without a secret; asking changes nothing."""
        directory = self.hub.directory
        assert isinstance(directory, LocalDirectory)
        return directory.is_free(nick)

    def pump(self) -> None:
        """Do what a transport does until there is nothing to do."""
        while self.wakes:
            self.wakes = 0
            for endpoint in self.endpoints:
                while endpoint.busy:
                    for session in endpoint.ready():
                        if session in self.peers:
                            self.peers[session].serve()
                    for session, data in endpoint.fan_out():
                        self.peers[session].write(data)
                if endpoint.next_deadline() == -inf:  # somebody has sent more than a turn's worth
                    self.wakes += 1
                    endpoint.handle_deadlines(self.clock.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, handling every deadline when it is due."""
        until = self.clock.now + seconds
        for _ in range(100_000):
            times = [when for endpoint in self.endpoints if (when := endpoint.next_deadline()) is not None]
            if not times or min(times) > until:
                self.clock.now = until
                return
            self.clock.now = max(self.clock.now, min(times))
            for endpoint in self.endpoints:
                endpoint.handle_deadlines(self.clock.now)
            self.pump()
        raise AssertionError("a deadline comes again and again")

    def settle(self) -> None:
        """Let it be told who came and who went."""
        self.advance(self.hub.limits.presence_seconds)

    def _wake(self) -> None:
        self.wakes += 1


class Peer:
    """The far end of a connection, and the socket between.

    On the typed wire a `FrameReader` judges every frame. With ``window`` set the peer reads no more than that
    many bytes until `drain` lets it.
    """

    def __init__(self, host: Host, endpoint: Endpoint, address: Address, wire: Wire) -> None:
        self.host = host
        self.session = endpoint.open(address, wire)
        self.secret = ""
        self.window: int | None = None
        self.unsent = b""
        self.received = b""  # all bytes that came
        self.pieces = 0
        self.ended = False  # the server has ended its stream
        self.closed = False  # the socket is closed
        self.reader = FrameReader() if wire is ndjson else None
        self._frames: list[Frame] = []
        self._text_taken = 0
        host.peers[self.session] = self
        host.pump()

    # --- what a test does ------------------------------------------------------------------------

    def feed(self, *segments: bytes) -> None:
        """Send bytes, a segment each."""
        for segment in segments:
            self.session.receive_data(segment)
        self.host.pump()

    def send(self, *frames: ClientFrame) -> None:
        """Send frames, all in one segment."""
        if self.reader is not None:
            for frame in frames:
                self.reader.note_sent(frame)
        self.feed(b"".join(map(encode, frames)))

    def post(self, *texts: str, room: str = "lobby", prefix: str = "id") -> None:
        """Post texts, with ids made of the prefix and a number from 1, all in one segment."""
        self.send(*(Post(room=room, id=f"{prefix}-{n}", text=text) for n, text in enumerate(texts, 1)))

    def eof(self) -> None:
        """End this side of the stream."""
        self.session.receive_eof()
        self.host.pump()

    def lose(self) -> None:
        """Break the connection."""
        self.closed = True
        self.session.connection_lost()
        self.host.pump()

    def drain(self, size: int | None = None) -> None:
        """Read some of what waits in the socket, or all."""
        size = len(self.unsent) if size is None else size
        taken, self.unsent = self.unsent[:size], self.unsent[size:]
        self._receive(taken)
        self.session.data_unsent(len(self.unsent))
        self.serve()
        self.host.pump()

    def take(self) -> list[Frame]:
        """Take the frames that came since the last time."""
        frames, self._frames = self._frames, []
        return frames

    def take_all(self, kind: type[F]) -> list[F]:
        """Take the frames of one kind; the others stay."""
        taken = [frame for frame in self._frames if isinstance(frame, kind)]
        self._frames = [frame for frame in self._frames if not isinstance(frame, kind)]
        return taken

    def one(self, kind: type[F]) -> F:
        """Take the one frame of a kind that there has to be."""
        taken = self.take_all(kind)
        assert len(taken) == 1, f"{len(taken)} of {kind.__name__}, besides {self._frames}"
        return taken[0]

    def error(self) -> Error:
        """Take the one error that there has to be."""
        return self.one(Error)

    def texts(self) -> list[str]:
        """Take the texts of the messages that came."""
        return [message.text for message in self.take_all(Message)]

    def lines(self) -> list[str]:
        """Take what came as lines of text."""
        text = self.received[self._text_taken :].decode()
        self._text_taken = len(self.received)
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    # --- the socket ------------------------------------------------------------------------------

    def serve(self) -> None:
        """Do for this connection what a transport does for one that is ready."""
        session = self.session
        if not self.closed and not self.unsent and (data := session.data_to_send()):
            self.write(data)
        self.ended = self.ended or (session.closing and not self.unsent)
        if session.closed and not self.closed:
            self.lose()

    def write(self, data: bytes) -> None:
        """Take a piece, as far as the window lets it through."""
        assert not self.unsent, "was given more than it asked for"
        self.pieces += 1
        size = len(data) if self.window is None else min(self.window, len(data))
        if self.window is not None:
            self.window -= size
        self._receive(data[:size])
        self.unsent = data[size:]
        if self.unsent:
            self.session.data_unsent(len(self.unsent))

    def _receive(self, data: bytes) -> None:
        self.received += data
        if self.reader is not None:
            self._frames += self.reader.receive_data(data)
