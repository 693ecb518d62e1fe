"""Links that let somebody in: ``chats://HOST:PORT/#INVITE``, with ``.PIN`` for a self-made certificate.

- What follows ``#`` is a secret, and is in no error: a link that is wrong is not repeated.
- A link to a page, ``https://HOST/PATH/#INVITE``, says where the page is. `cli.access.page` asks it where the
  server is.
"""

import re
from dataclasses import dataclass, field

from chatcore import AddressList, UsageError

__all__ = ["Link", "address", "encrypted_address", "link_of", "nodes_of", "parse_link"]

_LINK = re.compile(r"([a-z]+)://([^#\s]+)#([A-Za-z0-9_-]{16,128})(?:\.([A-Za-z0-9_-]{43}))?")
_FORMS = "chats://HOST:PORT/#..., or https://HOST/PATH/#..."


@dataclass(frozen=True, slots=True)
class Link:
    """A link in its parts. ``url`` is the address of a server, or of a page: see ``is_page``."""

    url: str
    invite: str = field(repr=False)
    pin: str | None = None

    @property
    def is_page(self) -> bool:
        """Whether a page says where the server is."""
        return self.url.startswith("http")


def parse_link(text: str) -> Link:
    """Read a link; raises `UsageError`, which does not repeat it."""
    parts = _LINK.fullmatch(text.strip())
    if parts is None:
        raise UsageError(f"that is not a link; one looks like {_FORMS}")
    scheme, rest, invite, pin = parts.groups()
    if scheme in ("chat", "chats"):
        return Link(_in_full(f"{scheme}://{rest}"), invite, pin)
    if scheme in ("http", "https"):
        return Link(f"{scheme}://{rest}", invite)
    raise UsageError(f"a link cannot begin with {scheme}://; one looks like {_FORMS}")


def link_of(url: str, invite: str, pin: str | None) -> str:
    """Return the link to a server that carries an invite; raises `UsageError` for an invalid address."""
    return f"{_in_full(url)}/#{invite}{f'.{pin}' if pin else ''}"


def address(url: str) -> str:
    """Return the address of a server in full, ``SCHEME://HOST:PORT``; raises `UsageError`.

    What is stored for a server is stored under it. Several addresses are in one order, however they are
    written.
    """
    return AddressList.parse(url).name


def nodes_of(url: str) -> tuple[str, ...]:
    """Return the addresses of a server one by one, in full; raises `UsageError`."""
    return AddressList.parse(url).urls


def encrypted_address(url: str) -> str:
    """Return what `address` does, for a server that has a certificate; raises `UsageError`."""
    if url.startswith("chat://"):
        raise UsageError(f"{url!r} is not encrypted, and has no certificate; write chats://HOST:PORT")
    return AddressList.parse(url, "chats").name


def _in_full(url: str) -> str:
    return str(AddressList.parse(url))
