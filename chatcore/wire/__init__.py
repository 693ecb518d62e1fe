"""The seam between bytes and frames.

A wire is one way to write the protocol down. It is incremental, bounded and knows no socket, so
every wire runs on every transport. What a peer sends never makes it raise: what is not a frame
comes out as a `Fault`.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from chatcore.address import Peer
from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import ClientFrame, Page, ServerFrame

__all__ = ["Decoder", "Hangup", "Item", "Reply", "Wire"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the wire gives by itself, such as a help text."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Hangup:
    """The peer asked, in the wire's own way, for the connection to end."""


Item = ClientFrame | Fault | Reply | Hangup


class Decoder(Protocol):
    """The reading half of one connection.

    ``deadline`` is when `handle_deadline` is due, on the clock of ``now``; ``None`` is never.
    Identical bytes give identical items, however they were split.
    """

    deadline: float | None

    def opening(self) -> list[Item]:
        """Return what the peer need not say, because the wire implies it."""

    def receive_data(self, data: bytes, now: float) -> list[Item]:
        """Take bytes from the peer; return what they complete."""

    def receive_eof(self) -> list[Item]:
        """Return what the end of the stream completes."""

    def handle_deadline(self, now: float) -> list[Item]:
        """Return what silence completes."""


class Wire(Protocol):
    """One way to write frames down. Stateless and hashable: a room's tail is encoded once a wire."""

    name: ClassVar[str]

    typed: ClassVar[bool]
    """Whether peers speak in frames: then they say hello, answer pings, get their own messages back
    and send again what was refused. The peers of a wire that is not typed do none of it."""

    def decoder(self, peer: Peer, limits: Limits) -> Decoder:
        """Return the reading half for a new connection."""

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame as this wire writes it; nothing where the wire has no words for it."""

    def encode_page(self, page: Page, messages: list[bytes]) -> bytes:
        """Return a page, given without messages, that holds these already encoded ones."""
