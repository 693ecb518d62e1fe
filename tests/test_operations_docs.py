"""The service of docs/operations.md runs as it is written there, and loads its certificate again."""

import re
import shlex
import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from cli.access.page import NAME, find_server
from tests.cli.processes import CHAT, DEADLINE, environment, line_of, watched
from tests.ports import fixed_port
from tests.test_readme import Block, anchors, blocks_of
from tests.transports.tls import new_certificate

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = blocks_of(TEXT)


def _block(mark: str, word: str) -> str:
    (found,) = (block.text for block in BLOCKS if block.mark == mark and word in block.text)
    return found


def _setting(name: str) -> str:
    """Return the value of a setting of the service, with its continued lines."""
    unit = _block("ini", "[Service]").replace("\\\n", "")
    (value,) = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    return str(value)


def _command(port: int) -> list[str]:
    """Return the service's command as it can be run here: on one address of this machine, at a free port."""
    words = shlex.split(_setting("ExecStart"))
    assert words[:2] == ["/opt/chat/bin/chat", "server"]
    listens = [word for before, word in pairwise(words) if before == "--listen"]
    assert listens == ["chats://0.0.0.0:7024", "chats://[::]:7024"]
    local = [word.replace("0.0.0.0", "127.0.0.1").replace("7024", str(port)) for word in words]
    at = local.index(f"chats://[::]:{port}")
    return [CHAT, *local[1 : at - 1], *local[at + 1 :]]


def test_the_service_starts_and_loads_a_renewed_certificate(tmp_path: Path) -> None:
    whole = new_certificate(tmp_path).read_text()
    key, begin, chain = whole.partition("-----BEGIN CERTIFICATE-----")
    (tmp_path / "privkey.pem").touch(0o600)
    (tmp_path / "privkey.pem").write_text(key)
    (tmp_path / "fullchain.pem").write_text(begin + chain)
    account = re.findall(
        r"^sudo -u chat (/opt\S+ account .*)$", _block("sh", "certbot certonly"), re.MULTILINE
    )
    add = shlex.split(account[0].replace("/opt/chat/bin/chat", CHAT).replace("/var/lib/chat", str(tmp_path)))
    done = subprocess.run(add, capture_output=True, check=True, timeout=DEADLINE, env=environment())
    assert b"owner" in done.stderr
    port = fixed_port()
    with (
        subprocess.Popen(
            _command(port),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as service,
        watched(service),
    ):
        assert line_of(service.stdout).startswith(f"listening on chats://127.0.0.1:{port}")
        for words in ("messages are kept", "people need an account", "serves"):
            assert words in line_of(service.stderr)
        assert _setting("ExecReload") == "kill -HUP $MAINPID"
        service.send_signal(signal.SIGHUP)
        assert "SIGHUP" in line_of(service.stderr)
        assert "the certificate was loaded again" in line_of(service.stderr)
        service.terminate()
        assert service.wait(DEADLINE) == 0


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.mark == "sh"], ids=lambda each: each.text[:30]
)
def test_every_script_can_be_parsed(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_of_a_page_is_one_that_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.access.page._get", lambda *_: _block("json", "chats://").encode())
    assert NAME in TEXT
    assert find_server("https://chat.example.org/").url == "chats://chat.example.org:7024"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT))))
def test_every_link_leads_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    document = PAGE.parent / path if path else PAGE
    assert document.is_file()
    assert not anchor or anchor in anchors(document)
