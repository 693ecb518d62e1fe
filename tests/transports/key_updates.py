"""A client that asks for new keys again and again (RFC 8446, 4.6.3), which ``ssl`` cannot do.

It continues a connection of ``ssl`` after the handshake, whose secrets ``ssl`` has written to a file of keys.
"""

import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

__all__ = ["CIPHER", "Sender"]

CIPHER = "TLS_AES_256_GCM_SHA384"
"""The cipher suite that this speaks, and the first choice of OpenSSL."""

_HANDSHAKE, _DATA = 22, 23
_UPDATE_REQUESTED = bytes([24, 0, 0, 1, 1])


class Sender:
    """What a client sends from its first record after the handshake on."""

    def __init__(self, key_log: Path) -> None:
        lines = [line.split() for line in key_log.read_text("ascii").splitlines()]
        (secret,) = (line[2] for line in lines if line[0] == "CLIENT_TRAFFIC_SECRET_0")
        self._set(bytes.fromhex(secret))

    def update(self) -> bytes:
        """Return a record that changes our key, and asks for another one of the peer's."""
        record = self._record(_HANDSHAKE, _UPDATE_REQUESTED)
        self._set(_expand(self._secret, b"traffic upd", 48))
        return record

    def data(self, data: bytes, padding: int = 0) -> bytes:
        """Return a record with data, and so many bytes of nothing behind them."""
        return self._record(_DATA, data, padding)

    def _set(self, secret: bytes) -> None:
        self._secret = secret
        self._key, self._iv = AESGCM(_expand(secret, b"key", 32)), _expand(secret, b"iv", 12)
        self._number = 0

    def _record(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        header = struct.pack("!BHH", _DATA, 0x0303, len(content) + padding + 17)
        nonce = (int.from_bytes(self._iv) ^ self._number).to_bytes(12)
        self._number += 1
        return header + self._key.encrypt(nonce, content + bytes([kind]) + bytes(padding), header)


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    full = b"tls13 " + label
    info = struct.pack("!HB", length, len(full)) + full + b"\0"
    return HKDFExpand(algorithm=SHA384(), length=length, info=info).derive(secret)
