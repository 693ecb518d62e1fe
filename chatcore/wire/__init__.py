"""The seam to wires: between bytes and frames.

This module is public, for those who write a wire. A wire is one way to write the protocol down. It is
incremental, bounded and knows no socket, so every wire runs on every transport. What a peer sends never makes
it raise: what is not a frame comes out as a `Fault`.

Read `lines` first, which splits a stream into lines and recognises other protocols; then `ndjson`, the typed
wire, and `plain` with `telnet`, for people with ``nc``.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from chatcore.address import Peer
from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import ClientFrame, Page, ServerFrame, Stored, client_frames, encode, server_frames
from chatcore.wire.lines import LineBuffer, Recogniser

__all__ = [
    "Decoder",
    "Fault",
    "Hangup",
    "Item",
    "LineBuffer",
    "Peer",
    "Recogniser",
    "Reply",
    "Stored",
    "Wire",
    "client_frames",
    "encode",
    "server_frames",
]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the wire gives by itself, such as a help text, encoded."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Hangup:
    """The peer asked, in the wire's own way, for the connection to end."""


Item = ClientFrame | Fault | Reply | Hangup
"""What a decoder makes of a peer's bytes."""


class Decoder(Protocol):
    """The reading half of one connection.

    ``deadline`` is when `handle_deadline` is due, on the clock of ``now``; ``None`` is never. Identical
    bytes give identical items, however they were split.
    """

    deadline: float | None

    def opening(self) -> list[Item]:
        """Return what the peer need not say, because the wire implies it."""

    def receive_data(self, data: bytes, now: float) -> list[Item]:
        """Take bytes from the peer; return what they complete. Never raises because of them."""

    def receive_eof(self) -> list[Item]:
        """Return what the end of the stream completes."""

    def handle_deadline(self, now: float) -> list[Item]:
        """Return what silence completes."""


class Wire(Protocol):
    """One way to write frames down. Stateless and hashable: a room's tail is encoded once for each wire."""

    name: ClassVar[str]

    typed: ClassVar[bool]
    """Whether peers speak in frames. Such peers say hello, answer pings, get their own messages back and
    send again what was refused. The peers of other wires do none of it."""

    def decoder(self, peer: Peer, limits: Limits) -> Decoder:
        """Return the reading half for a new connection."""

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame as this wire writes it; nothing where the wire has no words for it."""

    def encode_stored(self, stored: Stored) -> bytes:
        """Return a stored message as this wire writes it.

        A wire that sends the stored line, as it is or with something around it, need not decode it. One
        that does decode it raises `ValueError` where it is damaged.
        """

    def encode_page(self, page: Page, messages: list[bytes]) -> bytes:
        """Return a page, given without messages, that holds these messages, which this wire encoded."""
