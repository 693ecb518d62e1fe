"""The threaded transport: blocking calls, and threads where something has to wait.

- `client`: `connect` and `Chat`.
- `connection`: what drives a client: one thread for each.
- `posting`: a client that says one thing and ends, and is loaded fast.
- `dialing`: how a client connects.
- `stream`: its socket, in the clear or encrypted.
- `server`: `serve` and `Server`. A thread reads each connection, one writes to all of them.
- `server_connection`: one of its connections, in the clear or encrypted.
- `listeners`: what a server accepts from.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatcore.transport import Host, Listen, Transport
    from transports.threaded_tcp.client import Chat, connect
    from transports.threaded_tcp.server import Server, serve

__all__ = ["Chat", "Server", "ThreadedTransport", "connect", "serve", "transport"]

_CLIENT = ("Chat", "connect")
_SERVER = ("Server", "serve")


class ThreadedTransport:
    """A `Transport` that runs each `Server` in threads of its own."""

    name = "threaded"
    applies_channels = True
    takes_descriptors = True
    summary = "a thread reads each connection, one writes to all of them"

    def start(self, hub: "Host", listens: "Sequence[Listen]") -> "Server":
        """Listen and return; raises `OSError`, and then leaves no thread behind."""
        from transports.threaded_tcp.server import Server

        return Server(hub, listens)


transport: "Transport" = ThreadedTransport()


if not TYPE_CHECKING:  # a type checker sees the imports above, and refuses every other name

    def __getattr__(name: str) -> Any:
        """Load a client or a server when it is first asked for, so that neither loads the other."""
        if name in _CLIENT:
            from transports.threaded_tcp import client as module
        elif name in _SERVER:
            from transports.threaded_tcp import server as module
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(module, name)
        return value
