"""What docs/scripts.md shows is done, in its order, against a server of the test's own."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatcore.messages import Message, Presence
from tests.test_readme import Player, Program, Stage, blocks_of, commands
from transports.threaded_tcp import Chat, connect

DOCUMENT = (Path(__file__).parent.parent / "docs" / "scripts.md").read_text("utf-8")
BLOCKS = blocks_of(DOCUMENT)


def script_with(word: str) -> str:
    (block,) = (each for each in BLOCKS if each.mark == "sh" and word in each.text)
    return block.text


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be ended with the test."""
    with ExitStack() as ending:
        yield ending


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running server, and a directory."""
    stage = Stage(tmp_path_factory.mktemp("scripts"))
    server = Program("chat server", stage)
    assert (server.line() or "").startswith("listening on ")
    yield stage
    server.interrupt()


def run(script: str, stage: Stage) -> list[str]:
    """Run a script to its end; return what it printed."""
    program = Program(script, stage)
    program.end_input()
    printed = program.rest()
    assert program.wait() == 0, printed
    return printed


def member(stage: Stage, stack: ExitStack) -> Chat:
    return stack.enter_context(connect(stage.environment["CHAT_URL"], nick="ada", rooms=["ops"]))


def test_what_the_document_shows_is_so(stage: Stage, stack: ExitStack) -> None:
    player = Player(stage, stack)
    for block in BLOCKS:
        if block.mark == "console":
            for command, lines in commands(block):
                player.console(command, lines)
    assert {block.mark for block in BLOCKS} == {"console", "sh", "text"}


def test_a_script_prints_what_is_new_since_the_last_time(stage: Stage, stack: ExitStack) -> None:
    ada = member(stage, stack)
    ada.post("one")
    script = script_with("--since")
    assert run(script, stage)[-1] == "ada: one"
    ada.post("two")
    ada.post("three")
    assert run(script, stage) == ["ada: two", "ada: three"]
    elsewhere = Stage(stage.directory, {"7024": "1", "7025": "1", "8024": "1"})
    assert run(script, elsewhere) == []  # where there is no server, nothing is forgotten
    assert run(script, stage) == []


def test_a_bot_answers(stage: Stage, stack: ExitStack) -> None:
    ada = member(stage, stack)
    events = ada.events()
    bot = Program(script_with("uptime"), stage)
    stack.callback(bot.interrupt)
    next(event for event in events if isinstance(event, Presence) and "bot-ears" in event.joined)
    ada.post("!uptime")
    answer = next(event for event in events if isinstance(event, Message) and event.nick == "bot")
    assert "load average" in answer.text


def test_a_line_of_the_crontab_is_a_command(stage: Stage, stack: ExitStack) -> None:
    ada = member(stage, stack)
    line = next(block.text for block in BLOCKS if block.mark == "text")
    assert run(line.split(maxsplit=5)[5], stage) == []
    assert next(iter(ada)).nick == "disk-watch"
