"""What is between a network and its ends: nothing, TLS with records of the same lengths in each run, or a
browser, which puts a client's lines into messages.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from chatcore.transport import Channel
from tests.wire.websocket import Frame, FrameProtocol, Opcode, raw_frame, request
from transports.certificates import Certificate
from transports.tls import Tls, client_context

__all__ = ["Browser", "Clear", "encrypted"]


class Clear:
    """A channel that changes nothing."""

    ready = True
    pending = False
    finished = False
    ended = False
    error = None

    def receive(self, data: bytes) -> bytes:
        """Return what has come, as it is."""
        return data

    def receive_eof(self) -> None:
        """Take the end of the stream, which is one."""

    def send(self, data: bytes) -> bytes:
        """Return what is to be sent, as it is."""
        return data

    def output(self) -> bytes:
        """Return nothing."""
        return b""

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class Browser(Clear):
    """A client's channel that asks for a WebSocket, and has each line in a message, now and then in parts."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._frames = FrameProtocol(client=True, extensions=[])
        self._opening = request()
        self._head: bytes | None = b""  # of the answer, until all of it has come

    def receive(self, data: bytes) -> bytes:
        """Return the lines of the messages that have come, as far as they have."""
        if self._head is not None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return b""
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._head = None
        self._frames.receive_bytes(data)
        return b"".join(map(_line, self._frames.received_frames()))

    def send(self, data: bytes) -> bytes:
        """Return lines as messages, before the first of them the request."""
        opening, self._opening = self._opening if data else b"", b"" if data else self._opening
        return opening + b"".join(map(self._message, data.splitlines()))

    def _message(self, line: bytes) -> bytes:
        cut = self._rng.randrange(len(line)) if self._rng.random() < 0.2 else 0
        ping = raw_frame(0x9, b"") if cut and self._rng.random() < 0.5 else b""
        first = raw_frame(0x1, line[:cut], fin=False) + ping if cut else b""
        return first + raw_frame(0x0 if cut else 0x1, line[cut:])


def _line(frame: Frame) -> bytes:
    """Return what is of a line in a frame of the server."""
    return str(frame.payload).encode() if frame.opcode is Opcode.TEXT else b""


def encrypted() -> tuple[Channel, Channel]:
    """Return a client's channel and the server's, which know each other."""
    certificate = _certificate()
    return Tls(client_context(pinned=True), pin=certificate.pin), certificate.channel()


@cache
def _certificate() -> Certificate:
    """Return a certificate whose signatures always have the same length."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "system")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 2**64)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    made = builder.not_valid_after(datetime(2100, 1, 1, tzinfo=UTC)).sign(key, None)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with TemporaryDirectory() as folder:
        path = Path(folder, "system.pem")
        path.write_bytes(secret + made.public_bytes(pem))
        return Certificate(path, clock=lambda: 0.0)


_: type[Channel] = Clear
