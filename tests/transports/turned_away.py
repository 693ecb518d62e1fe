"""A server that turns everybody away, as one does to an address that it keeps out."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from tests.transports.peers import DEADLINE

__all__ = ["turning_away"]

_RESET = struct.pack("ii", 1, 0)


@contextlib.contextmanager
def turning_away() -> Iterator[int]:
    """Reset every connection immediately; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_turn_away, args=(listener,), name="test-door", daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)
            assert not thread.is_alive()


def _turn_away(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
