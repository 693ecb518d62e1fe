"""A service manager as a server sees one: a socket for datagrams, which `NOTIFY_SOCKET` names."""

import contextlib
import socket
from collections.abc import Iterator

from tests.cli.processes import DEADLINE

__all__ = ["Manager", "manager"]


class Manager:
    """What it is told, a datagram at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def hear(self) -> dict[str, str]:
        """Return what it is told next; raises `TimeoutError` if that takes too long."""
        text = self._sock.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.split("\n"))

    def hear_other(self, than: str) -> dict[str, str]:
        """Return what it is told next that is not only this."""
        while set(told := self.hear()) == {than}:
            pass
        return told

    def forget(self) -> int:
        """Drop what it was told already; return how many datagrams that were."""
        dropped = 0
        self._sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._sock.recv(4096):
                dropped += 1
        self._sock.settimeout(DEADLINE)
        return dropped


@contextlib.contextmanager
def manager(address: str) -> Iterator[Manager]:
    """Listen at a path or, if it begins with ``@``, at an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.settimeout(DEADLINE)
        yield Manager(sock)
