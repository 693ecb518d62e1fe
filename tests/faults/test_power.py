"""The same storm on a file system that loses, with its power, everything that was not synced."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.history import Received
from tests.faults.storm import Storm
from tests.protocol.frames import Ack, Error, Joined
from tests.rows import ROUNDS


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file system: a library to be loaded into a server."""
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/proc/self/fd").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("there is no gcc; `make system` installs it")
        pytest.skip("there is no gcc, or no /proc, to make a file system that forgets")
    target = tmp_path_factory.mktemp("unsynced") / "unsynced.so"
    source = Path(__file__).with_name("unsynced.c")
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation"]
    subprocess.run([compiler, *flags, "-o", target, source], check=True)
    return target


class Machine:
    """A directory, and what of it is on the disk."""

    def __init__(self, base: Path, library: Path) -> None:
        self.directory = base / "memory"
        self.disk = base / "disk"
        self.directory.mkdir()
        self.disk.mkdir()
        self.env = {"LD_PRELOAD": str(library), "SYNCED": str(self.disk)}

    def lose_power(self) -> None:
        """Leave of each file what is on the disk; it stays the same file."""
        for path in self.directory.iterdir():
            kept = self.disk / path.name
            if kept.exists():
                path.write_bytes(kept.read_bytes())
            else:
                path.unlink()


@pytest.fixture
def machine(tmp_path: Path, library: Path) -> Machine:
    """A machine that can lose its power."""
    return Machine(tmp_path, library)


def rage(storm: Storm, machine: Machine) -> None:
    """Let the power fail again and again, under each transport."""
    storm.begin()
    for _ in range(max(ROUNDS // 2, 1)):
        for transport in ("asyncio", "threaded"):
            storm.round(transport)
            machine.lose_power()


def test_synced_messages_and_the_epoch_survive_a_power_loss(machine: Machine) -> None:
    storm = Storm(machine.directory / "journal.db", seed=ROUNDS, **machine.env)
    rage(storm, machine)
    events, logs = storm.end("threaded")
    assert check(events, logs) == []
    told = [event.frame for event in events if isinstance(event, Received)]
    assert {frame.durability for frame in told if isinstance(frame, Ack)} == {"synced"}
    assert len({frame.epoch for frame in told if isinstance(frame, Joined)}) == 1


def test_a_power_loss_that_costs_messages_begins_a_new_epoch(
    machine: Machine,
) -> None:
    storm = Storm(machine.directory / "journal.db", seed=ROUNDS, synchronous="NORMAL", **machine.env)
    rage(storm, machine)
    events, logs = storm.end("threaded")
    told = [event.frame for event in events if isinstance(event, Received)]
    assert {frame.durability for frame in told if isinstance(frame, Ack)} == {"written"}
    assert {violation.kind for violation in check(events, logs, survives=("written",))} == {"lost"}
    assert check(events, logs, survives=("synced",)) == []
    assert len({frame.epoch for frame in told if isinstance(frame, Joined)}) > 1


def test_a_failed_sync_acknowledges_nothing_and_the_server_recovers(machine: Machine) -> None:
    storm = Storm(machine.directory / "journal.db", seed=ROUNDS, **machine.env)
    storm.begin()
    for transport in ("asyncio", "threaded"):
        storm.round(transport, meanwhile=(machine.disk / "fail-journal.db-wal").touch)
        machine.lose_power()
    events, logs = storm.end("threaded")
    assert check(events, logs) == []
    told = [event.frame for event in events if isinstance(event, Received)]
    assert {frame.code for frame in told if isinstance(frame, Error)} == {"unavailable"}
