"""The seam to wires: between bytes and frames.

This module is public, for those who write a wire. A wire is one way to write the protocol down. It is
incremental, bounded and knows no socket, so every wire runs on every transport. What a peer sends never makes
it raise: what is not a frame comes out as a `Fault`.

Read `lines` first, which splits a stream into lines and recognises other protocols; then `ndjson`, the typed
wire, and `plain` with `telnet`, for people with ``nc``. `websocket` is the typed wire for browsers; `http`,
`assets` and `framing` are its parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from chatcore.address import Peer
from chatcore.encoding import encode_acks
from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import (
    ClientFrame,
    DurabilityWord,
    Found,
    Page,
    ServerFrame,
    Stored,
    client_frames,
    encode,
    server_frames,
)
from chatcore.wire.lines import LineBuffer, Recogniser

__all__ = [
    "Capabilities",
    "Codec",
    "Fault",
    "Hangup",
    "Item",
    "LineBuffer",
    "Moved",
    "NonFrame",
    "Peer",
    "Recogniser",
    "Reply",
    "Stored",
    "Wire",
    "client_frames",
    "encode",
    "encode_acks",
    "server_frames",
]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the wire gives by itself, such as a help text or its own handshake, encoded.

    It takes one frame from the peer's allowance, and is refused beyond that. One that is ``free`` does not:
    it belongs to the wire's own handshake, and the wire bounds how many there are, and how large.
    """

    data: bytes
    free: bool = False


@dataclass(frozen=True, slots=True)
class Hangup:
    """The peer asked, in the wire's own way, for the connection to end.

    ``lost`` says that it did not: the stream ended without the goodbye that this wire has for that. Then
    the peer's nick stays reserved, as after a connection that broke.
    """

    lost: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The far end is a proxy that is trusted, and says for whom it speaks: from now on, that is the peer.

    With a ``refusal``, encoded, this is a request that ends with the wire's answer, and no new connection of
    that peer's. Where too many come from its address, it gets that instead.
    """

    peer: Peer
    refusal: bytes = b""


NonFrame = Fault | Reply | Hangup | Moved
"""What a codec makes of a peer's bytes that is not a frame."""

Item = ClientFrame | NonFrame
"""What a codec makes of a peer's bytes."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the peers of a wire can do, and what is done for them accordingly."""

    echo: bool
    """They are sent their own messages, like everyone else's."""

    keepalive: bool
    """They answer pings, so a silent one is asked for a sign of life, and dropped if it gives none."""

    resends: bool
    """They send again what was refused for now, so nothing of theirs may overtake it."""

    reserves_nick: bool
    """They come back with their secret, so their nick is reserved after a connection that broke."""

    implied_hello: bool
    """They do not ask for a nick by themselves: theirs may be digits, and gets a number if it is taken."""


class Codec(Protocol):
    """One connection's half of a wire: it decodes input, encodes answers, and knows its own handshake.

    ``deadline`` is when `handle_deadline` is due, on the clock of ``now``; ``None`` is never. Identical bytes
    give identical items, however they were split.
    """

    deadline: float | None

    @property
    def open(self) -> bool:
        """Whether frames can be sent: the wire's own handshake, if it has one, is done."""

    def opening(self, *, requires_key: bool) -> list[Item]:
        """Return what the peer need not say, because the wire implies it.

        It cannot imply a `Hello` where everybody needs a key: then it asks for one in its own way.
        """

    def cut(self, data: bytes, lines: int) -> tuple[int, int]:
        """Return where to cut bytes from the peer that take about as much work as so many frames, and how
        many it is; more than nothing, all of them at most. Changes nothing.

        Work that makes no item, such as a blank line, counts too. `receive_data` gets that much next, and
        the rest later: so a peer that sends very much waits until others had their turn.
        """

    def receive_data(self, data: bytes, now: float) -> list[Item]:
        """Take bytes from the peer; return what they complete. Never raises because of them."""

    def receive_eof(self) -> list[Item]:
        """Return what the end of the stream completes."""

    def handle_deadline(self, now: float) -> list[Item]:
        """Return what silence completes."""

    def encode(self, frame: ServerFrame) -> bytes:
        """Return an answer as it is written now; nothing where the wire has no words for it.

        Before the wire's own handshake is done, an `Error` is a refusal in the wire's own way.
        """

    def encode_acks(self, room: str, durability: DurabilityWord, stored: Sequence[tuple[str, int]]) -> bytes:
        """Return what `encode` gives for an `Ack` of each id and ``seq``, of posts to one room, together.

        A server acknowledges every post: `chatcore.wire.encode_acks` makes these lines without the models.
        """

    def encode_page(self, page: Page | Found, messages: list[bytes]) -> bytes:
        """Return an answer, given without messages, that holds these, each from `Wire.encode_stored`."""

    def ending(self) -> bytes:
        """Return what ends the stream cleanly where no `Closing` has said so; often nothing."""


class Wire(Protocol):
    """One way to write frames down, as far as a whole room shares it.

    Stateless and hashable: a room's tail is encoded once for each wire. What depends on where a
    connection is belongs to its `Codec`.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def codec(self, peer: Peer, limits: Limits) -> Codec:
        """Return the half of a new connection."""

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame that a room shares (a gap, presence) as this wire writes it."""

    def encode_stored(self, stored: Stored) -> bytes:
        """Return a stored message as this wire writes it, but for what `join` adds.

        A wire that sends the stored line, as it is or with something around it, need not decode it. One
        that does decode it raises `ValueError` where it is damaged.
        """

    def join(self, messages: Sequence[bytes]) -> bytes:
        """Return messages, each from `encode_stored`, as they are sent together; nothing for none."""

    def trusts(self, peer: Peer) -> bool:
        """Tell whether this is a proxy, from which a `Moved` comes: no limit counts its own address."""
