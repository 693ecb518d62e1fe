"""The real commands, as processes."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO

from tests.cli.forks import CHAT, popen_of
from tests.transports.tls import ENCRYPTED

__all__ = [
    "CHAT",
    "DEADLINE",
    "ChatServer",
    "chat",
    "chat_server",
    "chat_server_in_session",
    "environment",
    "line_of",
    "rest_of",
    "spawn",
    "watched",
]

DEADLINE = 30.0


def environment(**more: str) -> dict[str, str]:
    """Return this environment without the variables that commands read.

    Messages are kept in memory, so that no test finds those of another one, or yours.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    return kept | {"CHAT_SERVER_JOURNAL": "memory"} | more


def chat(*args: str, stdin: str | bytes | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Without ``stdin``, its input is empty."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    argv, where = [CHAT, *args], environment(**env)
    pipe = subprocess.PIPE
    with popen_of(argv, where)(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=where) as process:
        try:
            output, errors = process.communicate(data or b"", timeout=DEADLINE)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(argv, process.returncode, output.decode(), errors.decode())


@contextlib.contextmanager
def spawn(*args: str, executed: bool = False, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command with pipes for its streams; it is killed at the end, and when it takes too long.

    It is a fork unless it has to be ``executed``, and then has arguments that the system knows.
    """
    with _started(args, env, executed=executed) as process, watched(process):
        yield process


@contextlib.contextmanager
def _started(
    args: Sequence[str],
    env: Mapping[str, str],
    begin_session: Callable[[], object] | None = None,
    *,
    executed: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    argv, where = [CHAT, *args], environment(**env)
    popen = subprocess.Popen if executed or begin_session else popen_of(argv, where)
    with popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=where,
        start_new_session=begin_session is not None,
        preexec_fn=begin_session,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                assert process.stdin is not None
                process.stdin.close()


@contextlib.contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a process that keeps a test waiting, or whose test fails: then whatever the test reads ends."""
    watchdog = threading.Timer(DEADLINE, process.kill)
    watchdog.start()
    try:
        yield
    except BaseException:
        process.kill()  # else nobody would, and its test would wait for its end
        raise
    finally:
        watchdog.cancel()
        watchdog.join()


class ChatServer:
    """A running ``chat server``: where it listens, and how to stop it."""

    def __init__(self, process: subprocess.Popen[str], urls: list[str]) -> None:
        self.process = process
        self.urls = urls

    @property
    def url(self) -> str:
        """The first address."""
        return self.urls[0]

    def port(self, index: int = 0) -> int:
        """The port of an address."""
        return _port_of(self.urls[index])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def says(self) -> str:
        """Return the next line of standard error; a server that says nothing is killed."""
        with watched(self.process):
            return line_of(self.process.stderr)

    def says_in_time(self, words: str) -> str:
        """Return the next line of standard error that has these words in it; there has to be one."""
        while words not in (line := self.says()):
            assert line, f"the server has ended without a line about {words!r}"
        return line

    def runs_on(self, for_seconds: float) -> bool:
        """Tell whether the server still runs after so many seconds."""
        try:
            self.process.wait(for_seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def wait(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and standard error."""
        _, errors = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, errors


def chat_server(
    *args: str, listens: tuple[str, ...] = ("chat://127.0.0.1:0",), **env: str
) -> AbstractContextManager[ChatServer]:
    """Start a server and wait until it listens."""
    return _serving(args, listens, env, None)


def chat_server_in_session(
    begin: Callable[[], object], *args: str, **env: str
) -> AbstractContextManager[ChatServer]:
    """Start a server in a session of its own, which has no terminal unless ``begin`` gives it one."""
    return _serving(args, ("chat://127.0.0.1:0",), env, begin)


@contextlib.contextmanager
def _serving(
    args: Sequence[str],
    listens: Sequence[str],
    env: Mapping[str, str],
    begin_session: Callable[[], object] | None,
) -> Iterator[ChatServer]:
    options = [option for url in listens for option in ("--listen", url)]
    with _started(["server", *options, *args], env, begin_session) as process:
        with watched(process):  # it may serve many tests after that, however long they take together
            addresses = [_address(line_of(process.stdout)) for _ in listens]
        ENCRYPTED.difference_update(map(_port_of, filter(_is_in_the_clear, addresses)))
        yield ChatServer(process, addresses)


def _port_of(url: str) -> int:
    """Return the port of an address."""
    return int(url.rpartition(":")[2])


def _is_in_the_clear(url: str) -> bool:
    """Tell whether nothing is encrypted at an address. An earlier server may have had its port, with TLS."""
    return not url.partition("://")[0].endswith("s")


def line_of(stream: IO[str] | None) -> str:
    """Return the next line of a process's output."""
    assert stream is not None
    return stream.readline()


def _address(line: str) -> str:
    assert line.startswith("listening on "), line
    return line.split()[2]


def rest_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a process whose input stays open; return the rest of its two outputs."""
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = process.stdout.read(), process.stderr.read()  # the latter is a line or two
    process.wait()
    return output, errors
