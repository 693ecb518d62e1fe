"""Where metrics may be served: ``--metrics HOST:PORT``.

They hold no names of people or rooms, but say how much a server is used. So an address that other machines
can reach needs ``--insecure``, as an unencrypted listener does: something else has to protect it.
"""

import contextlib
import socket
from collections.abc import Sequence

from chatcore import UsageError
from chatcore.transport import Listen
from cli.door import Listener, bound_addresses

__all__ = ["bind", "url_of"]

BACKLOG = 16


def bind(place: str, *, insecure: bool) -> Sequence[socket.socket]:
    """Return a socket for each address of ``HOST:PORT``. Port 0 lets the system choose one.

    Raises `UsageError` if that is not the form or may not be, and `OSError` if it cannot listen there.
    """
    host, port = _parsed(place)
    try:
        addresses = bound_addresses(host, port)
        if not (insecure or Listener(f"http://{place}", addresses).local):
            raise UsageError(
                f"the metrics at {place} could be read from other machines; use --metrics 127.0.0.1:{port}, "
                "or add --insecure if something else protects them"
            )
        return _bound(addresses, port)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"cannot serve metrics on {place}: {reason}; choose another address with --metrics"
        ) from error


def url_of(sockets: Sequence[socket.socket]) -> str:
    """Return where the metrics are, with the real port."""
    host, port = sockets[0].getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"


def _parsed(place: str) -> tuple[str, int]:
    words = f"--metrics {place}: give a host and a port, such as 127.0.0.1:9024"
    host, colon, port = place.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit()):
        raise UsageError(words)
    try:
        listen = Listen.parse(f"chat://{place}")
    except UsageError:
        raise UsageError(words) from None
    return listen.host, listen.port


def _bound(addresses: Sequence[str], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    with contextlib.ExitStack() as undo:
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = undo.enter_context(socket.create_server((address, port), family=family, backlog=BACKLOG))
            port = sock.getsockname()[1]  # the others get the port that the first one has got
            sockets.append(sock)
        undo.pop_all()
    return sockets
