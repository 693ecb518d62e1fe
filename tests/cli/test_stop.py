"""A server that hangs, or has a bug where nobody expects one: signals end it, and its log says so."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.processes import DEADLINE, ChatServer, environment, line_of, watched
from tests.logged import events_in

PLANTED = """
import sys, threading
from cli.app import main
{plant}
sys.argv = ["chat", "server", "--listen", "chat://127.0.0.1:0", "--log-format", "json"]
main()
"""

HUNG_HUB = """
from cli.serving import Serving
ready = Serving.announce
def announce(serving, output):
    serving._hub.lock.acquire()
    ready(serving, output)
Serving.announce = announce
"""

HUNG_RELOAD = """
from cli.serving import Serving
def reload(*args):
    print("reloading", flush=True)
    threading.Event().wait()
Serving._reload = reload
"""

HUNG_START = """
from chatcore.journal.memory import MemoryJournal
def start(*args):
    print("listening on", flush=True)
    threading.Event().wait()
MemoryJournal.start = start
"""

FAILS = """
from cli.serving import Serving
def fail(*args):
    raise LookupError("a bug\\nin two lines")
Serving.{where} = fail
"""

IGNORED = """
from cli.serving import Serving
class Bug:
    def __del__(self):
        raise LookupError("a bug\\nin two lines")
Serving._reload = lambda *args: Bug() and None
"""


@contextmanager
def planted(plant: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a server with something wrong in it, in a session without a terminal."""
    with subprocess.Popen(
        [sys.executable, "-c", PLANTED.format(plant=plant)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            with watched(process):
                assert line_of(process.stdout).startswith("listening on")
                yield process
        finally:
            process.kill()


def ends_by_a_second_signal(process: "subprocess.Popen[str]") -> bool:
    """Send signals until one ends a server: the first is no second one, nor one that follows immediately."""
    for _ in range(int(DEADLINE / 0.1)):
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(0.1) == -signal.SIGTERM
        except subprocess.TimeoutExpired:
            pass
    return False


@pytest.mark.parametrize("plant", [HUNG_HUB, HUNG_START], ids=["hub", "start"])
def test_a_second_signal_ends_a_server_that_hangs(plant: str) -> None:
    with planted(plant) as process:
        assert ends_by_a_second_signal(process)


def test_a_second_signal_ends_a_server_whose_reload_hangs() -> None:
    with planted(HUNG_RELOAD) as process:
        process.send_signal(signal.SIGHUP)
        assert line_of(process.stdout) == "reloading\n"
        assert ends_by_a_second_signal(process)


@pytest.mark.parametrize(
    ("where", "number"), [("_reload", signal.SIGHUP), ("_close", signal.SIGTERM), ("_drain", signal.SIGTERM)]
)
def test_a_bug_in_a_reload_or_in_the_end_is_a_crash(where: str, number: signal.Signals) -> None:
    with planted(FAILS.format(where=where)) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE)
    logged = events_in(errors)
    assert process.returncode == 1
    assert logged.names.count("server.crashed") == 1
    assert logged.names[-1] == "server.stopped"
    assert ("server.draining" in logged.names) == (where != "_drain")
    assert r"LookupError: 'a bug\nin two lines'" in errors.replace(r"\\", "\\")


@pytest.mark.logs("exception.ignored")
def test_an_exception_that_nothing_can_take_is_an_event_and_ends_nothing() -> None:
    with planted(IGNORED) as process:
        process.send_signal(signal.SIGHUP)
        ignored = ChatServer(process, []).says_in_time("exception.ignored")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert events_in(ignored).events == [("exception.ignored", {})]
    assert json.loads(ignored)["exception"].endswith(r"LookupError: 'a bug\nin two lines'")
    assert events_in(errors).names[-1] == "server.stopped"
