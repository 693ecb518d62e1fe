"""A wire with a state, for tests: a handshake of its own, frames with a length, and a goodbye.

- The peer opens with the line ``FRAMED 1``, and is answered ``OK``. Anything else is refused by a line ``NO``
  and a code, and so is everything else that is refused before that.
- Then each frame is a length of four bytes, big end first, and the JSON of the frame. The line that is
  stored is wrapped, and not made again.
- A frame of no bytes is a goodbye. A stream that ends without one was lost.
"""

import struct
from collections.abc import Sequence
from typing import ClassVar

from pydantic import ValidationError

from chatcore.address import Peer
from chatcore.errors import Fault
from chatcore.limits import Limits
from chatcore.messages import (
    ClientFrame,
    Closing,
    DurabilityWord,
    Error,
    Found,
    Page,
    ServerFrame,
    Stored,
    client_frames,
    encode,
)
from chatcore.wire import Capabilities, Codec, Hangup, Item, Reply, Wire, encode_acks

__all__ = ["BYE", "HANDSHAKE", "Framed", "framed", "unwrap", "wrap"]

HANDSHAKE = b"FRAMED 1\n"
BYE = b"\0\0\0\0"

_LENGTH = struct.Struct(">I")


def wrap(payload: bytes) -> bytes:
    """Return a payload as a frame."""
    return _LENGTH.pack(len(payload)) + payload


def unwrap(stream: bytes) -> list[bytes]:
    """Return the payloads of whole frames."""
    payloads = []
    while stream:
        end = _LENGTH.size + _LENGTH.unpack_from(stream)[0]
        payloads.append(stream[_LENGTH.size : end])
        stream = stream[end:]
    return payloads


class _Codec:
    """One connection's half."""

    __slots__ = ("_limit", "_over", "_rest", "deadline", "open")

    def __init__(self, limit: int) -> None:
        self.open = False
        self.deadline: float | None = None
        self._limit = limit
        self._rest = b""
        self._over = False  # the stream is out of step, or has ended

    def opening(self, *, requires_key: bool) -> list[Item]:
        return []

    def cut(self, data: bytes, lines: int) -> tuple[int, int]:
        return min(len(data), 64 * lines), 0  # the items are counted

    def receive_data(self, data: bytes, now: float) -> list[Item]:
        if self._over:
            return []
        self._rest += data
        items: list[Item] = [] if self.open else self._shake_hands()
        while self.open and (item := self._next()) is not None:
            items.append(item)
        return items

    def receive_eof(self) -> list[Item]:
        if self._over:
            return []
        self._end()
        return [Hangup(lost=True)]

    def handle_deadline(self, now: float) -> list[Item]:
        return []

    def encode(self, frame: ServerFrame) -> bytes:
        if self.open:
            return framed.encode(frame) + (BYE if isinstance(frame, Closing) else b"")
        return f"NO {frame.code}\n".encode() if isinstance(frame, Error) else b""

    def encode_acks(self, room: str, durability: DurabilityWord, stored: Sequence[tuple[str, int]]) -> bytes:
        lines = encode_acks(room, durability, stored).splitlines()
        return b"".join(map(wrap, lines)) if self.open else b""

    def encode_page(self, page: Page | Found, messages: list[bytes]) -> bytes:
        inside = b",".join(payload for message in messages for payload in unwrap(message))
        return wrap(encode(page)[: -len(b"]}\n")] + inside + b"]}")

    def ending(self) -> bytes:
        return BYE if self.open else b""

    def _shake_hands(self) -> list[Item]:
        start, rest = self._rest[: len(HANDSHAKE)], self._rest[len(HANDSHAKE) :]
        if not HANDSHAKE.startswith(start):
            self._end()
            return [Fault("bad_frame", "this port speaks FRAMED 1", fatal=True)]
        if start != HANDSHAKE:
            return []
        self.open, self._rest = True, rest
        return [Reply(b"OK\n")]

    def _next(self) -> Item | None:
        if len(self._rest) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._rest)
        if length > self._limit:
            self._end()
            return Fault("too_long", "a frame is longer than line_bytes", fatal=True)
        end = _LENGTH.size + length
        if len(self._rest) < end:
            return None
        payload, self._rest = self._rest[_LENGTH.size : end], self._rest[end:]
        if not payload:
            self._end()
            return Hangup()
        return _decode(payload)

    def _end(self) -> None:
        self._over, self._rest = True, b""


def _decode(payload: bytes) -> ClientFrame | Fault:
    try:
        return client_frames.validate_json(payload)
    except ValidationError:
        return Fault("bad_frame", "this is not a frame")


class Framed:
    """The wire. Its peers speak in frames, like those of the typed one."""

    name: ClassVar[str] = "framed"
    capabilities: ClassVar[Capabilities] = Capabilities(
        echo=True, keepalive=True, resends=True, reserves_nick=True, implied_hello=False
    )

    def codec(self, peer: Peer, limits: Limits) -> Codec:
        return _Codec(limits.line_bytes)

    def encode(self, frame: ServerFrame) -> bytes:
        return wrap(encode(frame)[:-1])

    def encode_stored(self, stored: Stored) -> bytes:
        return wrap(stored.line[:-1])

    def join(self, messages: Sequence[bytes]) -> bytes:
        return b"".join(messages)

    def trusts(self, peer: Peer) -> bool:
        return False


framed = Framed()
_: type[Wire] = Framed
