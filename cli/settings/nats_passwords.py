"""Passwords of a cluster that come from the one of its chat servers, so that one file is enough for all."""

import hashlib

__all__ = ["SYSTEM", "derived_password"]

SYSTEM = "system"
"""The user who may remove servers."""


def derived_password(use: str, stream: str, password: str) -> str:
    """Return the password for a use, ``routes`` or `SYSTEM`, of the servers of a stream."""
    return hashlib.sha256(f"chat cluster {use}\n{stream}\n{password}".encode()).hexdigest()[:48]
