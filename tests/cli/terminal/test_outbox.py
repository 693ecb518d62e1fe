"""The user's lines, while a connection is lost, is back, and has forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import pytest

from chatcore import (
    Ack,
    ClientLimits,
    DisconnectedError,
    Joined,
    Left,
    Message,
    Offline,
    Online,
    Page,
)
from cli.state.remembered import UnsentLine
from cli.state.slots import Slots
from cli.terminal.answers import Answers
from cli.terminal.heartbeat import Heartbeat
from cli.terminal.input import Command
from cli.terminal.memory import Memory
from cli.terminal.outbox import Outbox
from cli.terminal.painter import Fragments, Painter
from cli.terminal.rooms import Rooms
from tests.cli.terminal.drawn import text_of
from transports.asyncio_tcp import Chat

DEDUPE = 5.0
DEADLINE = 10.0


class Line:
    """A connection: it notes what is posted, and answers when the test says so."""

    closed = False

    def __init__(self, rooms: Rooms) -> None:
        self.limits = ClientLimits(dedupe_seconds=DEDUPE)
        self.rooms = {room.name: None for room in rooms}
        self.posted: list[tuple[str, str]] = []
        self.answers: dict[str, asyncio.Future[Ack]] = {}
        self.asked = asyncio.Event()
        self.history_known = asyncio.Event()
        self.history_known.set()

    def post_nowait(self, text: str, *, room: str, id: str, kind: str | None = None) -> "asyncio.Future[Ack]":
        self.posted.append((room, text))
        answer = self.answers[text] = asyncio.get_running_loop().create_future()
        return answer

    async def history(self, room: str, *, after: int, limit: int) -> Page:
        self.asked.set()
        await self.history_known.wait()
        return Page(room=room, epoch="e", base=after, more=False, gaps=None, messages=())


class Desk:
    """An outbox, two rooms, and somebody who types."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.rooms = Rooms()
        for name in ("lobby", "ops"):
            self.rooms.enter(Joined(room=name, epoch="e", head=0, after=0, count=1))
        self.rooms.current = self.rooms.get("lobby")
        self.line = Line(self.rooms)
        self.shown: list[str] = []
        self.elapsed = 0.0
        painter = Painter(columns=lambda: 400, zone=UTC)
        self.outbox = Outbox(
            memory,
            self.rooms,
            Answers(painter),
            heartbeat=Heartbeat(self._ping, lambda: None, lambda _: None),
            show=self._show,
            since=lambda _: "18:01",
            changed=lambda: None,
            now=lambda: 1_000.0 + self.elapsed,
            clock=lambda: self.elapsed,
        )

    async def _ping(self) -> None:
        """Do nothing."""

    def _show(self, fragments: Fragments) -> None:
        self.shown += text_of(fragments).splitlines()

    def begin(self) -> None:
        self.outbox.begin(cast(Chat, self.line))

    async def type(self, text: str, room: str | None = "lobby") -> UnsentLine:
        """Type a line for a room, and wait until it is on its way."""
        command = self.outbox.take(Command("say", text), room)
        assert command is not None
        assert command.line is not None
        assert self.outbox.send(command.line, room)
        async with asyncio.timeout(DEADLINE):
            await self.outbox.sent()
        return command.line

    async def settle(self) -> None:
        """Let everything happen that waits for nobody."""
        for _ in range(10):
            await asyncio.sleep(0)

    def lose(self) -> None:
        self.outbox.receive(Offline("lost", 1.0))

    def come_back(self, head: int = 0, *rooms: str) -> None:
        """Connect again, and enter the rooms, where messages up to a number follow."""
        self.outbox.receive(Online())
        for name in rooms or ("lobby", "ops"):
            joined = Joined(room=name, epoch="e", head=head, after=0, count=1)
            room = self.rooms.get(name)
            assert room is not None
            room.rejoin(joined)
            self.outbox.receive(joined)

    def hear(self, id_: str, text: str, room: str = "lobby", seq: int = 1) -> None:
        view = self.rooms.get(room)
        assert view is not None
        view.advance(seq)
        message = Message(
            room=room,
            seq=seq,
            prev=seq - 1,
            id=id_,
            nick="ada",
            text=text,
            at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        self.outbox.receive(message)


def run(steps: Callable[[Desk], Awaitable[None]], memory: Memory | None = None) -> None:
    async def work() -> None:
        desk = Desk(memory or Memory(None))
        desk.begin()
        await steps(desk)
        await desk.outbox.close()

    asyncio.run(work())


def test_what_was_typed_offline_is_sent_if_it_is_young_and_offered_if_it_is_old() -> None:
    async def steps(desk: Desk) -> None:
        desk.lose()
        await desk.type("old")
        await desk.type("old too", "ops")
        desk.elapsed = DEDUPE
        await desk.type("young")
        desk.elapsed += 1.0
        assert desk.line.posted == []
        desk.come_back()
        await desk.settle()
        assert desk.line.posted == [("lobby", "young")]
        assert desk.shown == [
            "* not sent 18:01: old; /resend 1, /drop 1",
            "* not sent 18:01 in ops: old too; /resend 2, /drop 2",
        ]
        desk.outbox.resend("1")
        assert desk.line.posted[1:] == [("lobby", "old")]

    run(steps)


def test_what_was_typed_offline_is_sent_in_order_once_its_room_has_shown_what_was_missed() -> None:
    async def steps(desk: Desk) -> None:
        desk.lose()
        for text in ("one", "two"):
            await desk.type(text)
        desk.outbox.receive(Online())
        await desk.type("three")
        desk.hear("before", "of the last connection", seq=1)
        desk.come_back(2, "lobby")
        await desk.type("four")
        desk.hear("1", "missed", seq=1)
        assert desk.line.posted == []
        desk.hear("2", "missed", seq=2)
        await desk.type("five")
        assert [text for _, text in desk.line.posted] == ["one", "two", "three", "four", "five"]
        assert desk.shown == []

    run(steps)


def test_a_line_that_waited_too_long_for_a_new_room_is_offered() -> None:
    async def steps(desk: Desk) -> None:
        desk.lose()
        with desk.outbox.holding("dev"):
            await desk.outbox.sent()
            command = desk.outbox.take(Command("say", "for dev"), "dev")
            assert command is not None
            assert command.line is not None
            desk.outbox.send(command.line, "dev")
            await desk.settle()
            desk.elapsed = DEDUPE + 1.0
            desk.rooms.enter(Joined(room="dev", epoch="e", head=0, after=0, count=1))
        await desk.settle()
        assert desk.line.posted == []
        assert desk.shown == ["* not sent 18:01 in dev: for dev; /resend 1, /drop 1"]

    run(steps)


def test_what_waits_for_a_room_that_is_left_meanwhile_is_offered() -> None:
    async def steps(desk: Desk) -> None:
        desk.lose()
        await desk.type("for ops", "ops")
        desk.outbox.receive(Online())
        desk.rooms.leave("ops")
        desk.outbox.note_left("ops")  # the answer to /leave
        desk.outbox.receive(Left(room="ops"))
        await desk.settle()
        assert desk.shown == ["* not sent 18:01 in ops: for ops; /resend 1, /drop 1"]

    run(steps)


def test_a_line_that_was_stored_after_all_is_not_offered() -> None:
    async def steps(desk: Desk) -> None:
        line = await desk.type("stored after all")
        other = await desk.type("not stored")
        desk.lose()
        desk.elapsed = DEDUPE + 1.0
        for text in ("stored after all", "not stored"):
            desk.line.answers[text].set_exception(DisconnectedError("lost"))
        await desk.settle()
        desk.come_back(1)
        await desk.settle()
        assert desk.shown == []
        desk.hear(line.id, line.text)
        await desk.settle()
        assert desk.shown == ["* not sent 18:01: not stored; /resend 1, /drop 1"]
        desk.hear(other.id, other.text, seq=2)  # from a connection that the server still had
        desk.outbox.resend("")
        assert desk.shown[1:] == ["* there is nothing that was not sent"]
        assert desk.outbox.texts == []

    run(steps)


def test_a_line_that_comes_while_it_is_looked_up_is_not_offered() -> None:
    async def steps(desk: Desk) -> None:
        line = await desk.type("stored after all")
        desk.elapsed = DEDUPE + 1.0
        desk.line.history_known.clear()
        desk.line.answers[line.text].set_exception(DisconnectedError("lost"))
        async with asyncio.timeout(DEADLINE):
            await desk.line.asked.wait()
        desk.hear(line.id, line.text)
        desk.line.history_known.set()
        await desk.settle()
        assert desk.shown == desk.outbox.texts == []
        desk.outbox.resend("1")
        assert desk.shown == ["* there is nothing that was not sent"]

    run(steps)


def test_an_answer_that_comes_after_the_message_itself_changes_nothing() -> None:
    async def steps(desk: Desk) -> None:
        lines = [await desk.type(text) for text in ("acknowledged", "given up")]
        for seq, line in enumerate(lines, 1):
            desk.hear(line.id, line.text, seq=seq)
        assert desk.outbox.is_done(lambda room, seq: True)
        ack = Ack(room="lobby", seq=1, id=lines[0].id, durability="memory")
        desk.line.answers["acknowledged"].set_result(ack)
        desk.line.answers["given up"].set_exception(DisconnectedError("lost"))
        await desk.settle()
        assert desk.shown == desk.outbox.texts == []

    run(steps)


def test_what_the_connection_has_given_up_is_old_even_if_the_clock_was_set_back(tmp_path: Path) -> None:
    slot = Slots(tmp_path, "chat://127.0.0.1:7024", "ada", account=False).take()
    slot.write(UnsentLine("1", "lobby", None, "of an earlier run", 1_000.0).record())
    memory = Memory(slot)
    memory.note_welcome("secret", DEDUPE)

    async def steps(desk: Desk) -> None:
        desk.come_back()
        desk.line.answers["of an earlier run"].set_exception(DisconnectedError("lost"))
        await desk.settle()
        assert desk.line.posted == [("lobby", "of an earlier run")]
        assert desk.shown == ["* not sent 18:01: of an earlier run; /resend 1, /drop 1"]

    run(steps, memory)
    memory.close()


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_offered_is_given_back_at_the_end_if_it_is_kept_nowhere(kept: bool, tmp_path: Path) -> None:
    slot = Slots(tmp_path, "chat://127.0.0.1:7024", "ada", account=False).take() if kept else None
    memory = Memory(slot)

    async def steps(desk: Desk) -> None:
        desk.lose()
        await desk.type("offered")
        desk.elapsed = DEDUPE + 1.0
        desk.come_back()
        await desk.settle()
        await desk.type("on its way")
        assert desk.outbox.texts == (["on its way"] if kept else ["offered", "on its way"])

    run(steps, memory)
    memory.close()


Fate = Literal["sent", "killed"]


@pytest.mark.parametrize("fate", ["sent", "killed"])
def test_a_line_without_a_room_is_on_the_disk_and_is_said_where_its_owner_says(
    fate: Fate, tmp_path: Path
) -> None:
    slots = Slots(tmp_path, "chat://127.0.0.1:7024", "ada", account=False)
    memory = Memory(slots.take())

    async def type_it(desk: Desk) -> None:
        command = desk.outbox.take(Command("me", "waits"), None)
        assert command is not None
        assert command.line is not None
        if fate == "sent":
            desk.outbox.send(command.line, "ops")
            await desk.outbox.sent()
            assert desk.line.posted == [("ops", "waits")]

    run(type_it, memory)
    memory.close()
    memory = Memory(slots.take())
    assert [line.room for line in memory.lines] == (["ops"] if fate == "sent" else [""])

    async def find_it(desk: Desk) -> None:
        await desk.settle()
        assert desk.shown == ["* not sent 18:01 between two rooms: /me waits; /resend 1, /drop 1"]
        desk.rooms.current = None
        desk.outbox.resend("1")
        assert desk.shown[1:] == ["* you are not in a room; join one with /join ROOM"]
        desk.rooms.current = desk.rooms.get("ops")
        desk.outbox.resend("1")
        assert desk.line.posted == [("ops", "waits")]
        assert [line.room for line in memory.lines] == ["ops"]

    if fate == "killed":
        run(find_it, memory)
    memory.close()


def test_lines_are_counted_as_they_are_written() -> None:
    async def steps(desk: Desk) -> None:
        assert desk.outbox.take(Command("say", "\U0001f600" * 200_000), "lobby") is not None
        assert desk.outbox.take(Command("say", "\U0001f600" * 100_000), "lobby") is None
        assert desk.outbox.take(Command("say", "short"), "lobby") is not None

    run(steps)
