"""Servers that all tests of a process share, started when first asked for. Tests leave them as they are."""

import shutil
import tempfile
from pathlib import Path

from tests.jetstream.servers import NatsServers

__all__ = ["shared_servers", "stop_shared_servers"]

_running: dict[int, tuple[NatsServers, Path]] = {}


def shared_servers(count: int = 1) -> NatsServers:
    """Return a server, or several that make a cluster; skips the test where there is no such program."""
    if count not in _running:
        directory = Path(tempfile.mkdtemp(prefix="chat-nats-"))
        _running[count] = NatsServers(directory, count), directory
        _running[count][0].__enter__()
    return _running[count][0]


def stop_shared_servers() -> None:
    """End them all."""
    while _running:
        _, (servers, directory) = _running.popitem()
        servers.__exit__()
        shutil.rmtree(directory, ignore_errors=True)
