"""The command ``chat``, killed before its n-th step: ``python -m tests.faults.killed N ARGUMENT...``.

A step is what it does to a file of its state or to a socket, what it asks its server, and what it writes
down.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from cli.app import main
from cli.state.file import SlotFile
from cli.state.slot import Slot
from transports.asyncio_tcp import Chat

__all__ = ["Steps"]

EVENTS = {"open", "os.rename", "os.remove", "os.truncate", "fcntl.flock", "socket.connect"}


class Steps:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, last: int, state: str) -> None:
        self._left = last
        self._state = state

    def step(self) -> None:
        """Take a step, or die before it."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take the steps that Python reports."""
        if event in EVENTS and (event in ("fcntl.flock", "socket.connect") or self._state in str(arguments)):
            self.step()

    def before(self, owner: type, name: str) -> None:
        """Take a step before each call of a method."""
        method: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **named: Any) -> Any:
            self.step()
            return method(*args, **named)

        setattr(owner, name, counted)


if __name__ == "__main__":
    steps = Steps(int(sys.argv.pop(1)), os.environ["XDG_STATE_HOME"])
    sys.addaudithook(steps.audit)
    for owner, name in ((Chat, "join"), (Chat, "post_nowait"), (Slot, "write"), (SlotFile, "append")):
        steps.before(owner, name)
    main()
