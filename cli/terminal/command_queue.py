"""What was typed, done in order: one command after the other, so that a message after ``/join`` goes there.

A command that needs the server is asked again by itself when a lost connection is back. Until then it steps
aside: the user learns that it waits, and what is typed next is done.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from cli.terminal.input import Command

__all__ = ["CommandQueue"]


class CommandQueue:
    """The commands of one user, in one event loop.

    ``do`` does one, and returns false if the connection has ended for good. ``defer`` says that one waits.
    ``changed`` is called after each. ``typed`` is what was not done yet; the first one is being done.
    """

    def __init__(
        self,
        do: Callable[[Command], Awaitable[bool]],
        defer: Callable[[Command], None],
        changed: Callable[[], None],
    ) -> None:
        self.typed: deque[Command] = deque()
        self._do = do
        self._defer = defer
        self._changed = changed
        self._deferred: dict[asyncio.Task[bool], Command] = {}
        self._line_typed = asyncio.Event()
        self._offline = False
        self._lost: asyncio.Future[None] | None = None  # while a command is being done

    @property
    def undone(self) -> list[Command]:
        """All commands that were not done yet, as they were typed."""
        return [*self._deferred.values(), *self.typed]

    def add(self, command: Command) -> None:
        """Have a command done after all others."""
        self.typed.append(command)
        self._line_typed.set()

    def disconnect(self) -> None:
        """Note that the connection is lost."""
        self._offline = True
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def connect(self) -> None:
        """Note that the connection is back."""
        self._offline = False

    async def run(self) -> None:
        """Do commands until the connection has ended for good."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                while self.typed:
                    if not await self._do_first(tasks):
                        return
                    self.typed.popleft()
                    self._changed()
                self._line_typed.clear()
                await self._line_typed.wait()

    async def _do_first(self, tasks: asyncio.TaskGroup) -> bool:
        command = self.typed[0]
        task = tasks.create_task(self._run(command))
        self._lost = asyncio.get_running_loop().create_future()
        if self._offline:
            self._lost.set_result(None)
        either: list[asyncio.Future[Any]] = [task, self._lost]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        self._deferred[task] = command
        task.add_done_callback(self._finish)
        self._defer(command)
        return True

    def _finish(self, task: asyncio.Task[bool]) -> None:
        """Wait no longer for a command, unless it was not done, since the connection has ended for good."""
        if not task.cancelled() and task.exception() is None and task.result():
            del self._deferred[task]

    async def _run(self, command: Command) -> bool:
        return await self._do(command)
