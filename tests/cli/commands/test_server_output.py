"""A server serves on whatever happens to its output, and to the terminal that it was started in."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cli.console import LINES, Console
from tests.cli.processes import CHAT, DEADLINE, environment
from tests.ports import fixed_port
from tests.transports.peers import TypedPeer

STREAMS = ("stdout", "stderr")


@contextlib.contextmanager
def _no_reader() -> Iterator[int]:
    """Yield a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextlib.contextmanager
def _stuck_reader() -> Iterator[int]:
    """Yield a pipe that is full, whose reader reads nothing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 1024)
    os.set_blocking(writer, True)
    yield writer
    os.close(writer)
    os.close(reader)


@contextlib.contextmanager
def _full_disk() -> Iterator[int]:
    """Yield a file to which nothing can be written."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no full device")
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@contextlib.contextmanager
def _gone_terminal() -> Iterator[int]:
    """Yield a terminal whose window was closed."""
    window, terminal = os.openpty()
    os.close(window)
    yield terminal
    os.close(terminal)


BROKEN = {"no reader": _no_reader, "stuck": _stuck_reader, "full": _full_disk, "terminal": _gone_terminal}


@contextlib.contextmanager
def _server(
    port: int, before: Callable[[], object] | None = None, *, streams: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """Run a server; yield the first line of the first stream that is not given, and the process's number."""
    command = [CHAT, "server", "--listen", f"chat://127.0.0.1:{port}"]
    options: dict[str, int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    with subprocess.Popen(command, env=environment(), preexec_fn=before, **options) as process:  # type: ignore[call-overload]  # both overloads, by streams
        try:
            stream = process.stdout or process.stderr
            assert select.select([stream], [], [], DEADLINE)[0]
            yield stream.readline().decode(), process.pid
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


def _assert_serves(port: int) -> None:
    with TypedPeer(port, "ann", "lobby") as ann:
        assert ann.who() == ("ann",)


@pytest.mark.parametrize("state", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_server_serves_whatever_happens_to_its_output(
    stream: str, state: Callable[[], contextlib.AbstractContextManager[int]]
) -> None:
    port = fixed_port()
    with state() as descriptor, _server(port, streams={stream: descriptor}) as (line, _):
        assert ("messages are kept" if stream == "stdout" else "listening on") in line
        _assert_serves(port)


def _close(*descriptors: int) -> Callable[[], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("missing", [(0,), (1,), (2,), (0, 1), (0, 2)], ids=str)
def test_a_server_that_lacks_a_standard_stream_serves(missing: tuple[int, ...]) -> None:
    port = fixed_port()
    streams = {"stdout": subprocess.DEVNULL} if 1 in missing else {}  # the line comes on the other
    with contextlib.ExitStack() as stack:
        _, pid = stack.enter_context(_server(port, _close(*missing), streams=streams))
        _assert_serves(port)
        for descriptor in missing if Path("/proc/self/fd").is_dir() else ():
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            assert not target.startswith(("socket:", "anon_inode:")), f"{descriptor} is {target}"


def test_a_console_that_nobody_reads_holds_up_nobody() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as everything:
        with os.fdopen(writer, "w") as stream:
            console = Console(stream)
            for _ in range(3 * LINES):
                console.say("x" * 999)
            console.close()  # after a moment, whatever is left
        written = everything.read()
    assert 0 < len(written) <= LINES * 1_000
    assert set(written.splitlines()) == {b"x" * 999}


def test_a_console_writes_all_lines_in_order_before_it_is_closed(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(sys.stdout)
    for number in range(LINES // 2):
        console.say(f"line {number}")
    console.close()
    console.close()
    assert capfd.readouterr().out.splitlines() == [f"line {number}" for number in range(LINES // 2)]


def test_a_console_replaces_what_a_terminal_would_obey(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(sys.stderr)
    console.say("\x1b[2Jred\rblue\nü\u202e")
    console.close()
    assert capfd.readouterr().err == "?[2Jred?blue\nü?\n"
