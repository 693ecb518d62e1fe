"""Commands as processes that need not import everything once more.

To start Python and to import what a command needs is most of what a command costs. So each process of
tests has one that has imported it, `tests.cli.forking`, and forks for each command. The fork has its own
arguments, environment, directory, streams and session, and runs the command to the end of the interpreter.
It is a child of the process of tests, which waits for it and signals it as any other. As a server that shares
a log it has a shorter lease: see `tests.lease`.

A command is executed all the same where it would start in another way: with variables that Python or a
library reads once, with something to do before it, and in tests that start it by themselves, since they are
about that.
"""

import ctypes
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CHAT", "popen_of", "stop_forks"]

CHAT = str(Path(sys.executable).with_name("chat"))

_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "PYDANTIC_", "MALLOC_", "OPENSSL_", "SSL_", "PROMPT_TOOLKIT_")
"""What the names of variables begin with that are read before a command begins, or once for all."""

_LOCALES = (None, "C.UTF-8")
"""What `LC_ALL` may be instead of what it is here. For each there is a process that forks."""

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: a process whose parent has ended becomes our child."""

_BEGIN = f"""
import sys
sys.path[0] = {str(Path(CHAT).parent)!r}
from tests.cli.forking import begin
begin(int(sys.argv[1]))
from cli.__main__ import main
sys.exit(main())
"""


def popen_of(argv: Sequence[str], env: Mapping[str, str]) -> type[subprocess.Popen[Any]]:
    """Return what starts a program: a fork if it is ``chat``, and Python would start as it does here."""
    if sys.platform != "linux" or argv[0] != CHAT or _forks_for(env) is None:
        return subprocess.Popen
    return _Fork


def stop_forks() -> None:
    """End the processes that fork. Commands that run are left to who started them."""
    while _FORKS:
        _FORKS.popitem()[1].stop()


class _Forks:
    """A process that forks, and how to ask it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        self._one_at_a_time = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BEGIN, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=env,
            )

    def fork(self, order: Mapping[str, object], streams: Sequence[int]) -> int:
        """Start a command with these three streams; return its process id."""
        data = json.dumps(order).encode()
        with self._one_at_a_time:
            socket.send_fds(self._socket, [data], [*streams])
            return int(self._socket.recv(100))

    def stop(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()


_FORKS: dict[str | None, _Forks] = {}


class _Fork(subprocess.Popen[Any]):
    """A command that is forked where others are executed."""

    def _execute_child(self, args: Sequence[str], *given: Any) -> None:
        _, preexec, _, kept_open, cwd, env, _, _, _, *pipes = given[:15]
        assert preexec is None, "a fork runs nothing before its command"
        assert not kept_open, "a fork has no descriptors but its streams"
        forks = _forks_for(env)
        assert forks is not None
        order = {
            "argv": [*args],
            "env": {**env},
            "cwd": os.fspath(cwd or os.getcwd()),
            "new_session": given[20],
            "umask": _umask(),
        }
        theirs = pipes[0], pipes[3], pipes[5]
        self.pid = forks.fork(order, [number if pipe < 0 else pipe for number, pipe in enumerate(theirs)])
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]  # internal, as this method is


def _forks_for(env: Mapping[str, str]) -> _Forks | None:
    """Return what forks for an environment. It is started when it is first needed."""
    begins = _read_at_start(env)
    for locale in _LOCALES:
        here = {**os.environ} | ({} if locale is None else {"LC_ALL": locale})
        if begins == _read_at_start(here):
            if locale not in _FORKS:
                _FORKS[locale] = _Forks(here)
            return _FORKS[locale]
    return None


def _read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


def _umask() -> int:
    """Return the mask of files, which can otherwise only be read by changing it."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"Umask:\s+(\d+)", status)[0], 8)
