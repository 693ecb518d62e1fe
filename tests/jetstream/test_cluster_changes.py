"""`chat cluster set`: what an entry in the log changes for all servers."""

from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal.replicated import RecordLimits, StateFile
from tests.cli.processes import chat, chat_server
from tests.jetstream.servers import NatsServers
from transports.threaded_tcp import connect


def limits_of(copy: Path) -> RecordLimits:
    """Return the limits that a server has read."""
    with closing(StateFile(copy, read_only=True)) as file:
        return file.header().limits


def test_limits_change_for_a_server_that_runs_and_stay(nats: NatsServers, tmp_path: Path) -> None:
    log = f"nats://{nats.addresses[0]}?stream={nats.new_stream().name}"
    with (
        chat_server("--journal", f"{log}&state={tmp_path}/a.db") as server,
        connect(server.url, nick="ada") as ada,
    ):
        for n in range(6):
            ada.post(f"message {n}")
        done = chat("cluster", "set", "history_messages=2", "history_seconds=3600", "--journal", log)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "dedupe_seconds=120",
            "history_messages=2",
            "history_bytes=1073741824",
            "history_seconds=3600",
        ]
        ada.post("after it")
        assert len(ada.history().messages) <= 3
    assert limits_of(tmp_path / "a.db").history_messages == 2
    done = chat("cluster", "set", "history_seconds=none", "--journal", log)
    assert done.stdout.splitlines()[1:] == [
        "history_messages=2", "history_bytes=1073741824", "history_seconds=none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        ("the names are dedupe_seconds, history_messages", "connections=5"),
        ("a limit of the log is NAME=VALUE, not 'history_messages'", "history_messages"),
        ("the limit history_messages: Input should be", "history_messages=-1"),
        ("the limit dedupe_seconds: this limit cannot be turned off", "dedupe_seconds=none"),
    ],
)
def test_what_is_no_limit_of_a_log_is_refused(words: str, setting: str) -> None:
    done = chat("cluster", "set", setting, "--journal", "nats://127.0.0.1:1")
    assert done.returncode == 2
    assert words in done.stderr


def test_a_log_that_is_missing_is_not_made(nats: NatsServers) -> None:
    log = f"nats://{nats.addresses[0]}?stream={nats.new_stream().name}"
    done = chat("cluster", "set", "history_messages=2", "--journal", log)
    assert done.returncode == 1
    assert "the log cannot be changed now" in done.stderr
    assert "there is no stream" in done.stderr
    assert "there is no stream" in chat("cluster", "status", "--journal", log).stdout
