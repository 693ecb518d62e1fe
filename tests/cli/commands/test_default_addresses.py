"""``chat server`` without ``--listen``: for clients and for browsers, and without these if it has to.

The servers here have two other addresses as their default: those of the product are the whole machine's.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from cli.settings.addresses import DEFAULT_URLS
from tests.cli.conftest import Inside
from tests.cli.processes import DEADLINE, environment, line_of, watched
from tests.logged import events_in
from tests.ports import fixed_port
from tests.transports.web import ask_for
from transports.threaded_tcp import connect

RUN = """
import sys
import cli.commands.server as server
server.DEFAULT_URLS = tuple(sys.argv.pop(1).split())
from cli.__main__ import main
sys.argv[0] = "chat"
main()
"""


@pytest.fixture
def ports() -> tuple[int, int]:
    """The ports for clients and for browsers."""
    return fixed_port(), fixed_port()


@contextmanager
def started(ports: tuple[int, int], *args: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a server that is not told where to listen."""
    urls = f"chat://127.0.0.1:{ports[0]} http://127.0.0.1:{ports[1]}"
    with subprocess.Popen(
        [sys.executable, "-c", RUN, urls, "server", *args],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with watched(process):
                yield process
        finally:
            process.kill()


def taken(port: int, stack: ExitStack) -> None:
    """Have another program listen at a port."""
    stack.enter_context(socket.create_server(("127.0.0.1", port)))


def test_the_default_addresses_are_this_machines_alone() -> None:
    assert DEFAULT_URLS == ("chat://127.0.0.1:7024", "http://127.0.0.1:8024")


def test_clients_and_browsers_are_served(ports: tuple[int, int]) -> None:
    with started(ports) as process:
        lines = [line_of(process.stdout) for _ in ports]
        assert lines == [
            f"listening on chat://127.0.0.1:{ports[0]} (asyncio)\n",
            f"listening on http://127.0.0.1:{ports[1]} (asyncio): open it in a browser\n",
        ]
        assert b"<!doctype html>" in ask_for(ports[1], "/")[2].lower()
        with connect(f"chat://127.0.0.1:{ports[0]}", nick="ada"):
            pass


@pytest.mark.logs("listener.left_out")
def test_where_only_the_port_for_browsers_is_taken_clients_are_served(ports: tuple[int, int]) -> None:
    with ExitStack() as stack:
        taken(ports[1], stack)
        with started(ports, "--transport", "threaded", "--log-format", "json") as process:
            assert line_of(process.stdout) == f"listening on chat://127.0.0.1:{ports[0]} (threaded)\n"
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, output) == (0, "")
    (left_out,) = [fields for name, fields in events_in(errors).events if name == "listener.left_out"]
    assert left_out["url"] == f"http://127.0.0.1:{ports[1]}"


@pytest.mark.parametrize("both", [True, False])
def test_where_the_port_for_clients_is_taken_the_server_does_not_start(
    ports: tuple[int, int], both: bool
) -> None:
    with ExitStack() as stack:
        for port in ports if both else ports[:1]:
            taken(port, stack)
        with started(ports) as process:
            output, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, output, errors.count("\n")) == (1, "", 1)
    assert f"cannot listen on chat://127.0.0.1:{ports[0]}: " in errors


def test_a_page_that_was_asked_for_is_needed(inside: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        done = inside("server", "--journal", "memory", "--listen", "chat://127.0.0.1:0", "--listen", url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"cannot listen on {url}: " in done.stderr


def test_whoever_trusts_a_proxy_asks_for_the_page(ports: tuple[int, int]) -> None:
    with ExitStack() as stack:
        taken(ports[1], stack)
        with started(ports, "--trust-proxy", "127.0.0.1", "--open") as process:
            _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert f"cannot listen on http://127.0.0.1:{ports[1]}: " in errors
