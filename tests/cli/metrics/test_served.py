"""``chat server --metrics``: it shows what peers counted, also after a kill; and where it may listen."""

import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Inside
from tests.cli.metrics.scrape import Samples, ask, metrics_url, scrape
from tests.cli.processes import chat, chat_server
from tests.logged import events_in
from tests.protocol.frames import Ack, Error, Joined, Message, Pong, Welcome
from tests.transports.peers import TypedPeer, hello

TRANSPORTS = ("asyncio", "threaded")
QUIET = ("--limit", "presence_seconds=3600", "--limit", "frames_per_second=none")
METRICS = ("--metrics", "127.0.0.1:0")


class Reader(TypedPeer):
    """Counts the messages and bytes that it got, by itself."""

    def __init__(self, port: int, nick: str, **position: Any) -> None:
        self.got = self.messages = 0
        super().__init__(port)
        self.after_meal = self._note
        self.send(hello(nick))
        self.receive(Welcome)
        self.ask("join", room="lobby", **position)
        self.joined = self.receive(Joined)

    def _note(self, size: int) -> None:
        self.got += size

    def read(self, number: int) -> None:
        """Read so many messages, and find that there are no more."""
        self.messages += len(self.receive_many(Message, number))
        self.messages += sum(isinstance(frame, Message) for frame in self.settle())


def value(samples: Samples, name: str, **labels: str) -> float:
    """Return one sample."""
    return samples[name, frozenset(labels.items())]


def say(peer: TypedPeer, texts: range) -> None:
    """Post, and wait until all is acknowledged."""
    for number in texts:
        peer.post("x" * 1_000, str(number))
        peer.receive(Ack)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_metrics_are_what_peers_counted_before_and_after_a_kill(transport: str, tmp_path: Path) -> None:
    options = (*QUIET, *METRICS, "--transport", transport, "--journal", f"sqlite:{tmp_path / 'chat.db'}")
    with chat_server(*options) as server:
        url = metrics_url(server)
        with Reader(server.port(), "ann") as ann, Reader(server.port(), "bob") as bob:
            say(ann, range(40))
            ann.read(40)
            bob.read(40)
            ann.ask("post", room="elsewhere", id="no", text="refused")
            assert ann.receive(Error).code == "not_joined"
            before = scrape(url)
            server.signal(signal.SIGKILL)
            server.wait()
            assert (ann.messages, bob.messages) == (40, 40)
            assert value(before, "chat_messages_total") == 40
            assert value(before, "chat_deliveries_total") == 80
            assert value(before, "chat_sent_bytes_total") == ann.got + bob.got
            assert value(before, "chat_refusals_total", code="not_joined") == 1
            assert value(before, "chat_connections", wire="ndjson", state="live") == 2
            assert (value(before, "chat_rooms"), value(before, "chat_members")) == (1, 2)
            assert value(before, "chat_journal_commit_seconds_count") == 40
            epoch = ann.joined.epoch
    with chat_server(*options) as server:
        url = metrics_url(server)
        with (
            Reader(server.port(), "ann", after={"epoch": epoch, "seq": 40}) as ann,
            Reader(server.port(), "bob", after={"epoch": epoch, "seq": 10}) as bob,
        ):
            say(ann, range(35, 50))  # five of them were stored before
            ann.read(10)
            bob.read(40)
            after = scrape(url)
            assert value(after, "chat_messages_total") == 10
            assert value(after, "chat_deliveries_total") == ann.messages + bob.messages == 50
            assert value(after, "chat_sent_bytes_total") == ann.got + bob.got
            assert value(after, "chat_catch_ups_total") == 1
            assert value(after, "chat_connections_accepted_total") == 2
            bob.reset()
            ann.ask("ping", token="x")
            ann.receive(Pong)
        assert value(scrape(url), "chat_deliveries_total") == 50


def test_a_server_that_is_watched_is_healthy_and_says_when_it_closes() -> None:
    with chat_server(*METRICS) as server:
        url = metrics_url(server)
        healthy = ask(url, "/healthz")
        assert (healthy.status, healthy.body) == (200, '{"status": "ok"}\n')
        with socket.create_connection(("127.0.0.1", server.port())) as stays:
            stays.sendall(hello("ann"))
            assert b"welcome" in stays.recv(4_096)
            server.signal(signal.SIGTERM)
            while b"closing" not in stays.recv(4_096):
                pass
            closing = ask(url, "/healthz")  # until the peer has ended its side
            assert closing.status == 503
            assert "the server is closing" in closing.body
        assert server.wait()[0] == 0


@pytest.mark.logs("metrics.served")
def test_where_metrics_are_is_logged() -> None:
    with chat_server(*METRICS, "--log-format", "json") as server:
        server.signal(signal.SIGTERM)
        logged = events_in(server.wait()[1])
    (url,) = [fields["url"] for name, fields in logged.events if name == "metrics.served"]
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/metrics", url)


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = chat("server", "--listen", "chat://127.0.0.1:0", "--metrics", where)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert where in done.stderr
    assert "--metrics" in done.stderr


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("9024", "127.0.0.1:9024"),
        ("127.0.0.1", "127.0.0.1:9024"),
        ("127.0.0.1:", "127.0.0.1:9024"),
        (":9024", "127.0.0.1:9024"),
        ("127.0.0.1:65536", "127.0.0.1:9024"),
        ("http://127.0.0.1:9024", "127.0.0.1:9024"),
        ("0.0.0.0:0", "--insecure"),
        ("[::]:0", "--insecure"),
    ],
)
def test_an_invalid_address_is_one_line_and_exit_2(inside: Inside, where: str, words: str) -> None:
    done = inside("server", "--listen", "chat://127.0.0.1:0", "--metrics", where)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr


def test_other_machines_may_look_with_the_flag_and_the_option_has_a_variable() -> None:
    with chat_server("--insecure", CHAT_SERVER_METRICS="0.0.0.0:0") as server:
        port = metrics_url(server).removeprefix("http://0.0.0.0:").removesuffix("/metrics")
        assert ask(f"http://127.0.0.1:{port}/metrics").status == 200


def test_without_the_extra_the_error_says_how_to_install_it(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    done = inside("server", "--listen", "chat://127.0.0.1:0", *METRICS)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "pip install 'chatcore[metrics]'" in done.stderr
