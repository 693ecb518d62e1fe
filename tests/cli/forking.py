"""The process of `tests.cli.forks`: it has imported what commands import, and forks for each."""

import gc
import io
import json
import os
import pkgutil
import socket
import sys
import time
from importlib import import_module
from typing import Any, TextIO

import chatcore
import cli
import transports
from tests.lease import SHORT, shorten_lease

__all__ = ["begin"]

_PACKAGES = (chatcore, transports, cli)
_RARE = ("nats", "jetstream", "metrics", "certificate", "__main__")
"""What is in the names of modules that few commands import, and that take long."""


def begin(descriptor: int) -> None:
    """Wait for commands at a socket. Only a fork returns, when everything is as at the start of a command."""
    _import()
    orders = socket.socket(fileno=descriptor)
    while True:
        try:
            order, streams, _, _ = socket.recv_fds(orders, 1 << 20, 3)
        except KeyboardInterrupt:
            os._exit(0)
        if not order:
            os._exit(0)
        if (pid := _fork()) == 0:
            break
        for stream in streams:
            os.close(stream)
        orders.send(b"%d" % pid)
    orders.detach()
    _become(json.loads(order), streams)


def _import() -> None:
    """Import what commands do."""
    import_module("uvloop")
    import_module("prompt_toolkit")
    for package in _PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(rare in found.name for rare in _RARE):
                import_module(found.name)
    shorten_lease(SHORT)
    gc.collect()
    gc.freeze()


def _fork() -> int:
    """Fork twice, so that the second fork belongs to who orders. Return its process id, in itself 0."""
    mine, theirs = os.pipe()
    if (between := os.fork()) == 0:
        if pid := os.fork():
            os.write(theirs, b"%d" % pid)
            os._exit(0)
        return 0
    os.close(theirs)
    os.waitpid(between, 0)
    pid = int(os.read(mine, 100))
    os.close(mine)
    return pid


def _become(order: dict[str, Any], streams: list[int]) -> None:
    """Make of this fork what a process is that executes the command."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 1 << 20)
    if order["new_session"]:
        os.setsid()
    os.umask(order["umask"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    sys.argv = order["argv"]
    sys.stdin = _text(0, "r", sys.stdin)
    sys.stdout = _text(1, "w", sys.stdout)
    sys.stderr = _text(2, "w", sys.stderr)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def _text(descriptor: int, mode: str, like: TextIO) -> TextIO:
    """Return a standard stream, as Python makes them."""
    lines = mode == "w" and (descriptor == 2 or os.isatty(descriptor))
    newline = "\n" if mode == "w" else None
    buffer: Any = open(descriptor, f"{mode}b", closefd=False)  # noqa: SIM115  # as long as the process
    buffer.raw.name = like.name
    text: Any = io.TextIOWrapper(buffer, like.encoding, like.errors, newline, line_buffering=lines)
    text.mode = mode
    stream: TextIO = text
    return stream
