"""Passwords of a cluster that come from another one, so that no file is needed for them."""

import hashlib

__all__ = ["SYSTEM", "derived_password"]

SYSTEM = "system"
"""The user who may remove servers."""


def derived_password(use: str, stream: str, password: str) -> str:
    """Return the password for a use, ``routes`` or `SYSTEM`, of the servers of a stream.

    It comes from the password of their operator or, without one, from that of their chat servers.
    """
    return hashlib.sha256(f"chat cluster {use}\n{stream}\n{password}".encode()).hexdigest()[:48]
