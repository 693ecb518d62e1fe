"""What a server or a client may leave behind: nothing."""

import os
import threading
from pathlib import Path

from tests.transports.peers import DEADLINE

__all__ = ["Census"]

_DESCRIPTORS = Path("/proc/self/fd")


class Census:
    """The threads and sockets that there are at one moment, to be compared with a later one."""

    def __init__(self) -> None:
        self.threads = set(threading.enumerate())
        self.sockets = _sockets()

    def assert_unchanged(self) -> None:
        """Fail if there is any thread or descriptor that was not there before."""
        for thread in set(threading.enumerate()) - self.threads:
            thread.join(DEADLINE)  # it may be in its last instructions
            assert not thread.is_alive(), f"{thread} is left"
        left = _sockets() - self.sockets
        assert not left, f"{left} are left"


def _sockets() -> set[tuple[str, str]]:
    """Return descriptors with what they are, except files; nothing where a system does not tell."""
    found = set()
    for name in os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else ():
        try:
            target = os.readlink(_DESCRIPTORS / name)
        except FileNotFoundError:  # the one with which the directory was read
            continue
        if not target.startswith("/"):
            found.add((name, target))
    return found
