"""A server in a process of its own, whose memory can be measured and whose descriptors can run out.

Run as a module it is that process: it serves until its standard input ends.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.transports.peers import DEADLINE
from tests.transports.servers import Door, House, new_transport

__all__ = ["ServerProcess"]


class ServerProcess(Door):
    """A transport that serves a hub in another process."""

    def __init__(self, transport_name: str, *, descriptors: int | None = None, **limits: Any) -> None:
        super().__init__()
        request = json.dumps([transport_name, descriptors, limits])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.transports.process", request],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._ports: dict[str, int] = json.loads(self._process.stdout.readline())

    def port(self, scheme: str) -> int:
        return self._ports[scheme]

    @property
    def memory(self) -> int:
        """The bytes of memory that the process has in use."""
        statm = Path(f"/proc/{self._process.pid}/statm")
        if not statm.exists():
            pytest.skip("this system does not say how much memory a process has")
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def close(self) -> None:
        """Close the peers, then end the process, which must exit with 0."""
        super().close()
        if self._process.poll() is None:
            self._process.communicate(timeout=DEADLINE)
            assert self._process.returncode == 0


def main(request: str) -> None:
    """Serve until standard input ends."""
    name, descriptors, limits = json.loads(request)
    house = House(new_transport(name), **limits)
    if descriptors is not None:
        open_now = len(os.listdir("/proc/self/fd"))
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + descriptors, hard))
    ports = {listen.scheme: listen.port for listen in house.server.listening}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    house.close()


if __name__ == "__main__":
    main(sys.argv[1])
