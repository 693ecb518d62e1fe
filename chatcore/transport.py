"""The seam to transports: what moves bytes between sockets and the core.

This module is public, for those who write a transport, and is all of the server that they need. A
transport is found by its name among the entry points of the group ``chat.transports``, each of which names
an object that is a `Transport`. It serves any number of listeners on a hub that others may be serving too.

A transport sees the core through two narrow views, and the type checker refuses the rest:

- it asks its hub for one `Endpoint`, which holds all of its connections;
- for every socket that it accepts, `Endpoint.delay` says how long to wait, and `Endpoint.open` gives it a
  `Session` then.

Their docstrings say who calls what, and in which thread. Bytes come in and go out as ``bytes``, and time
as a number of seconds on the hub's clock; nothing here blocks, and nothing that a peer sends raises.

Addresses such as ``chats://`` are encrypted: a `Channel` is between the socket and the session. A transport
that applies channels has an attribute ``applies_channels`` that is true, and asks each `Listen` for its
`layers`. One that asks for its ``wire`` alone gets an error there, and so never sends in the clear what is
promised to be encrypted. In the same way, one with a true ``takes_descriptors`` serves sockets that are bound
already: see `Listen`.

Wires are loaded when they are first asked for: they bring the models of all frames, and whoever only wants to
know what an address means needs none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

from chatcore.address import ENCRYPTED_SCHEMES, WEB_SCHEMES, Peer, parse_url
from chatcore.durations import Durations
from chatcore.errors import UsageError
from chatcore.site import Site

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from chatcore.wire import Wire

__all__ = [
    "GROUP",
    "Channel",
    "Endpoint",
    "Host",
    "Layers",
    "Listen",
    "MeasuredServer",
    "Peer",
    "Server",
    "ServerStatistics",
    "Session",
    "Site",
    "Transport",
    "Wire",
    "check_listens",
    "find_transports",
    "load_transport",
    "server_statistics",
]

GROUP = "chat.transports"
"""The group of entry points in which transports are found."""

_SCHEMES = ("chat", "plain", "http", "chats", "plains", "https")


class Channel(Protocol):
    """What is between the socket and the session of one connection: it encrypts. Bytes in, bytes out.

    `receive` is called from one thread at a time, and so is all else; the two may be different threads. What
    `send`, `end` and `output` return is to be written to the socket, in this order and before anything that a
    later call returns. Nothing here blocks. Nothing that a peer sends raises: it becomes ``error``.
    """

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the socket; return what they contain for the session.

        Look at ``pending``, ``ended`` and ``error`` after that, in this order.
        """

    def receive_eof(self) -> None:
        """Take the end of the socket's stream: an ``error``, unless the peer has ended the channel before."""

    def send(self, data: bytes) -> bytes:
        """Take bytes from the session; return what is to be written now.

        Before the peers have agreed on keys that may be less than ``data``: the rest waits here.
        """

    def output(self) -> bytes:
        """Return what is to be written for reasons of the channel's own."""

    def end(self) -> bytes:
        """End our side, as soon as everything is sent; return what is to be written now. Idempotent."""

    @property
    def pending(self) -> bool:
        """Whether `output` has something."""

    @property
    def ready(self) -> bool:
        """Whether the peers have agreed on keys."""

    @property
    def finished(self) -> bool:
        """Whether our side has ended: once the output is written, the stream of the socket is to end too."""

    @property
    def ended(self) -> bool:
        """Whether the peer has ended its side cleanly: for the session, that is the end of its stream."""

    @property
    def error(self) -> OSError | None:
        """What has broken the channel: write the output, and give the connection up as lost."""


class Layers(NamedTuple):
    """What a connection speaks: the wire, and, where it is encrypted, what makes the channel below that."""

    wire: "Wire"
    channel: Callable[[], Channel] | None


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and what is spoken there. Port 0 lets the system choose one.

    The wire is that of the scheme, ``chat``, ``plain`` or ``http``, unless ``own_wire`` is given: then the
    scheme is only what its addresses are called. With ``channel``, which makes one for each connection, it is
    encrypted. ``chats``, ``plains`` and ``https`` are the same with a channel, and are not served without.
    ``site`` has the files and the rules of ``http``; without, there is only the socket, for this machine's
    names and for addresses.
    ``addresses`` are those of the host, as numbers, if it was looked up already: then a transport listens
    there, and looks up nothing. ``descriptors`` are of TCP sockets that somebody else has bound for it. The
    transport takes them over, and closes them; with them, it listens at ``addresses`` besides, and nowhere
    else. Raises `UsageError` for a scheme that has no wire.
    """

    scheme: str
    host: str
    port: int
    own_wire: "Wire | None" = None
    channel: Callable[[], Channel] | None = None
    addresses: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()
    site: Site | None = None

    def __post_init__(self) -> None:
        if self.own_wire is None and self.scheme not in _SCHEMES:
            raise UsageError(f"no wire is known for {self.scheme}://; give one, as own_wire")

    @classmethod
    def parse(
        cls,
        url: str,
        channel: Callable[[], Channel] | None = None,
        *,
        schemes: tuple[str, ...] = _SCHEMES,
    ) -> Self:
        """Read ``SCHEME://HOST[:PORT]``, for one of the schemes.

        The channel is used where the scheme asks for one. Raises `UsageError`.
        """
        scheme, host, port = parse_url(url, schemes)
        return cls(scheme, host, port, channel=channel if scheme in ENCRYPTED_SCHEMES else None)

    @property
    def is_for_browsers(self) -> bool:
        """Whether its addresses are opened in a browser."""
        return self.scheme in WEB_SCHEMES

    @property
    def is_encrypted(self) -> bool:
        """Whether a channel is between the socket and the wire."""
        return self.channel is not None or self.scheme in ENCRYPTED_SCHEMES

    @property
    def wire(self) -> "Wire":
        """The wire to speak there, right on the socket; raises `UsageError` where that is not allowed."""
        if self.is_encrypted:
            raise UsageError(f"this transport applies no channels, so it cannot serve {self}")
        return self.layers().wire

    def layers(self) -> Layers:
        """Return the wire to speak there, and what makes the channel below it, if it is encrypted.

        Raises `UsageError` if it should be and no channel was given.
        """
        if self.is_encrypted and self.channel is None:
            clear = str(self).replace("s://", "://", 1)
            raise UsageError(f"{self} is encrypted and needs a certificate; give one, or listen on {clear}")
        return Layers(self.own_wire or self._wire_of_scheme(), self.channel)

    def _wire_of_scheme(self) -> "Wire":
        if self.is_for_browsers:
            from chatcore.wire.websocket import WebSocket

            return WebSocket(self.site or Site())
        from chatcore.wire.ndjson import ndjson
        from chatcore.wire.plain import plain

        return ndjson if self.scheme in ("chat", "chats") else plain

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Session(Protocol):
    """The server's side of one connection, as its transport sees it. Hashable, by identity.

    `receive_data`, `receive_eof` and `connection_lost` are called from one thread at a time; all else
    from the thread that serves the `Endpoint`. After `receive_data`, and whenever the endpoint names the
    connection as ready, look at the three properties: whether to read on, whether to end the stream, and
    whether to close the socket.
    """

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer, whatever they are. Never raises because of them."""

    def receive_eof(self) -> None:
        """Take the end of the peer's stream. What was asked before is still answered. Idempotent."""

    def connection_lost(self) -> None:
        """Learn that the socket is gone. MUST be called once for every connection, last. Idempotent."""

    def data_to_send(self) -> bytes:
        """Return the next piece to write, handed over for good; empty when there is none now.

        MUST NOT be called while bytes of an earlier piece are unsent. A connection that has more than
        one piece becomes ready again, so that others get their turn in between.
        """

    def data_unsent(self, size: int) -> None:
        """Learn how many bytes the socket has refused so far.

        To be called after a partial write, and when that number shrinks; 0 means that everything is
        written. This is how the core tells a slow reader from one that has stopped.
        """

    @property
    def want_data(self) -> bool:
        """Whether to read the socket. False while the peer leaves too much unread or unanswered."""

    @property
    def closing(self) -> bool:
        """Whether the core has said its last: write what is left, end the stream, go on reading."""

    @property
    def closed(self) -> bool:
        """Whether to close the socket now, whatever is unsent."""


class Endpoint(Protocol):
    """All connections of one running transport, and what is to be done about them.

    Except for `delay` and `open`, which may be called from any thread, one thread calls all of it. The
    transport's rhythm: when it is woken, write what `ready` and `fan_out` give, do its other work, and repeat
    while the endpoint is ``busy``; when `next_deadline` has come, call `handle_deadlines`.
    """

    def delay(self, peer: Peer, can_wait: bool = True) -> float | None:
        """Return for how many seconds to leave a socket that was just accepted alone before `open`.

        Not to be asked where ``Wire.trusts(peer)`` says that others come through this peer.

        0.0 is the usual answer; more, that many come from its address. ``None`` says that too many wait
        already, that it would have to wait and you have no room for that, or that nobody may connect from
        there: close it, without a word. To be asked once for each socket.
        """

    def open(self, peer: Peer, wire: "Wire" = ...) -> Session:
        """Return the connection of a socket that has been accepted.

        One that the limits forbid is returned too: all that it has to say is why.
        """

    @property
    def busy(self) -> bool:
        """Whether `ready` or `fan_out` has something. What becomes ready later wakes the transport."""

    def ready(self, limit: int = ...) -> Sequence[Session]:
        """Take up to ``limit`` connections that may have something to write, or to change.

        For each, write what its `Session.data_to_send` returns, then look at its properties.
        """

    def fan_out(self, limit: int = ...) -> Sequence[tuple[Session, bytes]]:
        """Take the next piece of one room's log for up to ``limit`` of its readers, each once.

        Write each piece; nothing else of these connections has changed.
        """

    def next_deadline(self) -> float | None:
        """Return when `handle_deadlines` is due, on the hub's clock; ``None`` is never."""

    def handle_deadlines(self, now: float) -> None:
        """Do what is due: handshakes, keepalive, stalls, silences, presence, reserved nicks."""

    def drain(self, reconnect_after: float | None = ...) -> None:
        """Begin to end every connection: flush what is owed, say ``closing``, accept no new ones.

        ``reconnect_after`` is what clients are told to wait, in seconds.
        """

    def close(self) -> None:
        """Lose every connection that is left. The transport's last call. Idempotent."""


class Host(Protocol):
    """What a transport sees of the hub that it serves."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that never go back; every deadline of the core is on this clock."""

    def endpoint(self, wake: Callable[[], None]) -> Endpoint:
        """Return an endpoint for one running transport.

        ``wake`` is called from any thread when `Endpoint.ready` or `Endpoint.fan_out` has something, or
        when a deadline moved forward. It MUST be cheap, MUST NOT block and MUST NOT call into the hub.
        """


class Server(Protocol):
    """A transport that is serving."""

    @property
    def listening(self) -> Sequence[Listen]:
        """Where it listens, with the ports that it really got."""

    def close(self) -> None:
        """Accept no more connections, drain those there are, stop.

        Blocks until that is done, which the core bounds by about ``closing_seconds``. Idempotent. Raises
        what ended the server before, if it has failed.
        """


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """How late a server is to do its work.

    ``lag`` counts, about every second since its start, by how many seconds its loop or pump came later than
    it meant to. ``late`` is by how many seconds it is late now, 0.0 as a rule.
    """

    lag: Durations
    late: float


@runtime_checkable
class MeasuredServer(Protocol):
    """A server that knows how late it is. No transport has to."""

    def statistics(self) -> ServerStatistics:
        """Return how late it is. Callable from any thread; MUST NOT wait for the server's own."""


class Transport(Protocol):
    """A way to serve a hub.

    One that has a true ``applies_channels`` beside what is named here serves encrypted addresses, too, and
    one with a true ``takes_descriptors`` sockets that somebody else has bound.
    """

    @property
    def name(self) -> str:
        """The name of its entry point."""

    @property
    def summary(self) -> str:
        """What it is, in one line, for ``chat transports``."""

    def start(self, hub: Host, listens: Sequence[Listen]) -> Server:
        """Listen and return; raises `OSError` where that fails, and then leaves nothing behind."""


def check_listens(transport: Transport, listens: Sequence[Listen]) -> None:
    """Raise `UsageError` unless a transport can serve all of these: encrypted ones need what encrypts."""
    for listen in listens:
        if listen.descriptors and not getattr(transport, "takes_descriptors", False):
            raise UsageError(
                f"the transport {transport.name} takes no sockets that were bound for it, so not {listen}"
            )
        if listen.is_encrypted and not getattr(transport, "applies_channels", False):
            raise UsageError(
                f"the transport {transport.name} applies no channels, so it cannot serve {listen}"
            )
        listen.layers()


def server_statistics(server: Server) -> ServerStatistics | None:
    """Return how late a server is, or ``None`` if it does not know."""
    return server.statistics() if isinstance(server, MeasuredServer) else None


def find_transports() -> "dict[str, EntryPoint]":
    """Return what is installed, by name. Nothing is imported yet, so nothing can fail yet."""
    from importlib.metadata import entry_points

    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load_transport(point: "EntryPoint") -> Transport:
    """Import a transport; raises whatever its module raises."""
    transport: Transport = point.load()
    return transport


if not TYPE_CHECKING:  # a type checker sees the import above, and refuses every other name

    def __getattr__(name: str) -> Any:
        """Load the seam to wires when it is first asked for."""
        if name != "Wire":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from chatcore.wire import Wire

        globals()[name] = Wire
        return Wire
