"""A site for browsers: a proxy, the server behind it, and people who come through it."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tests.cli.processes import ChatServer, chat_server
from tests.proxies.proxies import HOST, Proxy, server_options
from tests.transports.web import WebPeer, ask_for

__all__ = ["CLOSE", "Site"]

CLOSE = "Connection: close"


def open_to_all(port: int) -> list[str]:
    """Return the options of the document, for a server without accounts."""
    options = server_options(port)
    without = options[: options.index("--accounts")]
    assert "--public-url" not in without
    return [*without, "--open"]


@dataclass
class Site:
    """A proxy, the server behind it, and what is started with them."""

    proxy: Proxy
    transport: str
    port: int
    stack: ExitStack
    limits: tuple[str, ...] = ()

    def serve(self) -> ChatServer:
        """Start the server, or the next one at its place."""
        options = open_to_all(self.port)[2:]
        listens = (f"http://127.0.0.1:{self.port}",)
        return self.stack.enter_context(
            chat_server("--transport", self.transport, *options, *self.limits, listens=listens)
        )

    def peer(self, nick: str | None = None, *rooms: str, **options: Any) -> WebPeer:
        """Connect a browser through the proxy, as its page does."""
        headers = (f"Origin: {self.proxy.origin}", *options.pop("headers", ()))
        path = f"{self.proxy.path}ws"
        peer = WebPeer(self.proxy.port, nick, *rooms, headers=headers, name=HOST, path=path, **options)
        return self.stack.enter_context(peer)

    def ask_for(self, path: str, *headers: str, source: str | None = None) -> tuple[int, str, bytes]:
        """Ask for a file through the proxy."""
        return ask_for(self.proxy.port, path, CLOSE, *headers, name=HOST, source=source)
