"""The units in docs/systemd: what systemd says of them, and that a server does all its work under them.

No systemd runs here. So its own tools read the units, and `tests.cli.sandbox` takes away what they take away.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli.report import USAGE
from tests.cli.manager import manager
from tests.cli.processes import CHAT, DEADLINE, environment, line_of, watched
from tests.cli.sandbox import settings_of
from tests.ports import fixed_port
from tests.rows import ALL
from tests.test_operations_docs import ROOT, block
from tests.transports.tls import authority_file, new_certificate
from transports.threaded_tcp import connect

UNITS = ROOT / "docs" / "systemd"
UNIT = (UNITS / "chat.service").read_text("utf-8")
HOME = (UNITS / "home.conf").read_text("utf-8")
SOCKET = (UNITS / "chat.socket").read_text("utf-8")
SETTINGS = block("toml", "/var/lib/chat")
SHARED = block("ini", "/usr/local/bin/chat")

NAMES = ("chat.service", "chat.socket", "chat-backup.service", "chat-backup.timer")
DROP_INS = {"venv": None, "for all users": SHARED, "in a home directory": HOME}
PROGRAMS = ("/opt/chat/bin/chat", "/usr/local/bin/chat", "/home/ada/.local/bin/chat")

FORBIDDEN = """
import mmap, os, socket
for name, what in {
    "memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "priority": lambda: os.nice(1),
    "nothing": lambda: socket.socket(socket.AF_INET6).close(),
}.items():
    try:
        what()
    except PermissionError:
        print(name)
"""


def analyze(*args: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run systemd's own tool for units in a directory."""
    if shutil.which("systemd-analyze") is None:
        assert not os.environ.get("CI")
        pytest.skip("there is no systemd here")
    return subprocess.run(
        ["systemd-analyze", *args], cwd=folder, capture_output=True, text=True, check=False, timeout=DEADLINE
    )


@pytest.fixture(params=DROP_INS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The units, with the program that is here in place of the one that they name."""
    texts = {name: (UNITS / name).read_text("utf-8") for name in NAMES}
    if (drop_in := DROP_INS[request.param]) is not None:
        texts["chat.service.d/local.conf"] = drop_in
    (tmp_path / "chat.service.d").mkdir()
    for name, text in texts.items():
        for program in PROGRAMS:
            text = text.replace(program, CHAT)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_systemd_finds_nothing_wrong_with_the_units(folder: Path) -> None:
    done = analyze("verify", *(f"./{name}" for name in NAMES), folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (folder / "chat.service").write_text(UNIT.replace("WatchdogSec", "WatchdogSecs"))
    assert "WatchdogSecs" in analyze("verify", "./chat.service", folder=folder).stderr


@pytest.mark.parametrize("name", ["chat.service", "chat-backup.service"])
def test_systemd_sees_little_that_an_attacker_could_do(folder: Path, name: str) -> None:
    done = analyze("security", "--offline=true", "--no-pager", f"./{name}", folder=folder)
    (exposure,) = re.findall(rf"Overall exposure level for {name}: ([\d.]+)", done.stdout)
    assert float(exposure) < 2.0, done.stdout


def test_the_units_can_be_enabled_and_the_service_reloaded() -> None:
    assert settings_of(UNIT, "WantedBy") == ["multi-user.target"]
    assert settings_of(SOCKET, "WantedBy") == ["sockets.target"]
    assert settings_of(UNIT, "ExecReload") == ["kill -HUP $MAINPID"]
    assert settings_of(UNIT, "RestartPreventExitStatus") == [str(USAGE)]


def test_a_home_directory_is_seen_and_belongs_to_the_user() -> None:
    (user,) = settings_of(HOME, "User")
    assert settings_of(HOME, "ProtectHome") == ["read-only"]
    assert settings_of(HOME, "ExecStart") == [f"/home/{user}/.local/bin/chat server"]


def test_the_sockets_are_those_that_the_settings_listen_on() -> None:
    listens = tomllib.loads(SETTINGS)["server"]["listen"]
    assert [f"chats://{each}" for each in settings_of(SOCKET, "ListenStream")] == listens


def settings(folder: Path, port: int) -> Path:
    """Write the settings of the page, for a directory and a port that a test may use."""
    text = SETTINGS.replace("/var/lib/chat", str(folder)).replace("7024", str(port))
    text = text.replace("9024", str(fixed_port()))
    path = folder / "chat.toml"
    path.write_text(text.replace("0.0.0.0", "127.0.0.1").replace(f', "chats://[::]:{port}"', ""))
    return path


def prepare(folder: Path) -> None:
    """Write the files that certbot's hook writes."""
    key, begin, chain = new_certificate(folder).read_text().partition("-----BEGIN CERTIFICATE-----")
    (folder / "privkey.pem").touch(0o600)
    (folder / "privkey.pem").write_text(key)
    (folder / "fullchain.pem").write_text(begin + chain)


def sandboxed(name: str, *words: str) -> list[str]:
    """Return a command with what a unit takes away from it taken away, where that can be done."""
    if shutil.which("systemd-analyze") is None:
        assert not os.environ.get("CI")
        return [*words]
    return [sys.executable, "-m", "tests.cli.sandbox", str(UNITS / name), *words]


def command() -> list[str]:
    """Return the command of the service."""
    (line,) = settings_of(UNIT, "ExecStart")
    words = shlex.split(line)
    assert words[:2] == ["/opt/chat/bin/chat", "server"]
    return sandboxed("chat.service", CHAT, *words[1:])


def run_beside(settings: Path, *words: str) -> str:
    """Run a command with the settings of a server, as chatctl does; return what it prints."""
    variables = environment(CHAT_CONFIG=str(settings), PYTHONPATH=str(ROOT))
    del variables["CHAT_SERVER_JOURNAL"]
    program = [CHAT, *words] if words[0] != "backup" else sandboxed("chat-backup.service", CHAT, *words)
    done = subprocess.run(program, capture_output=True, check=True, timeout=DEADLINE, env=variables)
    return done.stdout.decode()


def test_the_sandbox_takes_away_what_the_unit_does() -> None:
    analyze("--version", folder=ROOT)
    sandbox = [sys.executable, "-m", "tests.cli.sandbox", str(UNITS / "chat.service")]
    words = [*sandbox, sys.executable, "-c", FORBIDDEN]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE, check=True)
    assert done.stdout.split() == ["memory", "socket", "priority"], done.stderr


@pytest.mark.parametrize("transport", ["asyncio", "threaded"] if ALL else ["asyncio"])
def test_a_server_does_all_its_work_under_the_unit(tmp_path: Path, transport: str) -> None:
    prepare(tmp_path)
    path, notify = settings(tmp_path, port := fixed_port()), str(tmp_path / "notify")
    variables = environment(
        CHAT_CONFIG=str(path),
        CHAT_SERVER_TRANSPORT=transport,
        NOTIFY_SOCKET=notify,
        WATCHDOG_USEC="1000000",
        PYTHONPATH=str(ROOT),
    )
    del variables["CHAT_SERVER_JOURNAL"]
    run_beside(path, "account", "add", "ada")
    with (
        manager(notify) as systemd,
        subprocess.Popen(
            command(),
            cwd=tmp_path,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as service,
        watched(service),
    ):
        assert "READY" in systemd.hear()
        filtered = "Seccomp:\t2" in Path(f"/proc/{service.pid}/status").read_text()
        assert filtered == (shutil.which("systemd-analyze") is not None)
        assert line_of(service.stdout).startswith(f"listening on chats://127.0.0.1:{port}")
        link = run_beside(path, "invite", "--for", "ada")
        assert link.startswith(f"chats://chat.example.org:{port}/#")
        invite = link.strip().partition("#")[2]
        url = f"chats://localhost:{port}"
        with connect(url, nick="ada", key="k" * 43, invite=invite, ca=authority_file()) as ada:
            assert ada.post("the disk is full").durability == "synced"
            assert [each.text for each in ada.history().messages] == ["the disk is full"]
            assert ada.search("full").room is None
        accounts = ("--accounts", str(tmp_path / "accounts.db"))
        assert "1 message" in run_beside(path, "backup", str(tmp_path / "backup.db"), *accounts)
        service.send_signal(signal.SIGHUP)
        assert "RELOADING" in systemd.hear_other(than="WATCHDOG")
        assert "READY" in systemd.hear_other(than="WATCHDOG")
        service.terminate()
        _, errors = service.communicate(timeout=DEADLINE)
    assert service.returncode == 0, errors
    assert "Operation not permitted" not in errors
    assert "the certificate was loaded again" in errors
