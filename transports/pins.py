"""Pins of certificates: what a client knows a server by that has made its certificate itself.

A pin is the SHA-256 of the certificate, in base64url without padding: 43 characters. It is no secret.
"""

import base64
import hashlib
import re

from chatcore.errors import UsageError

__all__ = ["PREFIX", "certificate_pin", "parse_pin"]

PREFIX = "sha256:"
"""How a pin begins where it stands alone."""

_PIN = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


def certificate_pin(certificate: bytes) -> str:
    """Return the pin of a certificate, which is given in DER."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).decode().rstrip("=")


def parse_pin(text: str) -> str:
    """Read a pin, with or without `PREFIX`; raises `UsageError`."""
    pin = text.removeprefix(PREFIX)
    if not _PIN.fullmatch(pin):
        raise UsageError(f"{text!r} is not the pin of a certificate; write {PREFIX} and its 43 characters")
    return pin
