"""Links that carry an invite: what stands after ``#`` is never sent to a server by whoever opens one.

With a certificate that is self-made, a ``chats://`` link has its pin after the invite, so that it proves the
server as well. A browser has no use for one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chatcore.address import parse_url
from chatcore.errors import UsageError

__all__ = ["PublicUrl", "links", "public_url"]

_WEB: Final = re.compile(
    r"(https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?)(/[A-Za-z0-9._~%/-]*)?"
)
_PORTS: Final = range(1, 65_536)
_PIN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_CHAT: Final = ("chats", "chat")


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """Where people reach the server, as the beginning of a link, and the pin of its certificate, if any."""

    url: str
    pin: str | None = None


def public_url(text: str, pin: str | None = None) -> PublicUrl:
    """Return a public URL in the form of links; raises `UsageError` that says what to write."""
    if pin is not None and not _PIN.fullmatch(pin):
        raise UsageError("a pin is the SHA-256 of a certificate in base64url, 43 characters")
    if text.startswith(("https://", "http://")):
        parts = _WEB.fullmatch(text)
        if parts is None or int(parts[2] or 1) not in _PORTS:
            raise UsageError(f"{text!r} is not a public URL; write https://HOST[:PORT]/PATH")
        return PublicUrl(f"{parts[1]}{(parts[3] or '/').rstrip('/')}/")
    scheme, host, port = parse_url(text, _CHAT)
    if port == 0:
        raise UsageError(f"{text!r} has no port that people could connect to")
    name = f"[{host}]" if ":" in host else host
    return PublicUrl(f"{scheme}://{name}:{port}/", pin if scheme == "chats" else None)


def links(urls: Iterable[PublicUrl], secret: str) -> tuple[str, ...]:
    """Return the links of an invite, one for each public URL."""
    return tuple(f"{each.url}#{secret}{f'.{each.pin}' if each.pin else ''}" for each in urls)
