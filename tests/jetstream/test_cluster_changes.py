"""`chat cluster set` and `chat cluster new-epoch`: what an entry in the log changes for all servers."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import AccountsError, JournalError, cluster
from chatcore.journal import Unavailable
from chatcore.journal.replicated import ReplicatedJournal, StateFile
from chatcore.journal.replicated.machine import VERSION
from chatcore.journal.replicated.state import RecordHeader
from chatcore.replication import outbox
from chatcore.replication.fence import Frame, ReadDigest, write_frame
from cli.commands import cluster_changes
from cli.commands.cluster_changes import begin_accounts_epoch, set_limits
from cli.settings.nats_journal import NatsAddress, parse_address
from tests.cli.processes import CHAT, chat, chat_server
from tests.cli.pty import ENTER, in_terminal
from tests.jetstream.people import enter
from tests.jetstream.reader import Node
from tests.jetstream.servers import NatsServers, ask
from transports.jetstream import JetStreamLog, Servers, Stream


def shared(log: str) -> NatsAddress:
    """Return what an address says."""
    scheme, _, argument = log.partition(":")
    return parse_address(scheme, argument)


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


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes a log in this process gives up soon."""
    monkeypatch.setattr(outbox, "GIVE_UP", 1.0)
    monkeypatch.setattr(cluster_changes, "PATIENCE", 1.0)


READER = """
authorization { users: [ { user: chat, password: all }, { user: reader, password: some, permissions: {
  publish: { deny: [ "chat.log", "chat-accounts.log" ] }
} } ] }
"""


def make(servers: NatsServers, stream: Stream, *entries: bytes, credentials: Path | None = None) -> None:
    """Make a log, with some entries."""
    node = Node(JetStreamLog(Servers(servers.addresses, None, credentials), stream))
    node.wait_until_open()
    for entry in entries:
        node.log.append(entry)
    node.wait_for(*entries)
    node.log.close()


def why_not(log: str) -> str:
    """Return why a log cannot be changed."""
    with pytest.raises(JournalError) as caught:
        set_limits(shared(log), ["history_messages=2"])
    return str(caught.value)


@pytest.mark.usefixtures("hasty")
@pytest.mark.logs("stream.forbidden")
def test_whoever_may_only_read_a_log_hears_so(tmp_path: Path) -> None:
    full, reader = tmp_path / "full.creds", tmp_path / "reader.creds"
    full.write_text("chat:all")
    reader.write_text("reader:some")
    with NatsServers(tmp_path / "nats", extra=READER) as nats:
        for stream in (Stream.of_messages("chat", 1), Stream.of_accounts("chat", 1)):
            make(nats, stream, credentials=full)
        log = f"nats://{nats.addresses[0]}?creds={reader}"
        assert "entries   0" in chat("cluster", "status", "--journal", log).stdout
        words = why_not(log)
        assert "cannot be changed now; the user of NATS may not do all that the log chat needs: " in words
        assert 'permissions violation for publish to "chat.log"' in words
        with pytest.raises(AccountsError) as caught:
            begin_accounts_epoch(shared(log), by="test")
        assert 'permissions violation for publish to "chat-accounts.log"' in str(caught.value)


@pytest.mark.usefixtures("hasty")
@pytest.mark.logs("stream.entry_refused")
def test_limits_stay_where_the_log_is_full(nats: NatsServers) -> None:
    stream = nats.new_stream()
    make(nats, replace(stream, max_bytes=1_000), b"x" * 850)
    log = f"nats://{nats.addresses[0]}?stream={stream.name}"
    refusal = f"the log {stream.name} refuses entries: maximum bytes exceeded (10077)"
    assert why_not(log) == f"the log cannot be changed now; {refusal}"
    settings = ask(nats, "stream_info", stream.name).config
    ask(nats, "update_stream", settings.evolve(max_bytes=10_000))
    done = chat("cluster", "set", "history_messages=2", "--journal", log)
    assert "history_messages=2" in done.stdout, done.stderr


@pytest.mark.usefixtures("hasty")
def test_limits_stay_where_no_server_answers_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NatsServers(tmp_path / "nats") as nats:
        make(nats, Stream.of_messages("chat", 1))
        log = f"nats://{nats.addresses[0]}"

        class Pausing(ReplicatedJournal):
            """A journal whose log stands still once something is asked."""

            def set_limits(
                self, changes: Mapping[str, float | None], deliver: Callable[[bool | Unavailable], None]
            ) -> None:
                nats.servers[0].pause()
                super().set_limits(changes, deliver)

        monkeypatch.setattr(cluster, "ReplicatedJournal", Pausing)
        assert why_not(log) == "the log cannot be changed now; it does not answer"
        assert why_not(log) == "the log cannot be changed now; no server of it can be reached"
