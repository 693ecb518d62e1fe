"""A service of systemd's, run by its unit as far as that goes without systemd."""

import contextlib
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cli.manager import manager
from tests.cli.processes import DEADLINE
from tests.cli.sandbox import settings_of

__all__ = ["Service"]

_HEAD = re.compile(r"^\d{4}-\S+ \S+ (\w+) ")
"""What a line of the log begins with, but not under systemd."""


class Service:
    """A unit, and its process while it runs. ``adapted`` makes the paths in it those of a test."""

    def __init__(self, unit: Path, adapted: Callable[[str], str], environment: Mapping[str, str]) -> None:
        text = adapted(unit.read_text("utf-8"))
        self._programs = [shlex.split(program) for program in settings_of(text, "ExecStart")]
        self._does_one_thing = settings_of(text, "Type") == ["oneshot"]
        set_by_unit = (each.split("=", 1) for each in settings_of(text, "Environment"))
        self._environment = {**environment, **dict(set_by_unit)}
        self._running = contextlib.ExitStack()
        self._process: subprocess.Popen[str] | None = None
        self._unheard = queue.SimpleQueue[str]()
        self.log: list[tuple[str, str]] = []
        """What it has logged: levels and lines; a line that is no event has no level."""

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The number of its process, which has to run."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> bool:
        """Start it, and wait until it is ready, or has done what it does; return whether that went well."""
        if self._does_one_thing:
            return all(self._run(program) for program in self._programs)
        (program,) = self._programs
        address = f"@chat-{os.getpid()}-{id(self)}"
        systemd = self._running.enter_context(manager(address))
        process = self._running.enter_context(
            subprocess.Popen(
                program,
                env={**self._environment, "NOTIFY_SOCKET": address},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        reader = threading.Thread(target=self._read, args=(process, address))
        reader.start()
        self._running.callback(reader.join, DEADLINE)
        self._running.callback(process.kill)
        self._process = process
        if "READY" in systemd.hear():
            return True
        self.stop()
        return False

    def _run(self, program: list[str]) -> bool:
        done = subprocess.run(
            program, check=False, env=self._environment, timeout=DEADLINE, stdout=subprocess.DEVNULL
        )
        return done.returncode == 0

    def _read(self, process: "subprocess.Popen[str]", address: str) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            head = _HEAD.match(line)
            words = _HEAD.sub("", line).rstrip("\n")
            self.log.append((head[1] if head else "", words))
            self._unheard.put(words)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"ENDED=1", f"\0{address[1:]}")

    def wait_for_more(self) -> None:
        """Wait until it has logged a line more than those that were waited for."""
        self._unheard.get(timeout=DEADLINE)

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        os.kill(self.pid, number)

    def stop(self) -> int | None:
        """Stop it if it runs, however it ends; return its exit code."""
        process, self._process = self._process, None
        with self._running.pop_all():
            if process is None:
                return None
            process.terminate()
            return process.wait(DEADLINE)
