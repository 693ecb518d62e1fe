"""What ``chat server`` tells systemd, and that a watchdog hears nothing of a server that hangs."""

import contextlib
import os
import queue
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from chatcore import Hub
from chatcore.server.session import Session
from chatcore.transport import Listen, Transport
from cli.systemd import Systemd
from tests.cli.commands.hello import hello
from tests.cli.manager import manager
from tests.cli.processes import DEADLINE, chat_server, chat_server_in_session
from tests.logged import events_in
from tests.transports.peers import TypedPeer
from transports.asyncio_tcp import AsyncioTransport
from transports.threaded_tcp import ThreadedTransport

TRANSPORTS: dict[str, Transport] = {"asyncio": AsyncioTransport(), "threaded": ThreadedTransport()}


@pytest.fixture(params=["path", "name"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a manager listens: a path, or an abstract name."""
    return (
        str(tmp_path / "notify") if request.param == "path" else f"@chat-{os.getpid()}-{time.monotonic_ns()}"
    )


def test_a_manager_hears_of_the_start_a_reload_and_the_end(address: str) -> None:
    with manager(address) as systemd, chat_server_in_session(lambda: None, NOTIFY_SOCKET=address) as server:
        status = f"listening on {server.url}"
        assert systemd.hear() == {"READY": "1", "STATUS": status}
        before = time.monotonic_ns() // 1_000
        server.signal(signal.SIGHUP)
        reloading = systemd.hear()
        assert before <= int(reloading.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1_000
        assert reloading == {"RELOADING": "1", "STATUS": "loading files again"}
        assert systemd.hear() == {"READY": "1", "STATUS": status}
        server.signal(signal.SIGTERM)
        assert systemd.hear() == {"STOPPING": "1", "STATUS": "answering what is left"}
        code, errors = server.wait()
    assert (code, errors.count("NOTIFY_SOCKET")) == (0, 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_watchdog_hears_from_the_start_to_the_end_of_the_drain(transport: str, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with (
        manager(path) as systemd,
        chat_server("--transport", transport, NOTIFY_SOCKET=path, WATCHDOG_USEC="20000") as server,
    ):
        assert "READY" in systemd.hear()
        for _ in range(3):
            assert systemd.hear() == {"WATCHDOG": "1"}
        with hello(server):
            assert systemd.hear() == {"WATCHDOG": "1"}
            server.signal(signal.SIGTERM)
            assert "STOPPING" in systemd.hear_other(than="WATCHDOG")
            assert systemd.hear() == {"WATCHDOG": "1"}  # while the peer has not left
        assert server.wait()[0] == 0


@pytest.mark.logs("systemd.unreachable")
def test_a_server_whose_manager_is_gone_runs_and_says_so_once(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    options = ("--log-level", "warning", "--log-format", "json")
    quiet = chat_server(*options, NOTIFY_SOCKET=gone, WATCHDOG_USEC="20000")
    with quiet as server, hello(server):
        said = server.says()
        server.signal(signal.SIGTERM)
        code, errors = server.wait()
    assert (code, errors) == (0, "")
    assert events_in(said).events == [("systemd.unreachable", {"error": "No such file or directory"})]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_watchdog_hears_nothing_of_a_server_that_hangs(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    hangs, go_on = threading.Event(), threading.Event()
    answers: queue.Queue[bool] = queue.Queue()
    working = Session.data_to_send

    def hang(session: Session) -> bytes:
        hangs.set()
        go_on.wait(DEADLINE)
        return working(session)

    def is_alive(_: float) -> bool:
        answers.put(answer := hub.is_alive(0.01))
        return answer

    with Hub() as hub, manager(path) as systemd:
        server = TRANSPORTS[transport].start(hub, [Listen.parse("chat://127.0.0.1:0")])
        with TypedPeer(server.listening[0].port, "ann") as ann, Systemd(path, 0.02).watching(is_alive):
            assert systemd.hear() == {"WATCHDOG": "1"}
            monkeypatch.setattr(Session, "data_to_send", hang)
            ann.ask("ping")
            assert hangs.wait(DEADLINE)
            _forget(answers)  # on a busy machine some were late before it hung
            _wait_for(answers, 2, answer=False)
            systemd.forget()
            _wait_for(answers, 2, answer=False)
            assert systemd.forget() == 0
            go_on.set()
            assert systemd.hear() == {"WATCHDOG": "1"}
        server.close()


def _forget(answers: "queue.Queue[bool]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            answers.get_nowait()


def _wait_for(answers: "queue.Queue[bool]", times: int, *, answer: bool) -> None:
    while times:
        times -= answers.get(timeout=DEADLINE) is answer


def test_a_server_has_half_of_the_time_of_the_watchdog(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    asked: queue.Queue[float] = queue.Queue()

    def is_alive(seconds: float) -> bool:
        asked.put(seconds)
        return True

    with manager(path) as systemd, Systemd(path, 0.1).watching(is_alive):
        assert systemd.hear() == systemd.hear() == {"WATCHDOG": "1"}
    assert [asked.get_nowait() for _ in range(2)] == [0.05, 0.05]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"WATCHDOG_USEC": "20000"}, True),
        ({"WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "0"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({"WATCHDOG_USEC": "9" * 400}, False),
        ({"WATCHDOG_USEC": "9" * 5_000}, False),
        ({"WATCHDOG_USEC": "\u0663"}, False),
        ({}, False),
    ],
)
def test_the_environment_says_whether_there_is_a_watchdog(
    tmp_path: Path, variables: dict[str, str], told: bool
) -> None:
    path = str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": path, **variables, "OTHER": "stays"}
    systemd = Systemd.from_environment(environment)
    assert environment == {"OTHER": "stays"}
    asked = threading.Event()

    def is_alive(_: float) -> bool:
        asked.set()
        return True

    with manager(path) as listening, systemd.watching(is_alive):
        if told:
            assert listening.hear() == {"WATCHDOG": "1"}
        assert any(each.name == "chat-watchdog" for each in threading.enumerate()) == told
    assert asked.is_set() == told


def test_without_a_manager_nothing_is_told_and_no_thread_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*_: object) -> socket.socket:
        raise AssertionError("a socket")

    systemd = Systemd.from_environment({"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "20000"})
    monkeypatch.setattr("socket.socket", no_socket)
    systemd.ready("up")
    with systemd.watching(lambda _: True), systemd.reloading():
        assert all(each.name != "chat-watchdog" for each in threading.enumerate())
    systemd.stopping()


def test_a_status_is_one_line(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with manager(path) as systemd:
        Systemd(path).ready("one\nSTOPPING=1")
        assert systemd.hear() == {"READY": "1", "STATUS": "one STOPPING=1"}


def fill(path: str) -> None:
    """Leave a manager no room for a datagram."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(BlockingIOError):
        sock.setblocking(False)
        while True:
            sock.sendto(b"FULL=1", path)


@pytest.mark.parametrize("watchdog", [None, 0.02])
def test_states_that_a_full_manager_did_not_take_are_told_again(
    tmp_path: Path, watchdog: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.systemd.SECONDS", 0.02)
    path = str(tmp_path / "notify")
    systemd = Systemd(path, watchdog)
    with manager(path) as listening:
        fill(path)
        systemd.ready("up")
        with systemd.watching(lambda _: True):
            with systemd.reloading():
                pass
            while "RELOADING" not in listening.hear():
                pass
            assert listening.hear_other(than="WATCHDOG") == {"READY": "1", "STATUS": "up"}


def test_what_a_manager_that_is_gone_was_not_told_costs_no_thread_after_the_end(tmp_path: Path) -> None:
    systemd, before = Systemd(str(tmp_path / "gone")), set(threading.enumerate())
    with systemd.watching(lambda _: True):
        systemd.ready("up")
        (again,) = [each for each in set(threading.enumerate()) - before if each.name == "chat-notify"]
    again.join(DEADLINE)
    assert not again.is_alive()
