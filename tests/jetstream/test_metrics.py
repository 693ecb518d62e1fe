"""``chat server --metrics`` on a log that servers share: figures of real streams."""

import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from chatcore import RefusedError
from chatcore.accounts.replicated.machine import VERSION
from chatcore.replication.fence import Frame, ReadDigest, write_frame
from cli.metrics.families import FAMILIES
from tests.cli.metrics.scrape import metrics_url, scrape
from tests.cli.processes import ChatServer, chat_server
from tests.jetstream.people import enter
from tests.jetstream.servers import NatsServers, ask
from transports.threaded_tcp import connect

NAMES = {family.name for family in FAMILIES if family.name.startswith("chat_log_")}
ROSTER = {family.name for family in FAMILIES if family.name.startswith("chat_roster_")}
ONLY_NATS_KNOWS = {
    f"chat_log_{name}"
    for name in ("lag_entries", "entries", "bytes", "free_bytes", "replicas", "replicas_current")
}
MESSAGES = frozenset({("log", "messages")})
ACCOUNTS = frozenset({("log", "accounts")})
DEADLINE = 45.0


def server_on(nats: NatsServers, state: Path, options: str = "") -> AbstractContextManager[ChatServer]:
    """Run a chat server that makes the stream ``chat``."""
    journal = f"nats://{','.join(nats.addresses)}?state={state}{options}"
    return chat_server("--journal", journal, "--metrics", "127.0.0.1:0")


def figures_once(
    url: str,
    holds: Callable[[dict[str, float]], bool],
    names: Collection[str] = NAMES,
    labels: frozenset[tuple[str, str]] = MESSAGES,
) -> dict[str, float]:
    """Return the figures of the log, or others, as soon as something holds of them."""
    until = time.monotonic() + DEADLINE
    while True:
        figures = {name: value for (name, of), value in scrape(url).items() if name in names and of == labels}
        if holds(figures):
            return figures
        assert time.monotonic() < until, figures
        threading.Event().wait(0.05)


def is_connected(figures: dict[str, float]) -> bool:
    """Tell whether there is a connection, and all that was known of when it was made is read."""
    return figures["chat_log_connected"] == 1 and figures["chat_log_lag_entries"] == 0


def test_figures_are_those_of_the_stream_and_missing_without_a_connection(tmp_path: Path) -> None:
    with (
        NatsServers(tmp_path / "nats") as nats,
        server_on(nats, tmp_path / "copy.db", "&bytes=1MiB") as server,
    ):
        url = metrics_url(server)
        begun = figures_once(url, is_connected)
        assert set(begun) == NAMES
        assert (begun["chat_log_replicas"], begun["chat_log_replicas_current"]) == (1, 1)
        for _ in range(2):
            ask(nats, "publish", "chat.log", b"no entry of ours")
        figures_once(url, lambda figures: figures["chat_log_void_entries_total"] == 2)
        nats.servers[0].kill()
        alone = figures_once(url, lambda figures: figures["chat_log_connected"] == 0)
        assert set(alone) == NAMES - ONLY_NATS_KNOWS
        assert alone["chat_log_void_entries_total"] == 2
        nats.servers[0].start()
        again = figures_once(url, is_connected)
        state = ask(nats, "stream_info", "chat").state
        assert again["chat_log_entries"] == state.messages
        assert again["chat_log_bytes"] == state.bytes > begun["chat_log_bytes"]
        assert again["chat_log_free_bytes"] == 1024 * 1024 - state.bytes


def test_a_nats_server_that_is_gone_is_not_current(tmp_path: Path) -> None:
    with (
        NatsServers(tmp_path / "nats", 3) as nats,
        server_on(nats, tmp_path / "copy.db") as server,
    ):
        url = metrics_url(server)
        whole = figures_once(url, lambda figures: figures.get("chat_log_replicas_current") == 3)
        assert whole["chat_log_replicas"] == 3
        nats.servers[2].stop()
        part = figures_once(url, lambda figures: figures.get("chat_log_replicas_current") == 2)
        assert part["chat_log_replicas"] == 3


def test_a_fork_of_the_accounts_is_a_figure_of_theirs(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats") as nats:
        journal = f"nats://{nats.addresses[0]}?state={tmp_path / 'copy.db'}"
        with chat_server("--journal", journal, "--accounts", journal, "--metrics", "127.0.0.1:0") as server:
            url = metrics_url(server)
            begun = figures_once(url, is_connected, labels=ACCOUNTS)
            assert set(begun) == NAMES
            assert (begun["chat_log_forked"], begun["chat_log_stopped"]) == (0, 0)
            seen = ReadDigest(1, "0" * 32)
            other = write_frame(VERSION, Frame("aa", 0, 0, seen, {"act": "note_uses", "keys": []}))
            ask(nats, "publish", "chat-accounts.log", other)
            forked = figures_once(url, lambda figures: figures["chat_log_forked"] == 1, labels=ACCOUNTS)
            assert (forked["chat_log_connected"], forked["chat_log_stopped"]) == (1, 0)
            assert figures_once(url, is_connected)["chat_log_forked"] == 0


def roster_once(url: str, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Return the figures of who is here, by the rest of their names, as soon as something holds of them."""

    def named(figures: dict[str, float]) -> dict[str, float]:
        return {name.removeprefix("chat_roster_"): value for name, value in figures.items()}

    return named(figures_once(url, lambda figures: holds(named(figures)), ROSTER, frozenset()))


def test_figures_of_who_is_here_are_those_of_all_servers(tmp_path: Path) -> None:
    with (
        NatsServers(tmp_path / "nats") as nats,
        server_on(nats, tmp_path / "a.db") as a,
        server_on(nats, tmp_path / "b.db") as b,
    ):
        urls = [metrics_url(server) for server in (a, b)]
        with enter(a, "ada"), enter(b, "bob"):
            for url in urls:
                both = roster_once(url, lambda here: here.get("servers") == here.get("sessions") == 2)
                assert both["announcements_total"] >= 1
                assert both["servers_gone"] == both["cut_off"] == both["claims_waiting"] == 0
            b.process.kill()
            alone = roster_once(urls[0], lambda here: here.get("servers_gone") == 1)
            assert (alone["servers"], alone["sessions"]) == (1, 1)
            nats.servers[0].kill()
            cut_off = roster_once(urls[0], lambda here: here["cut_off"] == 1)
            assert not {"servers", "servers_gone", "sessions"} & set(cut_off)
            assert cut_off["claims_given_up_total"] == 0
            with pytest.raises(RefusedError):
                connect(a.url, nick="cleo")
            refused = roster_once(urls[0], lambda here: here["claims_given_up_total"] == 1)
            assert refused["claims_waiting"] == 0
