"""What is being typed is there again: at the next start, and when the user is back in a room."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Hub
from cli.state.remembered import Draft
from cli.terminal import drafts as module
from cli.terminal.app import Terminal
from cli.terminal.memory import Memory
from cli.terminal.options import Options
from cli.terminal.plain import PlainScreen
from tests.cli.pty import ENTER
from tests.cli.terminal.remembering import client, load, quit_client, store
from transports.threaded_tcp import serve

ALT_1, ALT_2, ALT_9 = "\x1b1", "\x1b2", "\x1b9"
ROOMS = ("--room", "lobby", "--room", "ops")


@pytest.fixture
def server() -> Iterator[str]:
    with contextlib.closing(Hub()) as hub, serve("chat://127.0.0.1:0", hub=hub) as running:
        yield str(running.listening[0])


def test_each_room_has_a_draft_also_at_the_next_start(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, *ROOMS) as ada:
        ada.wait("you are also in ops")
        ada.type(f"half a{ALT_2}")
        ada.wait_line("ada@ops>")
        ada.type(f"in ops{ALT_1}")
        ada.wait_line("ada@lobby> half a")
        ada.type(f"{ALT_9} sentence")
        ada.wait("you have no room 9")
        ada.wait_line("ada@lobby> half a sentence")
        ada.kill(signal.SIGTERM)
        assert ada.wait_exit() == 128 + signal.SIGTERM
    with client(server, tmp_path) as ada:
        ada.wait_line("ada@lobby> half a sentence")
        ada.type(f" is said{ENTER}")
        ada.wait("ada: half a sentence is said")
        ada.type(ALT_2)
        ada.wait_line("ada@ops> in ops")
        ada.type(f"{ENTER}/1{ENTER}")
        ada.wait_line("ada@lobby>")
        quit_client(ada)
    assert not load(server, tmp_path).drafts


def test_what_is_typed_ahead_of_a_change_of_room_belongs_there(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, *ROOMS) as ada:
        ada.wait("you are also in ops")
        ada.type(f"/2{ENTER}in ops{ALT_1}in lobby")
        ada.wait_line("ada@lobby> in lobby")
        ada.type(f"{ALT_2}")
        ada.wait_line("ada@ops> in ops")


def test_a_draft_that_was_sent_is_gone_whatever_happens_then(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path) as ada:
        quit_client(ada)
    store(server, tmp_path, Draft("lobby", "half a").record())
    with client(server, tmp_path) as ada:
        ada.wait_line("ada@lobby> half a")
        ada.type(f" message{ENTER}")
        ada.wait("ada: half a message")
        ada.kill(signal.SIGKILL)
        ada.wait_exit()
    assert not load(server, tmp_path).drafts


class Prompt(PlainScreen):
    """A prompt with a text in it."""

    draft = "half a"


class Kept(Memory):
    """A memory that notes when a draft is to be kept."""

    def __init__(self) -> None:
        super().__init__(None)
        self.noted = asyncio.Event()

    def note_draft(self, room: str, text: str) -> None:
        assert (room, text) == ("ops", "half a")
        self.noted.set()


def test_a_draft_is_kept_a_moment_after_the_last_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.SAVE_SECONDS == 2.0
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)

    async def type_something() -> None:
        memory = Kept()
        drafts = module.Drafts(memory, Prompt(Terminal(Options(plain=True), memory)))
        drafts.follow("ops")
        drafts.take_key()
        assert not memory.noted.is_set()
        async with asyncio.timeout(10):
            await memory.noted.wait()
        drafts.close()

    asyncio.run(type_something())


class Noting(Memory):
    """A memory that has the draft of each room."""

    def __init__(self) -> None:
        super().__init__(None)
        self.kept: dict[str, str] = {}

    def note_draft(self, room: str, text: str) -> None:
        self.kept[room] = text


def test_what_stays_in_the_prompt_is_the_draft_of_one_room_only() -> None:
    memory = Noting()
    drafts = module.Drafts(memory, Prompt(Terminal(Options(plain=True), memory)))
    drafts.follow("lobby")
    drafts.save()
    assert memory.kept == {"lobby": "half a"}
    drafts.follow("ops")  # the user was put out of the lobby, for instance
    drafts.close()
    assert memory.kept == {"lobby": "", "ops": "half a"}


def test_a_draft_that_begins_with_a_space_is_not_kept(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path) as ada:
        ada.type(" hidden")
        ada.wait_line("ada@lobby>  hidden")
        ada.kill(signal.SIGTERM)
        ada.wait_exit()
    assert not load(server, tmp_path).drafts
