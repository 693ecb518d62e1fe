"""What can be wrong with keys, accounts and certificates: checks for ``chat doctor``.

Each check is a function that yields what it found. A finding with advice is a problem.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from chatcore import AccountsError, UsageError
from cli.access.keys import KeyFile
from cli.settings.certificates import end_of
from transports.certificates import Certificate

__all__ = ["Finding", "check_accounts", "check_certificate", "check_keys", "counted"]

DAYS = 14
"""How long a certificate must be valid: authorities' programs renew theirs long before."""

_SECONDS_A_DAY = 86_400


class Finding(NamedTuple):
    """The result of one check. ``advice`` is empty unless something is wrong."""

    what: str
    found: str
    advice: str = ""


def counted(count: int, what: str) -> str:
    """Return how many there are, in words."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


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
    yield Finding(f"keys {path}", f"for {counted(keys, 'server')}")


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
    yield Finding(f"accounts {path}", f"{len(accounts):,}, {counted(len(urls), 'public URL')}")


def check_certificate(cert: Path | None, key: str | None) -> Iterator[Finding]:
    """Check the certificate of a server, how long it is still valid, and who can read its key."""
    if cert is None:
        return
    try:
        certificate = Certificate.load(cert, key)
        yield from _key_findings(certificate)
        ends = end_of(certificate)
    except OSError as error:
        yield Finding(f"certificate {cert}", "not usable", str(error))
        return
    days = int((ends - time.time()) // _SECONDS_A_DAY)
    found = f"valid for {days:,} days, {certificate.fingerprint}" if days >= 0 else "expired"
    yield Finding(f"certificate {cert}", found, "renew it, and send the server SIGHUP" if days < DAYS else "")


def _key_findings(certificate: Certificate) -> Iterator[Finding]:
    for worry in certificate.worries():
        found, _, advice = worry.rpartition("; ")
        yield Finding(f"key {certificate.key}", found.replace(f" {certificate.key}", " it"), advice)
