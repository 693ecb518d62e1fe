"""What do honest members feel of one address that does its worst? ``python -m benchmarks.attacks``

For each attack, in one run: the 99th percentile of an honest member's acks without it, with it, and the
ratio; and the same of the processor time that the server uses between a post and its ack. Of that it is the
median, which hardly depends on what else the machine does. Of several rounds, the median counts.

The server has its default limits. The honest member has another address than the attacker, which is a process
of its own with a low priority: on a network, it would have a processor of its own. Where keys are tried, the
server has accounts, and the honest member has one.
"""

import argparse
import contextlib
import json
import os
import secrets
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import WITHOUT_UVLOOP
from chatcore.accounts import Administration

__all__ = ["TRANSPORTS", "Ports", "main", "processor_time", "serving"]

HONEST, ATTACKER = "127.0.0.2", "127.0.0.1"
CONNECTIONS = 8
"""Connections of an attack that keeps them."""

MANY = 100
"""Connections of an attack that uses nearly all that its address may have."""

PLAIN_MEMBERS = 20
"""Members on the plain wire, for whom a text of line ends is large."""

PAUSE = 0.01
"""Seconds between two posts of the honest member."""

HAYSTACKS = 5
"""Long texts that each connection posts before it searches."""

START = time.time_ns()
"""What distinguishes the posts of one attack from those of another."""

POSTS = 450
"""Posts at most: as many as the allowance takes at any pace."""

CHAT = str(Path(sys.executable).with_name("chat"))
TRANSPORTS = {
    "asyncio, uvloop": [CHAT, "server"],
    "asyncio, standard loop": [sys.executable, "-c", WITHOUT_UVLOOP, "server"],
    "threaded": [CHAT, "server", "--transport", "threaded"],
}
"""How a server is started, by the name of what drives it."""


class Ports(NamedTuple):
    """Where a server listens, on each wire."""

    typed: int
    plain: int
    web: int


class Times(NamedTuple):
    """Seconds until an ack, and seconds of the server's processors until then."""

    wall: float
    processor: float


def line(type: str, **fields: object) -> bytes:
    """Return a frame of a client."""
    return json.dumps({"type": type, **fields}).encode() + b"\n"


def hello(nick: str, **shown: str) -> bytes:
    """Return the line that opens a session; a key and an invite may be shown."""
    return line("hello", protocol=1, nick=nick, **shown)


# --- the attacks ---------------------------------------------------------------------------------


def _flood(junk: bytes, *, says_hello: bool) -> Callable[[Ports, int], None]:
    """Return an attack that sends junk as fast as it is read, and reads nothing."""
    piece = junk * (64 * 1024 // len(junk))

    def attack(ports: Ports, number: int) -> None:
        with _connection(ports.typed) as sock:
            if says_hello:
                sock.sendall(hello(f"z{number}"))
            while True:
                sock.sendall(piece)

    return attack


def _join_and_leave(ports: Ports, number: int) -> None:
    """Ask for history and leave before it comes, with one connection after the other."""
    burst = (line("join", room="lobby", history=1000) + line("leave", room="lobby")) * 240
    with _connection(ports.typed) as sock:
        sock.sendall(hello(f"j{number}-{time.monotonic_ns() % 10**9}") + burst)


def _take_descriptors(ports: Ports, number: int) -> None:
    """Open connections until there is no room for more, and begin again."""
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(_connection(ports.typed))
        time.sleep(0.2)


def _post_line_ends(ports: Ports, number: int) -> None:
    """Post the text that is largest on the plain wire, as often as the allowance takes it."""
    with _connection(ports.typed) as sock:
        sock.sendall(hello("n" * 30 + str(number)) + line("join", room="lobby"))
        threading.Thread(target=_read_all, args=(sock,), daemon=True).start()
        for post in range(1_000_000):
            sock.sendall(line("post", room="lobby", id=f"{number}-{post}", text="\n" * 16_384))
            time.sleep(0.05)


def _come_and_go(ports: Ports, number: int) -> None:
    """Connect, send half a line, and break."""
    with _connection(ports.typed) as sock:
        sock.sendall(b'{"type":"' + b"x" * 60_000)
        _reset(sock)


def _reserve_nicks(ports: Ports, number: int) -> None:
    """Take a nick, and break: the nick stays reserved."""
    with _connection(ports.typed) as sock:
        sock.sendall(hello(f"r{number}-{time.monotonic_ns() % 10**12}"))
        sock.recv(100)
        _reset(sock)


def _try_keys(ports: Ports, number: int) -> None:
    """Try a key, and another one: a thousand a second together, if the server lets them."""
    began = time.monotonic()
    with contextlib.suppress(OSError), _connection(ports.typed) as sock:
        sock.sendall(hello("honest", key=secrets.token_urlsafe(32)))
        _read_all(sock)
    time.sleep(max(began + CONNECTIONS / 1_000 - time.monotonic(), 0.0))


def _repeat(
    frames: Callable[[int, int], bytes], pause: float, rooms: Sequence[str] = ("lobby",)
) -> Callable[[Ports, int], None]:
    """Return an attack by a member of rooms that sends frames again and again, and reads all answers."""

    def attack(ports: Ports, number: int) -> None:
        with _connection(ports.typed) as sock:
            sock.settimeout(None)
            threading.Thread(target=_read_all, args=(sock,), daemon=True).start()
            sock.sendall(hello(f"m{number}") + b"".join(line("join", room=room) for room in rooms))
            for turn in range(1_000_000):
                sock.sendall(frames(number, turn))
                time.sleep(pause)

    return attack


# --- of browsers ---------------------------------------------------------------------------------


def _request(name: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET /{name} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


UPGRADE = _request(
    "ws",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
LARGEST = "client-session.js"
"""One of the largest files of the page."""


def _frame(first: int, payload: bytes) -> bytes:
    """Return a frame of up to 125 bytes, masked by a key that changes nothing."""
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def _web_flood(junk: bytes, begins: bytes = b"") -> Callable[[Ports, int], None]:
    """Return an attack that sends frames as fast as they are read, and reads nothing."""
    piece = junk * (64 * 1024 // len(junk))

    def attack(ports: Ports, number: int) -> None:
        with _connection(ports.web) as sock:
            sock.sendall(UPGRADE + _frame(0x81, hello(f"w{number}").rstrip()) + begins)
            while True:
                sock.sendall(piece)

    return attack


def _ask(*requests: bytes) -> Callable[[Ports, int], None]:
    """Return an attack by connections, one after the other, that send something and read the answer."""

    def attack(ports: Ports, number: int) -> None:
        for request in requests:
            with _connection(ports.web) as sock:
                sock.sendall(request)
                _read_all(sock)

    return attack


def _ask_again(ports: Ports, number: int) -> None:
    """Ask for a file again and again on one connection, for as long as that is kept."""
    request = _request(LARGEST)
    with _connection(ports.web) as sock:
        threading.Thread(target=_read_all, args=(sock,), daemon=True).start()
        while True:
            sock.sendall(request * 100)


def _drip(ports: Ports, number: int) -> None:
    """Send a head byte by byte, without an end."""
    with _connection(ports.web) as sock:
        for at in range(1_000_000):
            sock.sendall(UPGRADE[at : at + 1] if at < 60 else b"x")
            time.sleep(0.01)


def _read_half(ports: Ports, number: int) -> None:
    """Ask for a file, read a little of it, and no more."""
    with _connection(ports.web) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.sendall(_request(LARGEST))
        sock.recv(1_000)
        time.sleep(2.0)


def _pages(number: int, turn: int) -> bytes:
    return line("history", room="lobby", limit=1000, token="t") * 10


def _room_lists(number: int, turn: int) -> bytes:
    return line("rooms", token="t") * 10


def _new_rooms(number: int, turn: int) -> bytes:
    return b"".join(line(type, room=f"r{number}-{turn}") for type in ("join", "leave"))


def _nicks(number: int, turn: int) -> bytes:
    return line("nick", nick=f"k{number}-{turn % 1000}")


def _members(number: int, turn: int) -> bytes:
    return line("who", room="lobby") * 10


def _searches(number: int, turn: int) -> bytes:
    """Post texts that have all words of a phrase and not the phrase, and then search that."""
    if turn < HAYSTACKS:
        return line("post", room="lobby", id=f"{START}-{number}-{turn}", text="hay stack " * 1_600)
    return line("search", query='"hay hay stack"', token="t") * 10


def _posts(size: int) -> Callable[[int, int], bytes]:
    return lambda number, turn: line("post", room="lobby", id=f"{START}-{number}-{turn}", text="x" * size)


ATTACKS: dict[str, tuple[int, Callable[[Ports, int], None]]] = {
    "1 blank lines, before hello": (CONNECTIONS, _flood(b"\n", says_hello=False)),
    "1 pongs": (CONNECTIONS, _flood(line("pong"), says_hello=True)),
    "1 lines that are not frames": (CONNECTIONS, _flood(b"x\n", says_hello=True)),
    "1 refused posts": (CONNECTIONS, _flood(line("post", room="x", id="a", text="a"), says_hello=True)),
    "2 joins that are left": (1, _join_and_leave),
    "4 descriptors": (1, _take_descriptors),
    "5 line ends on the plain wire": (1, _post_line_ends),
    "6 connections that come and go": (1, _come_and_go),
    "7 reserved nicks": (1, _reserve_nicks),
    "8 wrong keys": (CONNECTIONS, _try_keys),
    "w pings": (CONNECTIONS, _web_flood(_frame(0x89, b""))),
    "w parts of one byte": (CONNECTIONS, _web_flood(_frame(0x00, b"x"), _frame(0x01, b"x"))),
    "w a length of 2^63": (CONNECTIONS, _ask(UPGRADE + b"\x81\xff\x80" + bytes(11))),
    "w heads byte by byte": (MANY, _drip),
    "w requests for files": (CONNECTIONS, _ask(_request(LARGEST, "Connection: close"))),
    "w requests for files on kept connections": (CONNECTIONS, _ask_again),
    "w refused upgrades": (CONNECTIONS, _ask(UPGRADE.replace(b"\r\n", b"\r\nOrigin: http://x\r\n", 1))),
    "w files that are not read": (MANY, _read_half),
    "pages of history": (MANY, _repeat(_pages, 0.1)),
    "lists of rooms": (MANY, _repeat(_room_lists, 0.1)),
    "lists of members": (MANY, _repeat(_members, 0.1)),
    "searches": (MANY, _repeat(_searches, 0.1)),
    "new rooms": (MANY, _repeat(_new_rooms, 0.01)),
    "new nicks": (MANY, _repeat(_nicks, 0.05)),
    "new nicks in many rooms": (MANY, _repeat(_nicks, 0.05, [f"q{number}" for number in range(64)])),
    "short posts": (MANY, _repeat(_posts(10), 0.05)),
    "long posts": (MANY, _repeat(_posts(16_000), 0.05)),
}
"""By the name of what is attacked: how many do it together, each again and again, and what."""

NEED_ACCOUNTS = frozenset({"8 wrong keys"})
"""The attacks on a server with accounts."""


def _attack(name: str, ports: Ports) -> None:
    count, attack = ATTACKS[name]
    if hasattr(os, "nice"):
        os.nice(10)

    def run(number: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                attack(ports, number)

    for number in range(count - 1):
        threading.Thread(target=run, args=(number,), daemon=True).start()
    run(count)


def _connection(port: int, host: str = ATTACKER) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10, source_address=(host, 0))


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_all(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while sock.recv(1 << 20):
            pass


# --- the measurement -----------------------------------------------------------------------------


def main() -> int:
    """Measure, and print a table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long to measure each time (4)")
    parser.add_argument("--rounds", type=int, default=3, help="how often to measure each (3)")
    parser.add_argument("--only", default="", metavar="PREFIX", help="attacks that begin so, such as 1")
    parser.add_argument("--attack", nargs=4, metavar=("NAME", "PORT", "PORT", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        name, *ports = options.attack
        _attack(name, Ports(*map(int, ports)))
    print("| | attack | p99 ms | under attack | ratio | processor ms | under attack | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for transport in TRANSPORTS:
        for name in ATTACKS:
            if name.startswith(options.only):
                rounds = _measure(transport, name, options.seconds, options.rounds)
                print(f"| {transport} | {name} | {_row(rounds)} |", flush=True)
    return 0


def _row(rounds: Sequence[tuple[Times, Times]]) -> str:
    cells = []
    for which in range(2):
        without, attacked = (statistics.median(each[when][which] for each in rounds) for when in range(2))
        cells.append(f"{without * 1e3:.1f} | {attacked * 1e3:.1f} | {attacked / without:.1f}")
    return " | ".join(cells)


def _measure(transport: str, name: str, seconds: float, rounds: int) -> list[tuple[Times, Times]]:
    """Return for each round what acks took without an attack and with it."""
    measured = []
    with contextlib.ExitStack() as stack:
        options, shown = _account(stack) if name in NEED_ACCOUNTS else ([], {})
        pid, ports = stack.enter_context(serving(transport, options))
        stack.enter_context(_plain_members(ports))
        for number in range(rounds):
            without = _times(pid, ports, f"honest-before{number}", seconds, shown)
            with _attacked(name, ports):
                measured.append((without, _times(pid, ports, f"honest-after{number}", seconds, shown)))
    return measured


def _account(stack: contextlib.ExitStack) -> tuple[list[str], dict[str, str]]:
    """Make a file with one account; return the options of its server, and what proves the account."""
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "accounts.db"
    with Administration(path, by="benchmark", create=True) as administration:
        administration.add("honest", "member")
        invite = administration.invite(name="honest").secret
    assert invite is not None
    return ["--accounts", str(path)], {"key": secrets.token_urlsafe(32), "invite": invite}


@contextlib.contextmanager
def _attacked(name: str, ports: Ports) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.attacks", "--attack", name, *map(str, ports)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as attacker:
        try:
            time.sleep(3.0)  # what an allowance takes immediately is over by then
            yield
        finally:
            attacker.kill()


def _times(pid: int, ports: Ports, nick: str, seconds: float, shown: dict[str, str]) -> Times:
    with _connection(ports.typed, HONEST) as sock, sock.makefile("rb") as lines:
        sock.sendall(hello(nick, **shown) + line("join", room="lobby"))
        while b'"joined"' not in lines.readline():
            pass
        times: list[Times] = []
        end = time.monotonic() + seconds
        while len(times) < 2 or (time.monotonic() < end and len(times) < POSTS):
            processor, began = processor_time(pid), time.monotonic()
            sock.sendall(line("post", room="lobby", id=f"{nick}-{len(times)}", text="hi"))
            while b'"ack"' not in lines.readline():
                pass
            times.append(Times(time.monotonic() - began, processor_time(pid) - processor))
            time.sleep(PAUSE)
    wall = statistics.quantiles((each.wall for each in times), n=100)[98]
    return Times(wall, statistics.median(each.processor for each in times))


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process has used. Linux numbers its clock like this."""
    return time.clock_gettime(~pid << 3 | 2) if sys.platform == "linux" else 0.0


@contextlib.contextmanager
def serving(transport: str, options: Sequence[str] = (), scheme: str = "chat") -> Iterator[tuple[int, Ports]]:
    """Run a server with a journal and a home of its own; yield its process id and its ports."""
    with tempfile.TemporaryDirectory() as directory:
        urls = [f"{each}://127.0.0.1:0" for each in (scheme, "plain", "http")]
        where = [part for url in urls for part in ("--listen", url)]
        journal = f"sqlite:{directory}/journal.db?synchronous=NORMAL"  # else it is the disk that is measured
        command = [*TRANSPORTS[transport], *where, "--journal", journal, *options]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        home = {**os.environ, "XDG_DATA_HOME": directory}
        with subprocess.Popen(command, stdout=pipe, stderr=nowhere, text=True, env=home) as process:
            try:
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in where[::2]]
                yield process.pid, Ports(*(int(each.split()[2].rpartition(":")[2]) for each in lines))
            finally:
                process.terminate()


@contextlib.contextmanager
def _plain_members(ports: Ports) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(PLAIN_MEMBERS):
            sock = stack.enter_context(_connection(ports.plain, HONEST))
            sock.settimeout(None)
            threading.Thread(target=_read_all, args=(sock,), daemon=True).start()
        yield


if __name__ == "__main__":
    sys.exit(main())
