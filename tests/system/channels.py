"""What is between a network and its ends: nothing, or TLS with records of the same lengths in each run."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from chatcore.transport import Channel
from transports.certificates import Certificate
from transports.tls import Tls, client_context

__all__ = ["Clear", "encrypted"]


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
