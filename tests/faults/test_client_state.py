"""A client in a terminal that is killed, at any step of its start or in the middle of a conversation.

Whatever was written down as typed is said once, and the client is back in its rooms under its nick.
"""

import contextlib
import random
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from chatcore import Hub, Limits
from cli.access.links import address
from cli.state.file import read_records
from cli.state.remembered import Header, Remembered, RoomMark, UnsentLine
from cli.state.slots import Slots
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal
from tests.rows import CLIENT_KILLS, CLIENT_PAIRS, CLIENT_STEPS
from transports.threaded_tcp import Chat, connect, serve

LIMITS = Limits(frames_per_second=None, frames_burst=10_000, session_seconds=600.0)
LINES = 5


@pytest.fixture
def server() -> Iterator[str]:
    with contextlib.closing(Hub(limits=LIMITS)) as hub, serve("chat://127.0.0.1:0", hub=hub) as running:
        yield str(running.listening[0])


@pytest.fixture
def bob(server: str) -> Iterator[Chat]:
    with connect(server, nick="bob", rooms=["lobby", "ops"]) as bob:
        yield bob


def client(url: str, state: Path, *program: str) -> contextlib.AbstractContextManager[Pty]:
    argv = (*(program or (CHAT,)), "client", url, "--nick", "ada")
    return in_terminal(*argv, XDG_STATE_HOME=str(state), CHAT_CLIENT_REMEMBER="1", rows=40)


def said(chat: Chat, room: str) -> list[str]:
    return [message.text for message in chat.history(room, limit=200).messages]


def leave_lines(url: str, state: Path, bob: Chat) -> None:
    """Leave what two clients might: rooms and a line in the first slot, and a line in the second."""
    slots = Slots(state / "chatcore" / "state", address(url), "ada", account=False)
    first, second = slots.take(), slots.take()
    for number, room in enumerate(("lobby", "ops"), 1):
        mark = RoomMark(room, number, bob.position(room).epoch, 0, datetime.now(UTC))
        first.write(mark.record())
    first.write(UnsentLine("1", "lobby", None, "one", time.time()).record(), {"current": "lobby"})
    second.write(UnsentLine("2", "ops", None, "two", time.time()).record())
    first.close()
    second.close()


@pytest.mark.parametrize("step", CLIENT_STEPS)
def test_killed_at_any_step_of_its_start_the_next_one_is_right(
    server: str, bob: Chat, tmp_path: Path, step: int
) -> None:
    leave_lines(server, tmp_path, bob)
    bob.post("missed")
    with client(server, tmp_path, sys.executable, "-m", "tests.faults.killed", str(step)) as ada:
        assert ada.wait_exit() == -signal.SIGKILL
    with client(server, tmp_path) as ada:
        ada.wait_line("ada@lobby>")
        ada.wait("1:lobby]  2:ops")
        ada.type(f"/2{ENTER}last{ENTER}")
        ada.wait("ada: last")
        assert [text for text in said(bob, "lobby") if text != "missed"] == ["one"]
        assert said(bob, "ops") == ["two", "last"]
        ada.type(f"/quit{ENTER}")
        assert ada.wait_exit() == 0
    assert not unsent(server, tmp_path)


def slots_in(state: Path) -> list[Path]:
    return list((state / "chatcore" / "state").glob("*.jsonl"))


def unsent(url: str, state: Path) -> list[str]:
    """Return the lines that a client which is gone has left."""
    (path,) = slots_in(state)
    remembered = Remembered(Header(url, "ada"))
    remembered.apply(read_records(path))
    return [line.text for line in remembered.unsent.values()]


def test_killed_amid_a_conversation_no_line_is_lost_or_said_twice(
    server: str, bob: Chat, tmp_path: Path
) -> None:
    chance, left, typed = random.Random(CLIENT_KILLS), set[str](), list[str]()
    for number in range(CLIENT_KILLS):
        lines = [f"line {number}.{each}" for each in range(LINES)]
        with client(server, tmp_path) as ada:
            ada.wait_line("ada@lobby>")
            ada.type("".join(f"{line}{ENTER}" for line in lines))
            ada.wait(f"ada: {lines[chance.randrange(LINES)]}")
            ada.kill(signal.SIGKILL)
            ada.wait_exit()
        typed += lines
        left.update(unsent(server, tmp_path))
    with client(server, tmp_path) as ada:
        ada.wait_line("ada@lobby>")
        ada.type(f"last{ENTER}")
        ada.wait("ada: last")
    texts = said(bob, "lobby")
    assert len(texts) == len(set(texts))
    assert left <= set(texts)
    assert texts == [line for line in [*typed, "last"] if line in texts]


def _is_ready(terminal: Pty) -> bool:
    return terminal.line.endswith("@lobby>")


def test_two_clients_that_start_at_once_are_two(server: str, tmp_path: Path) -> None:
    for _ in range(CLIENT_PAIRS):
        with client(server, tmp_path) as one, client(server, tmp_path) as two:
            for terminal in (one, two):
                terminal.wait("you are in lobby")
                terminal.wait_until(partial(_is_ready, terminal), "@lobby>")
            assert {one.line, two.line} == {"ada@lobby>", "ada-2@lobby>"}
            assert len(slots_in(tmp_path)) == 2
