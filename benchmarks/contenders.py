"""The servers that are measured: ours in its variants, the floor, and peers where they are installed."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from benchmarks.tools import Tools, Unable

__all__ = [
    "ASYNCIO",
    "COMPILED",
    "FLOOR",
    "OURS",
    "PEERS",
    "THREADED",
    "UVLOOP",
    "Contender",
    "Ours",
    "Running",
]

DEADLINE = 20.0
STOPPING = 2.0
"""Seconds in which a server may end in order: what is kept is synced, so killing it loses nothing."""

LIMITS = (
    "connections",
    "connections_per_address",
    "frames_per_second",
    "members_per_room",
    "new_rooms_per_minute",
    "rooms",
    "rooms_per_session",
)

# The loop of the standard library is what the server takes where there is no uvloop.
WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; from cli.app import main; main()"


class Running(NamedTuple):
    """A server that accepts connections on 127.0.0.1."""

    port: int
    pid: int


@dataclass(frozen=True)
class Contender:
    """A server of others, or the floor. ``program`` is what has to be installed."""

    name: str
    dialect: str
    program: str
    command: Callable[[Path, int], Sequence[str | Path]]

    @property
    def posters_hear(self) -> bool:
        """Whether those who post are members as well."""
        return self.dialect not in ("redis", "nats")

    def check(self) -> None:
        """Raise `Unable` if it cannot be started here."""
        if not _program(self.program):
            raise Unable(f"{self.program} is not installed")

    @contextlib.contextmanager
    def serving(self, tools: Tools) -> Iterator[Running]:
        """Run the server."""
        with tempfile.TemporaryDirectory() as home:
            port = _free_port()
            program = str(tools.floor) if self.program == "floor" else str(_program(self.program))
            with _process([program, *map(str, self.command(Path(home), port))]) as process:
                _wait_for(port, process)
                yield Running(port, process.pid)


@dataclass(frozen=True)
class Ours:
    """Our own server."""

    name: str
    transport: str = "asyncio"
    uvloop: bool = False
    python: str = sys.executable
    journal: str = "memory"
    syncs: Path | None = None
    dialect: str = "chat"
    posters_hear: bool = True
    encrypted: bool = False
    for_browsers: bool = False

    def check(self) -> None:
        """Raise `Unable` if it cannot be started here."""
        if not Path(self.python).exists():
            raise Unable("there is no compiled build; run: make compiled")
        if self.uvloop and importlib.util.find_spec("uvloop") is None:
            raise Unable("uvloop is not installed")

    def keeping(self, path: Path, syncs: Path | None = None) -> "Ours":
        """Return the same with a journal in a file; ``syncs`` is where its syncs are counted."""
        return replace(self, journal=f"sqlite:{path}", syncs=syncs)

    def over_tls(self) -> "Ours":
        """Return the same with TLS."""
        return replace(self, name=f"{self.name}, TLS", encrypted=True)

    def over_websockets(self) -> "Ours":
        """Return the same for browsers."""
        return replace(self, name=f"{self.name}, WebSocket", for_browsers=True)

    def command(self) -> list[str]:
        """Return how it is started, on any free port."""
        scheme = "http" if self.for_browsers else "chat"
        chat = [str(Path(self.python).with_name("chat"))]
        if self.transport == "asyncio" and not self.uvloop:
            chat = [self.python, "-c", WITHOUT_UVLOOP]
        limits = [part for name in LIMITS for part in ("--limit", f"{name}=none")]
        listen = ["--listen", "chats://127.0.0.1:0", "--cert", "auto"] if self.encrypted else []
        where = ["--transport", self.transport, "--journal", self.journal]
        return [*chat, "server", *where, *(listen or ["--listen", f"{scheme}://127.0.0.1:0"]), *limits]

    @contextlib.contextmanager
    def serving(self, tools: Tools) -> Iterator[Running]:
        """Run the server."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
        if self.syncs is not None:
            self.syncs.write_bytes(bytes(16))
            env |= {"LD_PRELOAD": str(tools.syncs), "SYNCS": str(self.syncs)}
        with (
            tempfile.TemporaryDirectory() as home,
            _process(
                self.command(),
                {**env, "XDG_DATA_HOME": home},  # where the certificate is made
            ) as process,
        ):
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            if not line.startswith("listening on "):
                raise Unable(f"the server did not start: {line!r}")
            yield Running(int(line.split()[2].rpartition(":")[2]), process.pid)


def _program(name: str) -> str | None:
    """Find a program, where Debian and where a wheel has put it."""
    if name == "floor":
        return name
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(Path(sys.executable).parent)])
    return shutil.which(name, path=places)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def _process(command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Unable("it did not start")


# --- how the others are started: without their protection against floods -----------------------------


def _floor(home: Path, port: int) -> Sequence[str]:
    return [str(port)]


def _redis(home: Path, port: int) -> Sequence[str]:
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(home)]
    return [*where, "--save", "", "--appendonly", "no", "--maxclients", "12000", "--tcp-backlog", "4096"]


def _nats(home: Path, port: int) -> Sequence[str | Path]:
    config = home / "nats.conf"
    config.write_text(f"host: 127.0.0.1\nport: {port}\nmax_connections: 65536\n")
    return ["-c", config]


def _inspircd(home: Path, port: int) -> Sequence[str | Path]:
    config = home / "inspircd.conf"
    config.write_text(
        '<server name="irc.local" description="bench" network="bench">\n'
        '<admin name="a" nick="a" email="a@localhost">\n'
        f'<bind address="127.0.0.1" port="{port}" type="clients">\n'
        '<connect name="all" allow="*" pingfreq="10m" recvq="65536" softsendq="8388608" hardsendq="8388608"'
        ' localmax="65536" globalmax="65536" limit="65536" threshold="65536" commandrate="1000000000"'
        ' fakelag="no" resolvehostnames="no" useident="no" useconnflood="no" maxconnwarn="no">\n'
        '<performance netbuffersize="65534" somaxconn="4096" softlimit="65536">\n'
        f'<pid file="{home}/pid">\n<path datadir="{home}" logdir="{home}" runtimedir="{home}">\n'
    )
    return ["--nofork", "--runasroot", "--config", config]


def _ngircd(home: Path, port: int) -> Sequence[str | Path]:
    home.chmod(0o755)  # it drops its privileges
    config = home / "ngircd.conf"
    config.write_text(
        "[Global]\nName = irc.local\nInfo = bench\nMotdPhrase = bench\nListen = 127.0.0.1\n"
        f"Ports = {port}\nServerUID = nobody\nServerGID = nogroup\n"
        "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0\n"
        "PingTimeout = 900\nPongTimeout = 900\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\nSyslog = no\n"
    )
    return ["-n", "-f", config]


UVLOOP = Ours("asyncio, uvloop", uvloop=True)
ASYNCIO = Ours("asyncio, standard loop")
THREADED = Ours("threaded", transport="threaded")
OURS = (UVLOOP, ASYNCIO, THREADED)

_COMPILED_PYTHON = f"{sys.prefix.removesuffix('-bench')}-compiled/bin/python"
COMPILED = tuple(replace(ours, name=f"{ours.name}, compiled", python=_COMPILED_PYTHON) for ours in OURS)

FLOOR = Contender("floor", "lines", "floor", _floor)
PEERS = (
    Contender("Redis pub/sub", "redis", "redis-server", _redis),
    Contender("NATS", "nats", "nats-server", _nats),
    Contender("ngIRCd", "irc", "ngircd", _ngircd),
    Contender("InspIRCd", "irc", "inspircd", _inspircd),
)
