"""``chat history``: the messages of a journal."""

import json
from pathlib import Path

import pytest

from tests.cli.processes import chat, chat_server
from tests.journal.sqlite.files import damage
from transports.threaded_tcp import connect

__all__ = ["texts"]


def texts(*args: str) -> list[str]:
    done = chat("history", *args)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def test_history_is_printed_by_room_and_range(journal: Path) -> None:
    assert texts(str(journal)) == ["one", "two", "three"]
    assert texts(str(journal), "--room", "LOBBY") == ["one", "two"]
    assert texts(str(journal), "--room", "lobby", "--after", "1") == ["two"]
    assert texts(str(journal), "--room", "lobby", "--before", "2") == ["one"]


def test_history_can_be_read_while_a_server_runs(journal: Path) -> None:
    with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="bob") as bob:
        bob.post("four")
        assert texts(str(journal), "--room", "lobby") == ["one", "two", "four"]


def test_damaged_messages_are_a_gap_in_their_place_and_make_the_exit_code_5(journal: Path) -> None:
    damage(journal, 1)
    done = chat("history", str(journal), "--room", "lobby")
    gap, message = map(json.loads, done.stdout.splitlines())
    assert gap == {"type": "gap", "room": "lobby", "after": 0, "through": 1, "reason": "damaged"}
    assert message["text"] == "two"
    assert done.returncode == 5


@pytest.mark.parametrize("args", [["nowhere.db"], ["{journal}", "--room", "nowhere"]])
def test_history_of_a_missing_file_or_room_is_one_line(journal: Path, args: list[str]) -> None:
    done = chat("history", *(arg.format(journal=journal) for arg in args))
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert done.stderr.count("\n") == 1
