"""The far end of the WebSocket wire, by the package ``wsproto``, which the product does not use."""

import struct
from collections.abc import Iterable

from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode

__all__ = [
    "KEY",
    "CloseReason",
    "Frame",
    "FrameProtocol",
    "Opcode",
    "close",
    "continued",
    "raw_frame",
    "request",
    "text",
]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The nonce of RFC 6455, 1.3, whose answer is s3pPLMBiTxaQ9kYGzzhZRbK+xOo=."""


def request(*headers: str, path: str = "/ws", host: str = "127.0.0.1:8024", method: str = "GET") -> bytes:
    """Return the head that opens a socket."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _client() -> FrameProtocol:
    return FrameProtocol(client=True, extensions=[])


def text(payload: bytes) -> bytes:
    """Return a text message of a client."""
    return bytes(_client().send_data(payload.decode(), fin=True))


def continued(parts: Iterable[bytes]) -> list[bytes]:
    """Return the frames of a text message in several parts."""
    client, (*first, last) = _client(), parts
    frames = [client.send_data(part.decode(), fin=False) for part in first]
    return [bytes(frame) for frame in (*frames, client.send_data(last.decode(), fin=True))]


def close(code: int | None = 1000) -> bytes:
    """Return a close frame of a client."""
    return raw_frame(0x8, b"" if code is None else struct.pack(">H", code))


def raw_frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a masked frame, valid or not; the opcode may have reserved bits beside it."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = bytes([0xFE]) + struct.pack(">H", size)
    else:
        length = bytes([0xFF]) + struct.pack(">Q", size)
    mask = b"\x11\x22\x33\x44"
    keys = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload) ^ int.from_bytes(keys)).to_bytes(size)
    return bytes([opcode | (0x80 if fin else 0)]) + length + mask + masked
