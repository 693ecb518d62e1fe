"""Ports for servers that start again where they were: nothing else may take the port meanwhile.

Ports that the system chooses itself, for a listener on port 0 or for a client, come from a range above these;
and processes that share a run of the suite have ports of their own.
"""

import os
import socket
from contextlib import suppress
from itertools import count

__all__ = ["fixed_port"]

_FIRST = 10_240
_EACH = 2_500  # for each of at most eight processes; above them begin the system's own, at 32768
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_numbers = count(os.getpid())


def fixed_port() -> int:
    """Return a port that is free, and stays so until a test binds it."""
    for number in _numbers:
        port = _FIRST + _WORKER % 8 * _EACH + number % _EACH
        with suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError
