"""Every program that docs/javascript.md shows is run against a server, and does what the page says."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Message
from tests.cli.processes import DEADLINE, ChatServer, chat_server, line_of, watched
from tests.web_client.test_web_client import CLIENT, need_node
from transports.threaded_tcp import connect

PAGE = (CLIENT.parent.parent / "docs" / "javascript.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```js\n// (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
NODE = ("node", "--no-warnings", "--experimental-websocket")


@pytest.fixture(autouse=True)
def _node() -> None:
    need_node()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChatServer]:
    """A server for browsers and for the test's own client."""
    listens = ("http://127.0.0.1:0", "chat://127.0.0.1:0")
    with chat_server("--journal", f"sqlite:{tmp_path}/chat.db", listens=listens) as running:
        yield running


@pytest.fixture
def files(server: ChatServer, tmp_path: Path) -> Path:
    """A directory with the programs, and with the package as `npm install` leaves it."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "chatcore-client").symlink_to(CLIENT)
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text.replace("127.0.0.1:8024", f"127.0.0.1:{server.port()}"), "utf-8")
    return tmp_path


def promised(name: str) -> list[str]:
    return re.findall(r"console\.log\(.*\); // (.*)$", BLOCKS[name], re.MULTILINE)


def test_the_program_prints_what_the_page_says(files: Path) -> None:
    done = subprocess.run(
        [*NODE, "talk.mjs"], cwd=files, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.stdout.splitlines() == promised("talk.mjs"), done.stderr


def test_the_bot_answers_once_though_it_is_killed(server: ChatServer, files: Path) -> None:
    for number in (1, 2):
        with subprocess.Popen([*NODE, "bot.mjs"], cwd=files, stdout=subprocess.PIPE, text=True) as bot:
            try:
                with watched(bot):
                    assert [line_of(bot.stdout).strip()] == promised("bot.mjs")
                    assert pongs(server, number) == ["ada: pong"] * number
            finally:
                bot.kill()
    assert (files / "bot.json").stat().st_mode & 0o077 == 0
    assert json.loads((files / "bot.json").read_text("utf-8"))["after"]["seq"] >= 2


def pongs(server: ChatServer, number: int) -> list[str]:
    """Ask the bot; return all that it has said since it was asked for the first time."""
    with connect(server.urls[1], nick="ada", rooms=["ops"], history=100) as chat:
        chat.post("!ping", id=f"ping-{number}")
        said: list[str] = []
        while len(said) < number:
            event = chat.receive(timeout=DEADLINE)
            if isinstance(event, Message) and event.nick == "bot":
                said.append(event.text)
        return said
