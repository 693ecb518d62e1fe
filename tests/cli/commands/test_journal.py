"""Journals on the command line: `chat server`, `chat history` and `chat doctor`."""

import json
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.cli.processes import chat, chat_server
from transports.threaded_tcp import connect


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with three messages in two rooms, closed cleanly."""
    path = tmp_path / "journal.db"
    with chat_server("--journal", f"sqlite:{path}") as server:
        with connect(server.url, nick="ana", rooms=["lobby", "other"]) as ana:
            ana.post("one")
            ana.post("two")
            ana.post("three", room="other")
        server.signal(signal.SIGTERM)
        assert server.wait()[0] == 0
    return path


def texts(*args: str) -> list[str]:
    done = chat("history", *args)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def test_a_server_prints_where_it_stores_messages(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "journal.db"
    with chat_server("--journal", f"sqlite:{path}") as server:
        server.signal(signal.SIGTERM)
        _, errors = server.wait()
    assert f"{path} (synced)" in errors


def test_the_default_journal_is_in_the_users_data_directory(tmp_path: Path) -> None:
    with chat_server(CHAT_SERVER_JOURNAL="", XDG_DATA_HOME=str(tmp_path)) as server:
        server.signal(signal.SIGTERM)
        _, errors = server.wait()
    (path,) = tmp_path.rglob("journal.db")
    assert str(path) in errors


def test_history_is_printed_by_room_and_range(journal: Path) -> None:
    assert texts(str(journal)) == ["one", "two", "three"]
    assert texts(str(journal), "--room", "LOBBY") == ["one", "two"]
    assert texts(str(journal), "--room", "lobby", "--after", "1") == ["two"]
    assert texts(str(journal), "--room", "lobby", "--before", "2") == ["one"]


def test_history_can_be_read_while_a_server_runs(journal: Path) -> None:
    with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="bob") as bob:
        bob.post("four")
        assert texts(str(journal), "--room", "lobby") == ["one", "two", "four"]


@pytest.mark.parametrize("args", [["nowhere.db"], ["{journal}", "--room", "nowhere"]])
def test_history_of_a_missing_file_or_room_is_one_line(journal: Path, args: list[str]) -> None:
    done = chat("history", *(arg.format(journal=journal) for arg in args))
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_journal_that_is_in_use_is_refused(journal: Path) -> None:
    with chat_server("--journal", f"sqlite:{journal}"):
        second = chat("server", "--journal", f"sqlite:{journal}", "--listen", "chat://127.0.0.1:0")
        renamed = chat("doctor", "--journal", str(journal), "--new-epoch")
    for done in (second, renamed):
        assert done.returncode == 1
        assert "in use" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_a_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear diary, " * 1_000)
    done = chat("server", "--journal", f"sqlite:{path}")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert path.read_text().startswith("Dear diary")


def test_doctor_approves_a_sound_journal(journal: Path) -> None:
    done = chat("doctor", "--journal", str(journal))
    assert done.returncode == 0
    assert "3 messages in 2 rooms, no problems found" in done.stdout


def test_doctor_finds_a_hole(journal: Path) -> None:
    with sqlite3.connect(journal) as db:
        db.execute("UPDATE messages SET prev = 7 WHERE seq = 2")
    db.close()
    done = chat("doctor", "--journal", str(journal))
    assert done.returncode == 1
    assert "message 2 follows 7, not 1" in done.stdout
    assert "backup" in done.stdout


def test_doctor_gives_a_new_epoch(journal: Path) -> None:
    def epoch() -> str:
        with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="ana") as ana:
            return ana.position("lobby").epoch

    before, same = epoch(), epoch()
    done = chat("doctor", "--journal", str(journal), "--new-epoch")
    assert done.returncode == 0
    after = epoch()
    assert before == same != after
    assert after in done.stdout
    assert texts(str(journal), "--room", "lobby") == ["one", "two"]
