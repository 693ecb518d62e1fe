"""``chat server`` as a process: what it prints, what it refuses, how it stops."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Joined, Presence
from tests.cli.commands.hello import hello, receive_until
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, ChatServer, chat, chat_server, environment, line_of, spawn
from transports.threaded_tcp import connect


@pytest.fixture(params=["asyncio", "threaded"])
def transport(request: pytest.FixtureRequest) -> str:
    """The name of each transport that comes with the package."""
    return str(request.param)


@pytest.fixture
def server(transport: str) -> Iterator[ChatServer]:
    """A server on both wires."""
    listens = ("chat://127.0.0.1:0", "plain://127.0.0.1:0")
    with chat_server("--transport", transport, listens=listens) as running:
        yield running


def test_a_server_prints_its_address_with_the_real_port(transport: str) -> None:
    with spawn("server", "--transport", transport, "--listen", "chat://127.0.0.1:0") as process:
        line = line_of(process.stdout)
    assert re.fullmatch(rf"listening on chat://127\.0\.0\.1:[1-9]\d* \({transport}\)\n", line)


def test_a_peer_that_never_closes_does_not_delay_the_end(server: ChatServer) -> None:
    with hello(server):
        server.signal(signal.SIGTERM)
        code, errors = server.wait()
    assert code == 0
    assert "Traceback" not in errors


def test_an_address_in_use_is_one_line(transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"chat://127.0.0.1:{taken.getsockname()[1]}"
        done = chat("server", "--transport", transport, "--listen", url)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert url in done.stderr
    assert "--listen" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--transport", "smoke-signals"], ["smoke-signals", "asyncio", "threaded"]),
        (["--listen", "irc://127.0.0.1:1"], ["chat://", "plain://", "http://"]),
        (["--listen", "chat://127.0.0.1:65536"], ["0-65535"]),
        (["--listen", "chat://"], ["has no host"]),
        (["--listen", "chat://a:1/path"], ["host and a port"]),
        (["--listen", "chat://0.0.0.0:0"], ["chat://0.0.0.0:0", "--insecure"]),
        (["--listen", "chat://127.0.0.1:0", "--listen", "plain://[::]:0"], ["plain://[::]:0", "--insecure"]),
        (["--limit", "nonsense=1"], ["nonsense", "text_bytes"]),
        (["--limit", "connections"], ["NAME=VALUE"]),
        (["--limit", "connections=many"], ["connections", "integer"]),
        (["--limit", "connections=0"], ["connections", "greater"]),
        (["--limit", "text_bytes=none"], ["text_bytes", "turned off"]),
        (["--limit", "text_bytes=60000"], ["line_bytes"]),
    ],
)
def test_an_invalid_option_is_one_line_and_exit_2(inside: Inside, args: list[str], words: list[str]) -> None:
    done = inside("server", *args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("chat: ")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words)


def test_an_unknown_journal_is_one_line_and_exit_2() -> None:
    done = chat("server", "--journal", "stone-tablets")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "stone-tablets" in done.stderr
    assert "memory" in done.stderr


@pytest.mark.parametrize(("transport", "limit"), [("asyncio", 31), ("threaded", 16)])
def test_too_few_descriptors_are_one_line(transport: str, limit: int) -> None:
    resource = pytest.importorskip("resource")
    done = subprocess.run(
        [CHAT, "server", "--transport", transport, "--listen", "chat://127.0.0.1:0"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"only {limit} files" in done.stderr


def test_a_limit_is_applied() -> None:
    with (
        chat_server("--limit", "rooms_per_session=1") as server,
        connect(server.url, nick="alice") as alice,
        pytest.raises(Exception, match="too many rooms"),
    ):
        alice.join("second")


def test_limits_are_listed_as_the_option_accepts_them() -> None:
    done = chat("server", "--limit", "help")
    assert done.returncode == 0
    settings = [option for line in done.stdout.splitlines() for option in ("--limit", line)]
    assert "text_bytes=16384" in done.stdout.splitlines()
    with chat_server(*settings) as server, connect(server.url, nick="alice") as alice:
        assert alice.limits.text_bytes == 16384


def test_an_unencrypted_address_is_served_to_other_machines_with_the_flags() -> None:
    with (
        chat_server("--insecure", "--open", listens=("chat://0.0.0.0:0",)) as server,
        connect(f"chat://127.0.0.1:{server.port()}", nick="alice") as alice,
    ):
        assert alice.who("lobby") == ("alice",)


def test_options_come_from_the_environment_too() -> None:
    with spawn(
        "server", CHAT_SERVER_TRANSPORT="threaded", CHAT_SERVER_LISTEN="chat://127.0.0.1:0"
    ) as process:
        assert "(threaded)" in line_of(process.stdout)


def test_a_flag_wins_over_the_environment() -> None:
    with chat_server("--transport", "threaded", CHAT_SERVER_TRANSPORT="smoke-signals") as server:
        assert server.urls


def test_members_of_both_wires_talk(server: ChatServer) -> None:
    plain = socket.create_connection(("127.0.0.1", server.port(1)), timeout=20)
    with plain, connect(server.url, nick="alice") as alice:
        for event in alice.events():
            if isinstance(event, Joined | Presence) and event.count == 2:  # the other one is in, too
                break
        alice.post("hello")
        assert receive_until(plain, b"\n") == b"alice: hello\n"
        plain.sendall(b"hi there\n")
        message = next(message for message in alice if message.nick != "alice")
        assert (message.nick, message.text) == (str(plain.getsockname()[1]), "hi there")


# --- its journal ---------------------------------------------------------------------------------


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
