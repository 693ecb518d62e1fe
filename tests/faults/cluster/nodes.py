"""One chat server of a cluster, which is killed and started again, and has its own way to the log."""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cli.processes import environment, watched
from tests.faults.proxy import FaultProxy
from tests.jetstream.servers import NatsServer, NatsServers
from tests.pausing import pause
from tests.ports import fixed_port

__all__ = ["ChatNode"]

LIMITS = (
    "frames_per_second=none",
    "connections_per_address=none",
    "presence_seconds=0.01",
    "session_seconds=20",  # so a nick whose secret never arrived is free again soon
)

PROGRAM = ("-m", "tests.faults.cluster.launched")


class ChatNode:
    """A chat server with a state of its own, and a proxy before each server of the log.

    ``env`` is what each of its processes finds around it: see `tests.faults.cluster.launched`. ``build`` is
    how its Python is started.
    """

    build: Sequence[str] = (sys.executable,)

    def __init__(
        self, name: str, transport: str, directory: Path, nats: NatsServers, stream: str, **env: str
    ) -> None:
        self.name = name
        self.state = directory / name / f"{name}.db"
        self.state.parent.mkdir()
        self.errors = directory / f"{name}.txt"
        self.ports = {"chat": fixed_port(), "http": fixed_port()}
        self.proxies = [FaultProxy(server.port) for server in nats.servers]
        self.process: subprocess.Popen[str] | None = None
        self._transport = transport
        self._env = env
        hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies)
        monitors = ",".join(server.monitor for server in nats.servers)
        self._journal = f"nats://{hosts}?stream={stream}&state={self.state}&monitor={monitors}"

    @property
    def is_up(self) -> bool:
        """Whether it runs, as far as it was not ended by others."""
        return self.process is not None

    def start(self, *options: str, **env: str) -> None:
        """Start it; returns when it listens."""
        words = ["--transport", self._transport, "--journal", self._journal, *options]
        words += [word for limit in LIMITS for word in ("--limit", limit)]
        for scheme, port in self.ports.items():
            words += ["--listen", f"{scheme}://127.0.0.1:{port}"]
        with self.errors.open("a") as errors:
            process = subprocess.Popen(
                [*self.build, *PROGRAM, "server", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment(**self._env, **env),
            )
        assert process.stdout is not None
        with watched(process):
            lines = [process.stdout.readline() for _ in self.ports]
        assert all(line.startswith("listening on ") for line in lines), self.errors.read_text()
        self.process = process

    def kill(self) -> None:
        """Kill it by ``kill -9``."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.communicate()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def pause(self) -> None:
        """Have it stand still, with its connections, until it gets ``SIGCONT``."""
        assert self.process is not None
        pause(self.process)

    def stop(self) -> int:
        """Have it stop cleanly; return its code."""
        process, self.process = self.process, None
        assert process is not None
        process.terminate()
        with watched(process):
            process.communicate()
        return process.returncode

    def cut(self, *servers: NatsServer) -> None:
        """Cut it off from the log, or from some of its servers."""
        ports = {server.port for server in servers}
        for proxy in self.proxies:
            if not ports or proxy.server_port in ports:
                proxy.cut("reset")

    def swallow(self) -> None:
        """Let nothing through on connections that there are, which stay open, and allow no others."""
        for proxy in self.proxies:
            proxy.cut("black-hole")

    def join(self) -> None:
        """Let it reach the log again."""
        for proxy in self.proxies:
            proxy.join()

    def copy_state(self) -> Path:
        """Copy the state, while it does not run; return the directory of the copy."""
        copy = self.state.parent / f"{self.name}-copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self._files():
            shutil.copy(path, copy)
        return copy

    def restore_state(self, copy: Path) -> None:
        """Put a copy in place of the state, while it does not run."""
        self.remove_state()
        for path in copy.iterdir():
            shutil.copy(path, self.state.parent)

    def remove_state(self) -> None:
        """Remove the state, while it does not run."""
        for path in self._files():
            path.unlink()

    def close(self) -> None:
        """Kill it, and let go of its proxies. Idempotent."""
        self.kill()
        for proxy in self.proxies:
            with contextlib.suppress(AssertionError):
                proxy.close()

    def _files(self) -> list[Path]:
        return [path for path in self.state.parent.glob(f"{self.state.name}*") if path.is_file()]
