"""``chat server`` with sockets that something else has bound, as systemd does for a ``.socket`` unit."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import UsageError
from cli.handed_over import HandedOver
from tests.cli.processes import CHAT, DEADLINE, environment, line_of, watched
from tests.ports import fixed_port
from tests.transports.peers import TypedPeer

BEGIN = """
import fcntl, os, sys
given = [int(each) for each in sys.argv[1].split(",")]
sockets = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 100) for each in given]
for each in given:
    os.close(each)
for number, each in enumerate(sockets):
    os.dup2(each, 3 + number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""

OPEN = ("--open",)


@contextlib.contextmanager
def listener(family: socket.AddressFamily, host: str, port: int = 0, *, both: bool = False) -> Iterator[int]:
    """A socket that listens; yields its descriptor."""
    with socket.socket(family) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        sock.bind((host, port))
        sock.listen()
        yield sock.fileno()


def port_of(descriptor: int) -> int:
    """Return the port that a socket is bound to."""
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def started(sockets: Sequence[int], *args: str, names: str = "") -> Iterator["subprocess.Popen[str]"]:
    """Start a server that gets these sockets."""
    handed = ",".join(map(str, sockets))
    variables = environment(LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=names)
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN, handed, CHAT, "server", *args],
        pass_fds=sockets,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with watched(process):
                yield process
        finally:
            process.kill()


def open_files(process: int) -> set[str]:
    """Return what a process has open."""
    found = set[str]()
    for each in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it is closed meanwhile
            found.add(str(each.readlink()))
    return found


def refused(sockets: Sequence[int], *args: str) -> str:
    """Start a server that does not start, because of its options; return what it says."""
    with started(sockets, *args) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, output, errors.count("\n")) == (2, "", 1), errors
    return errors


@pytest.mark.parametrize("transport", ["asyncio", "threaded"])
def test_a_socket_serves_the_address_that_it_is_bound_to(transport: str) -> None:
    with listener(socket.AF_INET, "127.0.0.1") as handed:
        port = port_of(handed)
        url = f"chat://127.0.0.1:{port}"
        other = f"chat://127.0.0.1:{fixed_port()}"
        options = ("--transport", transport, "--listen", url, "--listen", other, *OPEN)
        with started([handed], *options) as process:
            assert line_of(process.stdout).startswith(f"listening on {url} ")
            assert line_of(process.stdout).startswith(f"listening on {other} ")
            with TypedPeer(port, "ann", "lobby") as ann:
                assert ann.who() == ("ann",)
            process.terminate()
            assert process.wait(DEADLINE) == 0
        assert port_of(handed) == port
        with closing(socket.create_connection(("127.0.0.1", port))):  # it waits for the next server
            pass


def test_what_no_option_names_is_closed_and_said() -> None:
    with (
        listener(socket.AF_INET, "127.0.0.1") as handed,
        started([handed], "--listen", "chat://127.0.0.1:0", names="chat.socket") as process,
    ):
        where = f"127.0.0.1:{port_of(handed)} (chat.socket)"
        assert f"the socket {where} was handed over, and no --listen names it" in line_of(process.stderr)
        assert f"socket:[{os.fstat(handed).st_ino}]" not in open_files(process.pid)
        assert line_of(process.stdout).startswith("listening on chat://127.0.0.1:")


def test_a_socket_on_loopback_needs_accounts_or_open() -> None:
    with listener(socket.AF_INET, "127.0.0.1") as handed:
        url = f"chat://127.0.0.1:{port_of(handed)}"
        errors = refused([handed], "--listen", url)
    assert f"anyone who can reach {url} could join; add --accounts PATH" in errors


def test_a_socket_for_both_kinds_of_addresses_serves_both() -> None:
    with listener(socket.AF_INET6, "::", both=True) as handed:
        port = port_of(handed)
        options = ("--listen", f"chat://[::]:{port}", "--insecure", *OPEN)
        with started([handed], *options) as process:
            assert line_of(process.stdout).startswith(f"listening on chat://[::]:{port} ")
            with TypedPeer(port, "ann", "lobby") as ann, TypedPeer(port, "bob", "lobby", host="::1") as bob:
                assert ann.who() == bob.who() == ("ann", "bob")


def test_such_a_socket_is_in_the_way_of_ipv4_alone() -> None:
    with listener(socket.AF_INET6, "::", both=True) as handed:
        port = port_of(handed)
        errors = refused([handed], "--listen", f"chats://0.0.0.0:{port}", *OPEN, "--cert", "auto")
    assert f"nothing else can listen on chats://0.0.0.0:{port}; name chats://[::]:{port} alone" in errors


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], str]:
    """Returns why a descriptor is refused that is handed over under a name."""

    def hand_over(descriptor: int, name: str) -> str:
        handed = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100)
        monkeypatch.setattr("cli.handed_over.FIRST", handed)
        variables = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": name}
        try:
            with pytest.raises(UsageError) as refused:
                HandedOver.from_environment(variables)
        finally:
            os.close(handed)
        return str(refused.value).replace(f"descriptor {handed} ", "")

    return hand_over


def test_what_is_no_listening_tcp_socket_is_refused(refusal: Callable[[int, str], str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        why = refusal(datagrams.fileno(), "news")
        assert why == "the (news) that was handed over is no TCP socket; use ListenStream= in its unit"
    with socket.socket(socket.AF_UNIX) as local:
        assert "is no TCP socket; give ListenStream= a port" in refusal(local.fileno(), "")
    with (
        listener(socket.AF_INET, "127.0.0.1") as handed,
        closing(socket.create_connection(("127.0.0.1", port_of(handed)))) as peer,
    ):
        assert "is a single connection; use Accept=no" in refusal(peer.fileno(), "chat.socket")
    with tempfile.TemporaryFile() as file:
        assert "that was handed over is no socket: " in refusal(file.fileno(), "")


@pytest.mark.logs("listener.unused")
def test_what_is_left_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener(socket.AF_INET6, "::1") as handed:
        monkeypatch.setattr("cli.handed_over.FIRST", fcntl.fcntl(handed, fcntl.F_DUPFD, 100))
        handed_over = HandedOver.from_environment({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
        census = len(os.listdir("/proc/self/fd"))
        assert handed_over.take("chat://[::1]:1", ["::1"], 1) == {}
        handed_over.close_rest()
        assert len(os.listdir("/proc/self/fd")) == census - 1
        handed_over.close_rest()


def test_the_environment_of_another_process_is_not_ours() -> None:
    variables = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "LISTEN_PIDFDID": "2", "A": "b"}
    handed_over = HandedOver.from_environment(variables)
    assert variables == {"A": "b"}
    assert handed_over.take("chat://127.0.0.1:7024", ["127.0.0.1"], 7024) == {}


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    variables = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "5000"}
    with pytest.raises(UsageError, match=r"the descriptor \d+ that was handed over is no socket"):
        HandedOver.from_environment(variables)


def test_systemd_hands_over_a_socket() -> None:
    program = shutil.which("systemd-socket-activate")
    if program is None:
        assert not os.environ.get("CI")
        pytest.skip("there is no systemd here")
    url = f"chat://127.0.0.1:{(port := fixed_port())}"
    command = [program, "-l", f"127.0.0.1:{port}", "--fdname=chat.socket", CHAT, "server", "--listen", url]
    with subprocess.Popen(
        [*command, *OPEN],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with watched(process):
                assert "Listening on" in line_of(process.stderr)
                with TypedPeer(port, "ann", "lobby") as ann:
                    assert ann.who() == ("ann",)
                process.terminate()
                assert process.wait(DEADLINE) == 0
        finally:
            process.kill()
