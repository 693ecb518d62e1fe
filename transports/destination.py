"""Where a client connects, and what must be true there before it says who it is.

- Over ``chats://`` the server is trusted first: nothing of ours leaves before that. See `transports.trust`.
- Over ``chat://`` a key goes to this machine alone. What counts is the address that the socket is connected
  to, whatever name has led there, unless the caller has said that it may be insecure.

A server closes connections of addresses that it keeps out before it reads or says anything. Depending on the
moment, the system reports that as one of several errors, and none says what to do: `Destination.dialling`
does.

OpenSSL is loaded for ``chats://`` only.
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chatcore.address import is_loopback, parse_url
from chatcore.errors import DisconnectedError, UsageError

if TYPE_CHECKING:
    from transports.handshake import Handshake
    from transports.trust import Trust

__all__ = ["Destination"]

_HUNG_UP = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)

_KEPT_OUT = "it may keep out this address: try again in two minutes, or ask its owner"


class Destination:
    """The server at ``chat://HOST[:PORT]`` or ``chats://HOST[:PORT]``.

    ``url`` is that address in full, and ``address`` is for the resolver. Raises `UsageError` for what is not
    such an address, or does not fit it, and `OSError` for a ``ca`` that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: str | Path | None = None,
        pin: str | None = None,
        insecure: bool = False,
    ) -> None:
        scheme, host, port = parse_url(url, ("chat", "chats"))
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self.address = host, port
        self._insecure = insecure
        if scheme == "chat" and not (ca is None and pin is None):
            raise UsageError(f"{self.url} has no certificate: ca and pin are for chats://")
        self._trust = _trust(self.url, host, ca, pin) if scheme == "chats" else None

    def handshake(self) -> "Handshake | None":
        """Return what comes before the first frame of a connection, or ``None`` if it is not encrypted."""
        if self._trust is None:
            return None
        from transports.handshake import Handshake

        return Handshake(self._trust)

    def check_may_show_key(self, host: str) -> None:
        """Raise `UsageError` if no key may go to the address that a socket is connected to."""
        if self._trust is None and not self._insecure and not is_loopback(host):
            raise UsageError(
                f"{self.url} is not encrypted, and {host} is another machine: others could read your key on "
                "the way. Use chats://, or say that the connection may be insecure"
            )

    @contextlib.contextmanager
    def dialling(self) -> Iterator[None]:
        """Say what it means that the server ends the connection in this block: `ConnectionResetError`."""
        try:
            yield
        except OSError as error:
            if not isinstance(error, _HUNG_UP) and error.errno != errno.ENOTCONN:
                raise
            before = "it began" if self._trust is None else "TLS began"
            raise ConnectionResetError(
                f"{self.url} closed the connection before {before}; {_KEPT_OUT}"
            ) from None

    @contextlib.contextmanager
    def welcoming(self) -> Iterator[None]:
        """Say what it may mean that a first connection is lost in this block, before the server's welcome."""
        try:
            yield
        except DisconnectedError as error:
            if error.reason != "lost":
                raise
            encrypted = f"if it is encrypted, write chats{self.url.removeprefix('chat')}; otherwise "
            advice = f"{'' if self._trust else encrypted}{_KEPT_OUT}"
            raise DisconnectedError("lost", advice=f" before the server answered; {advice}") from None

    def reason_of(self, error: Exception) -> str:
        """Return in one word why the server was not reached again, as a client's `Offline` says it."""
        return "untrusted" if self.is_distrust(error) or isinstance(error, UsageError) else "lost"

    def is_distrust(self, error: Exception) -> bool:
        """Tell whether a connection failed because the server's certificate was not trusted."""
        return self._trust is not None and self._trust.is_distrust(error)


def _trust(url: str, host: str, ca: str | Path | None, pin: str | None) -> "Trust":
    from transports.trust import Trust

    return Trust(url, host, ca=ca, pin=pin)
