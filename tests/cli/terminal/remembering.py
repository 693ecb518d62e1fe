"""Clients that remember, and what one of them is to find when it starts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cli.access.links import address
from cli.state.records import Record
from cli.state.remembered import Remembered
from cli.state.slots import Slots
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal

__all__ = ["client", "load", "quit_client", "store"]


@contextlib.contextmanager
def client(
    url: str, state: Path, *options: str, nick: str = "ada", wait: str = "you are in"
) -> Iterator[Pty]:
    """Run a client that remembers, until it has its prompt."""
    argv = (CHAT, "client", url, "--nick", nick, *options)
    with in_terminal(*argv, XDG_STATE_HOME=str(state), CHAT_CLIENT_REMEMBER="1", rows=40) as terminal:
        terminal.wait(wait)
        terminal.wait_until(lambda: ">" in terminal.line, "a prompt")
        yield terminal


def quit_client(terminal: Pty) -> None:
    """Quit, as a user does."""
    terminal.type(f"/quit{ENTER}")
    assert terminal.wait_exit() == 0


def store(url: str, state: Path, *records: Record, nick: str = "ada") -> None:
    """Write records into the slot of a client that does not run."""
    slot = _slots(url, state, nick).take()
    slot.write(*records)
    slot.close()


def load(url: str, state: Path, nick: str = "ada") -> Remembered:
    """Return what a client that does not run remembers."""
    slot = _slots(url, state, nick).take()
    slot.close()
    return slot.remembered


def _slots(url: str, state: Path, nick: str) -> Slots:
    return Slots(state / "chatcore" / "state", address(url), nick, account=False)
