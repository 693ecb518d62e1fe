"""What signals do to ``chat server``: in a terminal, without one, and twice."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.commands.hello import hello, receive_until
from tests.cli.processes import (
    DEADLINE,
    ChatServer,
    chat_server_in_session,
    environment,
    watched,
)
from tests.rows import ALL
from transports.threaded_tcp import connect


@pytest.fixture(params=["asyncio", "threaded"] if ALL else ["asyncio"])
def transport(request: pytest.FixtureRequest) -> str:
    """The name of a transport: what signals do is decided above it."""
    return str(request.param)


@contextmanager
def _terminal() -> Iterator[Callable[[], object]]:
    """Yield what makes a new terminal the one that a new session is controlled by."""
    window, terminal = pty.openpty()
    try:
        yield lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    finally:
        os.close(terminal)
        os.close(window)


def _nothing() -> None:
    """Begin a session without a terminal."""


@pytest.fixture
def server(transport: str) -> Iterator[ChatServer]:
    """A server that was started in a terminal."""
    with _terminal() as terminal, chat_server_in_session(terminal, "--transport", transport) as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_drains(server: ChatServer, number: signal.Signals) -> None:
    with watched(server.process), connect(server.url, nick="alice", reconnect=False) as alice:
        alice.post("last words")
        server.signal(number)
        events = alice.events()
        closing = next(event for event in events if event.type == "closing")
    code, errors = server.wait()
    assert closing.type == "closing"
    assert closing.reason == "drain"
    assert code == 0
    assert "Traceback" not in errors


def test_a_second_signal_stops_it_immediately(server: ChatServer) -> None:
    with hello(server) as sock:
        server.signal(signal.SIGTERM)
        receive_until(sock, b'"type":"closing"')  # and now it waits for this peer to close
        while server.runs_on(for_seconds=0.05):  # one that comes immediately counts as the same
            server.signal(signal.SIGTERM)
        code, _ = server.wait()
    assert code == -signal.SIGTERM


def test_a_second_hangup_lets_it_drain(server: ChatServer) -> None:
    with hello(server) as sock:
        server.signal(signal.SIGHUP)
        receive_until(sock, b'"type":"closing"')
        while server.runs_on(for_seconds=0.05):
            server.signal(signal.SIGHUP)
        code, _ = server.wait()
    assert code == 0


def test_a_hangup_that_was_ignored_from_the_start_stays_ignored(transport: str) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children begin with what their parent ignores
    try:
        with (
            _terminal() as terminal,
            chat_server_in_session(terminal, "--transport", transport) as server,
            hello(server) as sock,
        ):
            server.signal(signal.SIGHUP)
            sock.sendall(b'{"type":"ping","token":"still here"}\n')
            receive_until(sock, b"still here")
            server.signal(signal.SIGTERM)
            receive_until(sock, b'"type":"closing"')
            sock.close()
            code, _ = server.wait()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert code == 0


def test_a_hangup_without_a_terminal_drains_nobody_and_names_what_needs_a_restart(
    transport: str, tmp_path: Path
) -> None:
    settings = tmp_path / "chat.toml"
    settings.write_text("nick = 'ada'\n")
    with ExitStack() as stack:
        server = stack.enter_context(
            chat_server_in_session(_nothing, "--transport", transport, CHAT_CONFIG=str(settings))
        )
        peer = stack.enter_context(closing(hello(server)))
        server.says_in_time("messages are kept")
        settings.write_text("nick = 'grace'\n")
        server.signal(signal.SIGHUP)
        server.says_in_time(f"{settings} has changed; restart")
        peer.sendall(b'{"type":"ping","token":"still here"}\n')
        receive_until(peer, b"still here")
        server.signal(signal.SIGHUP)  # and again, as a service manager may
        server.signal(signal.SIGTERM)
        receive_until(peer, b'"type":"closing"')
        peer.close()
        code, _ = server.wait()
    assert code == 0


def test_a_hangup_while_it_drains_without_a_terminal_changes_nothing(transport: str) -> None:
    with (
        chat_server_in_session(_nothing, "--transport", transport) as server,
        hello(server) as sock,
    ):
        server.signal(signal.SIGTERM)
        receive_until(sock, b'"type":"closing"')
        server.signal(signal.SIGHUP)
        sock.close()
        code, errors = server.wait()
    assert code == 0
    assert "loaded again" not in errors


EARLY = """
import signal, sys
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "cli.app":
            signal.raise_signal(signal.SIGHUP)
sys.meta_path.insert(0, Slow())
from cli.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "in_terminal", "code"),
    [
        ("server --help", False, 0),
        ("--config /dev/null server --help", False, 0),
        ("server --help", True, -signal.SIGHUP),
        ("send server --help", False, -signal.SIGHUP),
    ],
)
def test_a_hangup_that_comes_before_anything_is_loaded_ends_no_server_without_a_terminal(
    arguments: str, in_terminal: bool, code: int
) -> None:
    with _terminal() as terminal:
        done = subprocess.run(
            [sys.executable, "-c", EARLY, *arguments.split()],
            start_new_session=True,
            preexec_fn=terminal if in_terminal else None,
            env=environment(),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == code, done.stderr
