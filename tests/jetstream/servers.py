"""Real NATS servers on loopback, each a process with a folder of its own, that tests kill and stop."""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nats
import pytest

from tests.pausing import pause
from tests.ports import fixed_port
from transports.jetstream import JetStreamLog, Servers, Stream

__all__ = ["NatsServer", "NatsServers", "SharedLog", "ask", "nats_server_program", "wait_until_whole"]

DEADLINE = 20.0

_CONFIG = """
server_name: {name}
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
max_payload: {max_payload}
jetstream {{ store_dir: "{directory}", max_file_store: {max_file}, sync_interval: {sync} }}
{extra}
"""

_CLUSTER = """
cluster {{ name: chat, listen: "127.0.0.1:{route}", no_advertise: true, routes: [{routes}] }}
"""

_numbers = itertools.count()


def nats_server_program() -> str:
    """Return the program; skips the test, or fails in CI, if there is none."""
    found = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("nats-server is not installed")
        pytest.skip("nats-server is not installed")
    return found


class NatsServer:
    """One server. It can be started again, with what it has stored."""

    def __init__(self, name: str, directory: Path, config: str, port: int, monitor: int) -> None:
        self.name = name
        self.directory = directory
        self.port = port
        self.monitor = f"http://127.0.0.1:{monitor}"
        self._config = directory / "nats.conf"
        directory.mkdir(parents=True)
        self._config.write_text(config)
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where clients connect, as ``HOST:PORT``."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; returns when it listens."""
        self._said.clear()
        self._process = subprocess.Popen(
            [nats_server_program(), "-c", self._config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._thread.start()
        self.wait_for("Server is ready")

    def wait_for(self, words: str) -> None:
        """Wait until it has logged some words since it was started."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(words in line for line in self._said), DEADLINE), (
                self._said
            )

    def kill(self) -> None:
        """Kill it by ``kill -9``."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Have it stop cleanly."""
        self._end(signal.SIGTERM)

    def configure(self, before: str, after: str) -> None:
        """Have it load its configuration again, with something else in it; returns when that is done."""
        self._config.write_text(self._config.read_text().replace(before, after))
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        self.wait_for("Reloaded server configuration")

    def pause(self) -> None:
        """Have it stand still, with its connections."""
        assert self._process is not None
        pause(self._process)

    def resume(self) -> None:
        """Have it continue after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            process.wait(DEADLINE)
            assert self._thread is not None
            self._thread.join(DEADLINE)

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                with self._changed:
                    self._said.append(line.rstrip())
                    self._changed.notify_all()


def _directly(here: int, there: int, port: int) -> int:
    return port


class NatsServers:
    """Some servers that make a cluster, or one alone. ``extra`` is more configuration for each.

    ``way`` tells by which port one reaches another, both by their numbers, that listens at a port.
    """

    def __init__(
        self,
        directory: Path,
        count: int = 1,
        extra: str = "",
        max_file: str = "64GB",
        max_payload: str = "4MB",
        sync: str = "always",
        way: Callable[[int, int, int], int] = _directly,
    ) -> None:
        ports = [(fixed_port(), fixed_port(), fixed_port()) for _ in range(count)]
        self.count = count
        self.servers: list[NatsServer] = []
        for n, (port, monitor, route) in enumerate(ports):
            config = _CONFIG.format(
                name=f"n{n}",
                port=port,
                monitor=monitor,
                directory=directory / f"n{n}" / "store",
                max_file=max_file,
                max_payload=max_payload,
                sync=sync,
                extra=extra,
            )
            if count > 1:
                others = ((there, port) for there, (_, _, port) in enumerate(ports) if there != n)
                routes = ", ".join(f'"nats://127.0.0.1:{way(n, *other)}"' for other in others)
                config += _CLUSTER.format(route=route, routes=routes)
            self.servers.append(NatsServer(f"n{n}", directory / f"n{n}", config, port, monitor))

    def __enter__(self) -> "NatsServers":
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for server in self.servers:
            server.kill()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where clients connect."""
        return tuple(server.address for server in self.servers)

    def named(self, name: str) -> NatsServer:
        """Return the server of a name."""
        return next(server for server in self.servers if server.name == name)

    def new_stream(self) -> Stream:
        """Return a stream that no other test has."""
        replicas = 3 if self.count >= 3 else 1
        return Stream.of_messages(f"t{next(_numbers)}", replicas, 16 * 1024 * 1024)


class SharedLog:
    """One new log, to which several nodes connect."""

    def __init__(self, servers: NatsServers, stream: Stream | None = None) -> None:
        self.servers = servers
        self.stream = stream or servers.new_stream()

    def connect(self, addresses: Sequence[str] = ()) -> JetStreamLog:
        """Return a connection for one node."""
        return JetStreamLog(Servers(tuple(addresses) or self.servers.addresses), self.stream)


def ask(servers: NatsServers, method: str, *arguments: Any, **options: Any) -> Any:
    """Do something to the streams of a server, as an operator does."""

    async def main() -> Any:
        client = await nats.connect([f"nats://{address}" for address in servers.addresses])
        try:
            return await getattr(client.jetstream(), method)(*arguments, **options)
        finally:
            await client.close()

    return asyncio.run(main())


def wait_until_whole(servers: NatsServers, stream: str) -> None:
    """Wait until all servers of a stream have all of it: what is stored is on most of them at first."""
    until = time.monotonic() + DEADLINE
    while not _is_whole(ask(servers, "stream_info", stream).cluster):
        assert time.monotonic() < until


def _is_whole(cluster: Any) -> bool:
    others = cluster.replicas or []
    return bool(cluster.leader) and all(each.current and not each.offline and not each.lag for each in others)
