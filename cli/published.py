"""What links to a server begin with: the public URLs in the file of accounts, and the pin in each of them.

- URLs that the server was given replace those in the file, and are its own from then on.
- Without any, those in the file stay, and its own are the encrypted ones with a port that it listens on.
- The pin is that of the server's certificate if that is self-made. It changes with the certificate, in the
  server's own URLs only: other servers may use the same file.
- Where servers share the accounts, the URLs are in their log, and are those that a server was given last.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chatcore import AccountsError, UsageError
from chatcore.accounts import Administration
from chatcore.transport import Listen
from cli.door import Listener
from cli.logs.events import links_outdated, links_renewed
from cli.settings.certificates import is_self_made
from transports.certificates import Certificate

if TYPE_CHECKING:
    from chatcore.cluster import ReplicatedAccounts

__all__ = ["Published", "SharedPublished", "check_public_urls"]


def check_public_urls(urls: Sequence[str], *, insecure: bool) -> None:
    """Raise `UsageError` for the URL of a page to which others would send their keys in the clear."""
    for url in urls:
        host = urlsplit(url).hostname or ""
        if url.startswith("http://") and not (insecure or _is_local(host)):
            raise UsageError(
                f"keys would be sent to {url} without encryption; use https://, or add --insecure if "
                "something else protects them"
            )


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or Listener("", [host]).local


class Published:
    """The public URLs of one server, of which it was given some or none.

    Raises `UsageError` for an invalid one, and `AccountsError` if they cannot be stored.
    """

    def __init__(self, accounts: Path, given: Sequence[str], certificate: Certificate | None) -> None:
        self._accounts = accounts
        self._certificate = certificate
        self._given: Sequence[str] = ()  # as they are stored
        self._ports: Collection[int] = ()
        self._adapted_to: str | None = None  # the pin of a certificate
        if given:
            with self._administration() as administration:
                administration.publish(given, self._pin())
                self._given = [each.url for each in administration.urls()]

    def begin(self, listening: Sequence[Listen]) -> None:
        """Learn where the server listens, and adapt what is stored to its certificate."""
        self._ports = {listen.port for listen in listening if listen.is_encrypted}
        self._adapt()

    def adapt(self) -> None:
        """Store the pin of the certificate, if another one was loaded. What fails is logged."""
        if self._certificate is not None and self._certificate.pin != self._adapted_to and self._adapt():
            links_renewed.log()

    def _adapt(self) -> bool:
        """Store the pin in our URLs; return whether that has worked and there are some."""
        if self._certificate is None:
            return False
        pin = self._certificate.pin
        try:
            with self._administration() as administration:
                own = [each.url for each in administration.urls() if self._is_own(each.url)]
                administration.repin(own, self._pin())
        except AccountsError as error:
            links_outdated.log(error=str(error))
            return False
        self._adapted_to = pin
        return bool(own)

    def _is_own(self, url: str) -> bool:
        if not url.startswith("chats://"):
            return False
        return url in self._given if self._given else urlsplit(url).port in self._ports

    def _pin(self) -> str | None:
        return _pin_of(self._certificate)

    def _administration(self) -> Administration:
        return Administration(self._accounts, by="server")


class SharedPublished:
    """The public URLs of servers that share their accounts, as one of them was given them, or none.

    They are stored once the log of the accounts can be reached. Raises `UsageError` for an invalid one.
    """

    def __init__(
        self, accounts: "ReplicatedAccounts", given: Sequence[str], certificate: Certificate | None
    ) -> None:
        self._accounts = accounts
        self._given = given
        self._certificate = certificate
        self._adapted_to = _pin_of(certificate)
        if given:
            accounts.publish(given, self._adapted_to)

    def begin(self, listening: Sequence[Listen]) -> None:
        """Do nothing: where this server listens says nothing about the others."""

    def adapt(self) -> None:
        """Store the pin of the certificate, if another one was loaded."""
        if self._given and (pin := _pin_of(self._certificate)) != self._adapted_to:
            self._accounts.publish(self._given, pin)
            self._adapted_to = pin


def _pin_of(certificate: Certificate | None) -> str | None:
    """Return the pin of a certificate that is self-made."""
    return certificate.pin if certificate is not None and is_self_made(certificate) else None
