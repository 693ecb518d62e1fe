"""Keys and invites: random texts of which the server stores the SHA-256 alone.

They have 192 bits or more, so a plain hash is enough, and there is nothing to guess. They are looked up by
their hash: how long that takes says nothing about the text.
"""

import hashlib
import secrets

__all__ = ["KEY_CHARS", "digest", "id_of", "key_id", "new_invite"]

KEY_CHARS = 43
"""Characters of the shortest key: 256 bits in base64."""

_INVITE_BYTES = 24
_ID_BYTES = 8


def digest(secret: str) -> bytes:
    """Return what is stored of a key or an invite."""
    return hashlib.sha256(secret.encode()).digest()


def id_of(hash_: bytes) -> str:
    """Return the public id of what has a hash: it names it, and proves nothing."""
    return hash_[:_ID_BYTES].hex()


def key_id(key: str) -> str:
    """Return the public id of a key, as in `KeyEntry`: it names the key, and proves nothing."""
    return id_of(digest(key))


def new_invite() -> str:
    """Return an invite that nobody can guess: 32 characters that need no escapes in a URL."""
    return secrets.token_urlsafe(_INVITE_BYTES)
