"""The threaded transport: blocking calls, and threads where something has to wait.

- `client`: `connect` and `Chat`.
- `connection`: what drives a client: one thread for each.
- `dialing`: how a client connects.
- `stream`: its socket, in the clear or encrypted.
- `server`: `serve` and `Server`. A thread reads each connection, one writes to all of them.
- `server_connection`: one of its connections, in the clear or encrypted.
- `listeners`: what a server accepts from.
"""

from collections.abc import Sequence

from chatcore.transport import Host, Listen, Transport
from transports.threaded_tcp.client import Chat, connect
from transports.threaded_tcp.server import Server, serve

__all__ = ["Chat", "Server", "ThreadedTransport", "connect", "serve", "transport"]


class ThreadedTransport:
    """A `Transport` that runs each `Server` in threads of its own."""

    name = "threaded"
    applies_channels = True
    summary = "a thread reads each connection, one writes to all of them"

    def start(self, hub: Host, listens: Sequence[Listen]) -> Server:
        """Listen and return; raises `OSError`, and then leaves no thread behind."""
        return Server(hub, listens)


transport: Transport = ThreadedTransport()
