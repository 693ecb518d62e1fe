"""A server in a process of its own, whose memory can be measured and whose descriptors can run out.

Run as a module it is that process: it serves until its standard input ends.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from chatcore import Hub, Limits, SqliteJournal
from tests.transports.peers import DEADLINE
from tests.transports.servers import OPEN, Door, House, new_transport, spoken_as
from tests.transports.tls import note_scheme

__all__ = ["ServerProcess"]


class ServerProcess(Door):
    """A transport that serves a hub in another process: in memory, or with a ``journal`` at a path."""

    def __init__(
        self,
        transport_name: str,
        *,
        descriptors: int | None = None,
        journal: Path | None = None,
        **limits: Any,
    ) -> None:
        super().__init__()
        request = json.dumps([transport_name, descriptors, journal and str(journal), limits])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.transports.process", request],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        assert self._process.stdout is not None
        self._ports: dict[str, int] = json.loads(self._process.stdout.readline())
        for scheme, port in self._ports.items():
            note_scheme(scheme, port)

    def port(self, scheme: str) -> int:
        return next(self._ports[each] for each in spoken_as(scheme) if each in self._ports)

    def is_for_browsers(self, port: int) -> bool:
        return port in (self._ports.get("http"), self._ports.get("https"))

    @property
    def memory(self) -> int:
        """The bytes of memory that the process has in use."""
        statm = Path(f"/proc/{self._process.pid}/statm")
        if not statm.exists():
            pytest.skip("this system does not say how much memory a process has")
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    @property
    def url(self) -> str:
        """The address for clients."""
        scheme = next(each for each in spoken_as("chat") if each in self._ports)
        return f"{scheme}://127.0.0.1:{self._ports[scheme]}"

    def kill(self) -> None:
        """Kill the process by SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait(DEADLINE)

    def close(self) -> None:
        """Close the peers, then end the process, which must exit with 0; ``logged`` has what it logged."""
        super().close()
        if self._process.returncode == -signal.SIGKILL:
            with self._errors, self._process:
                return
        with self._errors, self._process as process:
            process.communicate(timeout=DEADLINE)
            self._errors.seek(0)
            self.logged = self._errors.read().decode().splitlines()
        assert process.returncode == 0, self.logged


def main(request: str) -> None:
    """Serve until standard input ends."""
    name, descriptors, journal, limits = json.loads(request)
    with contextlib.ExitStack() as stack:
        # without an index, whose thread would open its files before or after descriptors are counted
        kept = SqliteJournal(journal, search=False) if journal else None
        hub = stack.enter_context(Hub(kept, Limits(**OPEN))) if kept else None
        house = House(new_transport(name), hub=hub, **limits)
        stack.callback(house.close)
        _serve(house, descriptors)


def _serve(house: House, descriptors: int | None) -> None:
    if descriptors is not None:
        open_now = len(os.listdir("/proc/self/fd"))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + descriptors, hard))
    ports = {listen.scheme: listen.port for listen in house.server.listening}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
