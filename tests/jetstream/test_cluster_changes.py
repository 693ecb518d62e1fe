"""`chat cluster set` and `chat cluster new-epoch`: what an entry in the log changes for all servers."""

from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal.replicated import StateFile
from chatcore.journal.replicated.machine import VERSION
from chatcore.journal.replicated.state import RecordHeader
from chatcore.replication.fence import Frame, ReadDigest, write_frame
from tests.cli.processes import CHAT, chat, chat_server
from tests.cli.pty import ENTER, in_terminal
from tests.jetstream.people import enter
from tests.jetstream.servers import NatsServers, ask


def header_of(copy: Path) -> RecordHeader:
    """Return what a server knows of the log as a whole."""
    with closing(StateFile(copy, read_only=True)) as file:
        return file.header()


def test_limits_change_for_a_server_that_runs_and_stay(nats: NatsServers, tmp_path: Path) -> None:
    log = f"nats://{nats.addresses[0]}?stream={nats.new_stream().name}"
    with (
        chat_server("--journal", f"{log}&state={tmp_path}/a.db") as server,
        enter(server, "ada") as ada,
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
    assert header_of(tmp_path / "a.db").limits.history_messages == 2
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


def test_a_forked_log_takes_posts_again_once_an_epoch_has_begun(nats: NatsServers, tmp_path: Path) -> None:
    stream = nats.new_stream().name
    log = f"nats://{nats.addresses[0]}?stream={stream}"
    other = Frame("other", 0, 0, ReadDigest(1, "0" * 32), {"drafts": []})  # of a server with another entry 1
    with (
        chat_server("--journal", f"{log}&state={tmp_path}/a.db", "--log-format", "json") as server,
        enter(server, "ada") as ada,
    ):
        ada.post("before")
        epoch = header_of(tmp_path / "a.db").epoch
        ask(nats, "publish", f"{stream}.log", write_frame(VERSION, other))
        server.says_in_time("replica.forked")
        done = chat("cluster", "status", "--journal", f"{log}&state={tmp_path}/a.db")
        assert done.returncode == 1
        assert "servers have read different logs: " in done.stdout
        refused = chat("cluster", "set", "history_messages=2", "--journal", log)
        assert refused.returncode == 1
        assert "see `chat cluster new-epoch`" in refused.stderr
        asked = chat("cluster", "new-epoch", "--journal", log)
        assert asked.returncode == 2
        assert "add --yes to do it" in asked.stderr
        done = chat("cluster", "new-epoch", "--yes", "--journal", log)
        assert (done.returncode, done.stdout) == (0, f"began an epoch of {stream}\n"), done.stderr
        ada.post("after")
        assert header_of(tmp_path / "a.db").epoch != epoch
        assert [each.text for each in ada.history().messages] == ["before", "after"]
    assert chat("cluster", "status", "--journal", f"{log}&state={tmp_path}/a.db").returncode == 0


def test_nothing_changes_where_a_person_says_no() -> None:
    with in_terminal(CHAT, "cluster", "new-epoch", "--journal", "nats://127.0.0.1:1") as terminal:
        terminal.wait("begin an epoch of chat")
        terminal.type("n" + ENTER)
        assert terminal.wait_exit() == 1
        assert not any("cannot be changed" in row for row in terminal.everything)
