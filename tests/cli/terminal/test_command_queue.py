"""The order in which what was typed is done."""

import asyncio
from collections.abc import Awaitable, Callable

from cli.terminal.command_queue import CommandQueue
from cli.terminal.input import Command

DEADLINE = 10.0
WHO, BACK, HELP = Command("who"), Command("back"), Command("help")


class Desk:
    """A queue, and a server that answers `who` and `back` when the test says so."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.deferred: list[str] = []
        self.changes: asyncio.Queue[None] = asyncio.Queue()
        self.answers = {verb: asyncio.get_running_loop().create_future() for verb in ("who", "back")}
        self.queue = CommandQueue(self._do, self._defer, lambda: self.changes.put_nowait(None))

    async def _do(self, command: Command) -> bool:
        good: bool = await self.answers[command.verb] if command.verb in self.answers else True
        self.done.append(command.verb)
        return good

    def _defer(self, command: Command) -> None:
        self.deferred.append(command.verb)

    async def settle(self, count: int) -> None:
        """Wait until so many more commands have left the queue."""
        for _ in range(count):
            await asyncio.wait_for(self.changes.get(), DEADLINE)


def run(steps: Callable[[Desk], Awaitable[None]]) -> None:
    async def work() -> None:
        desk = Desk()
        running = asyncio.create_task(desk.queue.run())
        await steps(desk)
        await asyncio.wait_for(running, DEADLINE)

    asyncio.run(work())


def test_one_command_is_done_after_the_other() -> None:
    async def steps(desk: Desk) -> None:
        for command in (WHO, HELP):
            desk.queue.add(command)
        await asyncio.sleep(0)
        assert list(desk.queue.typed) == [WHO, HELP]
        assert desk.done == desk.deferred == []
        desk.answers["who"].set_result(True)
        await desk.settle(2)
        assert desk.done == ["who", "help"]
        desk.answers["back"].set_result(False)
        desk.queue.add(BACK)

    run(steps)


def test_without_a_connection_commands_wait_and_others_are_done() -> None:
    async def steps(desk: Desk) -> None:
        desk.queue.disconnect()
        for command in (WHO, HELP):
            desk.queue.add(command)
        await desk.settle(2)
        assert (desk.done, desk.deferred) == (["help"], ["who"])
        assert desk.queue.undone == [WHO]
        desk.queue.connect()
        desk.answers["who"].set_result(True)
        desk.queue.add(HELP)
        await desk.settle(1)
        assert desk.done == ["help", "who", "help"]
        assert desk.queue.undone == []
        desk.queue.add(BACK)
        desk.answers["back"].set_result(False)

    run(steps)


def test_a_loss_lets_the_command_step_aside_that_waits_for_its_answer() -> None:
    async def steps(desk: Desk) -> None:
        desk.queue.add(WHO)
        desk.queue.add(HELP)
        await asyncio.sleep(0)
        desk.queue.disconnect()
        await desk.settle(2)
        assert (desk.done, desk.deferred) == (["help"], ["who"])
        desk.queue.add(BACK)
        await desk.settle(1)
        for answer in desk.answers.values():  # the connection has ended for good
            answer.set_result(False)
        desk.queue.connect()
        desk.answers["back"] = desk.answers["who"]
        desk.queue.add(BACK)

    run(steps)


def test_what_was_not_done_is_known_at_the_end() -> None:
    async def steps(desk: Desk) -> None:
        desk.queue.disconnect()
        desk.queue.add(WHO)
        await desk.settle(1)
        desk.queue.connect()
        for command in (BACK, HELP):
            desk.queue.add(command)
        await asyncio.sleep(0)
        assert desk.queue.undone == [WHO, BACK, HELP]
        for answer in desk.answers.values():  # the connection has ended for good
            answer.set_result(False)
        desks.append(desk)

    desks: list[Desk] = []
    run(steps)
    assert sorted(desks[0].done) == ["back", "who"]
    assert desks[0].queue.undone == [WHO, BACK, HELP]
