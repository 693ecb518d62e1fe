"""How a program shows a NATS server who it is: by a file, which is read for each connection.

The file is one of `nsc`, with a token of the user and the seed of its key (``*.creds``), or it has one line,
``USER:PASSWORD``. To sign with a key takes the package cryptography, and passwords take none.
"""

import base64
import binascii
import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["Credentials", "read_credentials", "sign"]

_BLOCK = re.compile(rb"-+BEGIN ([A-Z ]+)-+\s+(\S+)\s+-+END")

_SEED_BYTES = 36  # two of a prefix, the seed's 32, and two of a check


class Credentials(NamedTuple):
    """What a file says: a token and a seed, or a name and a password."""

    token: bytes = b""
    seed: bytes = b""
    user: str = ""
    password: str = ""


def read_credentials(path: Path) -> Credentials:
    """Return what a file says; raises `OSError`, and `ValueError` that says what is wrong with it."""
    text = path.read_bytes()
    blocks = {match[1]: match[2] for match in _BLOCK.finditer(text)}
    token, seed = blocks.get(b"NATS USER JWT"), blocks.get(b"USER NKEY SEED")
    if token and seed:
        return Credentials(token=token, seed=seed)
    user, colon, password = text.strip().decode("utf-8", "replace").partition(":")
    if blocks or not colon or not user or "\n" in password:
        raise ValueError(f"{path} has neither credentials of NATS nor one line USER:PASSWORD")
    return Credentials(user=user, password=password)


def sign(seed: bytes, nonce: str) -> bytes:
    """Sign what a server has made up, by the key of a seed; raises `ValueError`."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise ValueError(
            "credentials with a key need the package cryptography; install chatcore[cluster]"
        ) from None
    try:
        raw = base64.b32decode(seed + b"=" * (-len(seed) % 8))
    except binascii.Error:
        raw = b""
    if len(raw) != _SEED_BYTES:
        raise ValueError("the seed in the credentials is damaged")
    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(raw[2:34]).sign(nonce.encode()))
