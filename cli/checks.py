"""What can be wrong with keys, accounts and certificates: checks for ``chat doctor``.

Each check is a function that yields what it found. A finding with advice is a problem.
"""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from chatcore import AccountsError, UsageError
from cli.access.keys import KeyFile
from cli.settings.certificates import shake_hands
from transports.certificates import Certificate

__all__ = ["Finding", "check_accounts", "check_certificate", "check_keys"]

DAYS = 14
"""How long a certificate must be valid: authorities' programs renew theirs long before."""

_SECONDS_A_DAY = 86_400
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


class Finding(NamedTuple):
    """The result of one check. ``advice`` is empty unless something is wrong."""

    what: str
    found: str
    advice: str = ""


def check_keys(path: Path | None) -> Iterator[Finding]:
    """Check the file of keys."""
    if path is None:
        yield Finding("keys", "no place for them, without a home directory")
        return
    if not path.exists():
        yield Finding(f"keys {path}", "there are none yet")
        return
    try:
        servers = KeyFile(path).entries()
    except UsageError as error:
        found, _, advice = str(error).rpartition("; ")
        yield Finding(f"keys {path}", found or "damaged", advice or "restore it, or join again")
        return
    keys = sum(1 for entry in servers.values() if entry.key is not None)
    yield Finding(f"keys {path}", f"for {keys} server{'' if keys == 1 else 's'}")


def check_accounts(named: Path | None, default: Path | None) -> Iterator[Finding]:
    """Check the file of accounts, which nothing is written to. One that somebody has named must be there."""
    path = named or default
    if path is None or (named is None and not path.exists()):
        yield Finding("accounts", "there are none")
        return
    from chatcore.accounts import Administration

    try:
        with Administration(path, by="doctor", read_only=True) as administration:
            accounts, urls = administration.accounts(), administration.urls()
    except AccountsError as error:
        yield Finding(f"accounts {path}", "not usable", str(error))
        return
    yield Finding(f"accounts {path}", f"{len(accounts):,}, {len(urls):,} public URLs")


def check_certificate(cert: Path | None, key: str | None) -> Iterator[Finding]:
    """Check the certificate of a server, and how long it is still valid."""
    if cert is None:
        return
    try:
        certificate = Certificate.load(cert, key)
        ends = _end_of(certificate)
    except OSError as error:
        yield Finding(f"certificate {cert}", "not usable", str(error))
        return
    days = int((ends - time.time()) // _SECONDS_A_DAY)
    found = f"valid for {days:,} days, {certificate.fingerprint}" if days >= 0 else "expired"
    yield Finding(f"certificate {cert}", found, "renew it, and send the server SIGHUP" if days < DAYS else "")


def _end_of(certificate: Certificate) -> float:
    """Return when a certificate ends, in seconds since 1970: it is shown to a client that trusts it alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate.cert)
    try:
        shown = shake_hands(certificate, context).getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        if error.verify_code != _EXPIRED:
            raise
        return 0.0
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))
