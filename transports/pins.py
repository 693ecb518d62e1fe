"""Pins of certificates: what a client knows a server by that has made its certificate itself.

A pin is the SHA-256 of the certificate, in base64url without padding: 43 characters. It is no secret. Other
tools show the same in 64 hexadecimal digits, with or without colons, which is read too.
"""

import base64
import hashlib
import re

from chatcore.errors import UsageError

__all__ = ["PREFIX", "certificate_pin", "parse_pin"]

PREFIX = "sha256:"
"""How a pin begins where it stands alone."""

_PIN = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_HEX = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}")
_OPENSSL = re.compile(r"(?i:sha256 fingerprint=|sha256:)?")  # as `openssl x509 -fingerprint` prints it


def certificate_pin(certificate: bytes) -> str:
    """Return the pin of a certificate, which is given in DER."""
    return _pin(hashlib.sha256(certificate).digest())


def parse_pin(text: str) -> str:
    """Read a pin, with or without `PREFIX`, or the same in hexadecimal; raises `UsageError`."""
    if _HEX.fullmatch(digits := _OPENSSL.sub("", text, count=1)):
        return _pin(bytes.fromhex(digits.replace(":", "")))
    pin = text.removeprefix(PREFIX)
    if not _PIN.fullmatch(pin):
        raise UsageError(f"{text!r} is not the pin of a certificate; write {PREFIX} and its 43 characters")
    return pin


def _pin(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
