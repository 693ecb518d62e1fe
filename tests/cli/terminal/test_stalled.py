"""What is typed while the server is stalled, and the program ends before it answers."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Hub, Limits
from tests.cli.pty import ENTER, Pty
from tests.cli.terminal.remembering import client, load, quit_client
from transports.threaded_tcp import serve

CTRL_D = "\x04"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that is stalled while somebody holds its lock."""
    with contextlib.closing(Hub(limits=Limits(session_seconds=600.0))) as hub:
        yield hub


@pytest.fixture
def server(hub: Hub) -> Iterator[str]:
    with serve("chat://127.0.0.1:0", hub=hub) as running:
        yield str(running.listening[0])


def wait_until_kept(ada: Pty, state: Path, text: str) -> None:
    (slot,) = (state / "chatcore" / "state").glob("*.jsonl")

    def is_kept() -> bool:  # one key for each look
        ada.type("k")
        return text.encode() in slot.read_bytes()

    ada.wait_until(is_kept, f"{text} on the disk")


def test_a_line_after_a_leave_survives_a_kill(hub: Hub, server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--room", "lobby", "--room", "attic") as ada, hub.lock:
        ada.type(f"/leave attic{ENTER}for the lobby{ENTER}")
        wait_until_kept(ada, tmp_path, "for the lobby")
        ada.type(f"\x15/leave{ENTER}for who knows{ENTER}")
        wait_until_kept(ada, tmp_path, "for who knows")
        ada.kill(signal.SIGKILL)
        ada.wait_exit()
    assert [line.room for line in load(server, tmp_path).unsent.values()] == ["lobby", ""]
    with client(server, tmp_path) as ada:
        ada.wait("ada: for the lobby")
        ada.wait(" between two rooms: for who knows; /resend 1, /drop 1")
        ada.type(f"/1{ENTER}/resend{ENTER}")
        ada.wait("ada: for who knows")
        quit_client(ada)
    assert not load(server, tmp_path).unsent


def test_what_was_not_done_is_said_at_the_end(hub: Hub, server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--forget") as ada, hub.lock:
        ada.type(f"/join attic{ENTER}/nick grace{ENTER}/help{ENTER}a line{ENTER}/leave lobby{ENTER}{CTRL_D}")
        assert ada.wait_exit() == 0
        assert ada.rows[-5:] == [
            "* not done: /join attic",
            "* not done: /nick grace",
            "* not done: /leave lobby",
            "* not confirmed by the server:",
            "a line",
        ]
