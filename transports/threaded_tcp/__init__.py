"""The threaded transport: a thread reads each connection, one writes to all."""

from collections.abc import Sequence

from chatcore.transport import Host, Listen, Transport
from transports.threaded_tcp.client import Chat, connect
from transports.threaded_tcp.server import Server, serve

__all__ = ["Chat", "Server", "ThreadedTransport", "connect", "serve", "transport"]


class ThreadedTransport:
    """Runs a `Server`."""

    name = "threaded"
    summary = "a thread reads each connection, one writes to all of them"

    def start(self, hub: Host, listens: Sequence[Listen]) -> Server:
        """Listen and return; raises `OSError`."""
        return Server(hub, listens)


transport: Transport = ThreadedTransport()
