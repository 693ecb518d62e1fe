"""Where a server is to listen, from an address: with what encrypts it, and the page for browsers."""

from dataclasses import replace
from typing import Protocol

from chatcore.transport import Channel, Listen, Site
from transports.web import page_files

__all__ = ["Encrypting", "listen_at"]


class Encrypting(Protocol):
    """What makes the channels of a server: a `transports.certificates.Certificate`."""

    def channel(self) -> Channel:
        """Return the channel of a new connection."""

    def web_channel(self) -> Channel:
        """Return the channel of a new connection of a browser."""


def listen_at(url: str, cert: Encrypting | None = None, site: Site | None = None) -> Listen:
    """Return where to listen; ``site`` is for browsers, and otherwise our page, for names of this machine.

    Raises `UsageError` for an invalid address.
    """
    listen = Listen.parse(url)
    if cert is not None and listen.is_encrypted:
        listen = replace(listen, channel=cert.web_channel if listen.is_for_browsers else cert.channel)
    if listen.is_for_browsers:
        listen = replace(listen, site=site or Site.of(page_files()))
    return listen
