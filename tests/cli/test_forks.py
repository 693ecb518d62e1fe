"""A command that is forked for a test is as one that is executed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.forks import CHAT, popen_of
from tests.cli.processes import DEADLINE, chat_server, environment, spawn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a fork to who asked for it")


def _fork_of(env: dict[str, str]) -> type[subprocess.Popen[Any]]:
    popen = popen_of([CHAT], env)
    assert popen is not subprocess.Popen
    return popen


@pytest.mark.parametrize(
    "args",
    [("--version",), ("--help",), ("nonsense",), ("server", "--help"), ("config",), ("history", "nowhere")],
    ids=" ".join,
)
@pytest.mark.parametrize("more", [{}, {"LC_ALL": "C.UTF-8", "COLUMNS": "50"}], ids=["here", "C.UTF-8"])
def test_output_and_exit_codes_are_the_same(
    args: tuple[str, ...], more: dict[str, str], tmp_path: Path
) -> None:
    env = environment(CHAT_CLIENT_NICK="ada", HOME=str(tmp_path), **more)
    del env["XDG_CONFIG_HOME"]  # which is here, and in the process that forks
    done = []
    for popen in (subprocess.Popen, _fork_of(env)):
        pipe = subprocess.PIPE
        with popen(
            [CHAT, *args], stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=tmp_path, text=True
        ) as process:
            output = process.communicate("", DEADLINE)
        done.append((output, process.returncode))
    assert done[0] == done[1]
    assert any(done[1][0])


@pytest.mark.parametrize("new_session", [False, True])
def test_a_fork_is_our_child_with_nothing_but_its_own(new_session: bool, tmp_path: Path) -> None:
    env = environment(CHAT_SERVER_LISTEN="chat://127.0.0.1:0", XDG_DATA_HOME=str(tmp_path))
    shown: list[object] = []
    before = os.umask(0o027)
    try:
        for popen in (subprocess.Popen, _fork_of(env)):
            with popen(
                [CHAT, "server"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=env,
                cwd=tmp_path,
                start_new_session=new_session,
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline().startswith(b"listening on ")
                shown.append(_shown_of(process.pid))
                process.send_signal(signal.SIGTERM)
                assert process.wait(DEADLINE) == 0
    finally:
        os.umask(before)
    assert shown[0] == shown[1]


def _shown_of(pid: int) -> object:
    """Return what the system knows of a process, where it is the same for two that do the same."""
    folder = Path(f"/proc/{pid}")
    lines = [line.split(":\t") for line in (folder / "status").read_text().splitlines() if ":\t" in line]
    status = {name: value for name, value in lines if name in {"PPid", "SigBlk", "SigIgn", "SigCgt", "Umask"}}
    descriptors = sorted(os.readlink(each).partition(":")[0] for each in (folder / "fd").iterdir())
    group, session = os.getpgid(pid), os.getsid(pid)
    mine = os.getpgid(0), os.getsid(0)
    assert int(status["PPid"]) == os.getpid()
    return (
        status,
        descriptors,
        (group, session) == mine,
        (group, session) == (pid, pid),
        os.readlink(folder / "cwd"),
    )


def test_a_fork_that_is_killed_is_seen_to_be() -> None:
    with chat_server() as server:
        server.signal(signal.SIGKILL)
        assert server.wait()[0] == -signal.SIGKILL


def test_what_python_reads_when_it_starts_is_no_fork() -> None:
    assert popen_of([CHAT], environment(PYTHONASYNCIODEBUG="1")) is subprocess.Popen
    assert popen_of([CHAT], environment(LC_ALL="C")) is subprocess.Popen
    assert popen_of([sys.executable], environment()) is subprocess.Popen
    with spawn("client", executed=True) as process:
        assert type(process) is subprocess.Popen
