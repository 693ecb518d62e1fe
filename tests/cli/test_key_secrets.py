"""Keys and invites are in no argument, variable, output, log or file but the one that is for them."""

import io
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import new_key
from chatcore.accounts import Administration
from cli.access.keys import KeyFile
from cli.access.trust import Ca
from cli.commands.join import run as join
from tests.cli.conftest import Inside
from tests.cli.processes import ChatServer, chat, chat_server, spawn

INVITE = "In-vite_" * 4


def seen_of(pid: int) -> bytes:
    """Return what everybody, or at least every program of the user, can see of a process."""
    process = Path(f"/proc/{pid}")
    if not process.is_dir():
        pytest.skip("this system has no /proc")
    return process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()


def test_a_link_is_nowhere_to_be_seen_while_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        url = f"chat://127.0.0.1:{listener.getsockname()[1]}"
        with spawn("join", executed=True, CHAT_KEY_FILE=str(path)) as process:
            assert process.stdin is not None
            process.stdin.write(f"{url}/#{INVITE}\n")
            process.stdin.flush()
            with listener.accept()[0] as sock:
                sock.settimeout(20)
                hello = json.loads(sock.makefile().readline())
                seen = seen_of(process.pid)
    stored = KeyFile(path).entry(url).joining
    assert stored is not None
    assert (hello["key"], hello["invite"]) == (stored.key, INVITE)
    assert str(path).encode() in seen
    assert stored.key.encode() not in seen
    assert INVITE.encode() not in seen
    assert INVITE not in path.read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The directory of a server, with accounts."""
    with Administration(tmp_path / "accounts.db", by="local:test", create=True) as administration:
        administration.add("ada")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[ChatServer]:
    args = ("--accounts", str(folder / "accounts.db"), "--journal", f"sqlite:{folder / 'journal.db'}")
    with chat_server(*args, PYTHONASYNCIODEBUG="1") as running:
        yield running


def test_a_conversation_shows_no_secret_and_a_server_stores_none(
    server: ChatServer, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with Administration(folder / "accounts.db", by="local:test") as administration:
        invite = administration.invite(name="ada").secret
        wrong = administration.invite().secret
    assert invite is not None
    assert wrong is not None
    keys = folder / "home" / "keys.json"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{server.url}/#{invite}"))
    join(None, str(keys), Ca(), replace=False, insecure=False)
    device = KeyFile(keys).entry(server.url).key
    assert device is not None
    shown = "".join(capfd.readouterr())
    env = {"CHAT_KEY_FILE": str(keys), "CHAT_URL": server.url}
    done = chat("client", "--json", stdin='{"room":"lobby","text":"hello"}\n', **env)
    assert json.loads(done.stdout.splitlines()[0])["account"] == "ada"
    shown += done.stdout + done.stderr
    refused = KeyFile(folder / "other" / "keys.json")
    lost = refused.begin(server.url, wrong, new_key)
    refused.finish(server.url, "mallory", pin=None, insecure=False)
    done = chat("tail", "lobby", "--json", **env | {"CHAT_KEY_FILE": str(refused.path)})
    assert "unauthorized" in done.stderr
    shown += done.stdout + done.stderr
    server.signal(signal.SIGTERM)
    _, errors = server.wait()
    shown += errors
    stored = b"".join(path.read_bytes() for path in folder.glob("*") if path.is_file())
    for secret in (device.key, invite, wrong, lost):
        assert secret not in shown
        assert secret.encode() not in stored
    assert '"session"' not in shown
    assert b"hello" in stored


def test_the_settings_show_where_keys_are_and_no_key(inside: Inside, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    key = file.begin("chats://chat.example:7024", INVITE, new_key)
    done = inside("config", CHAT_KEY_FILE=str(file.path))
    assert f'key_file = "{file.path}"  # CHAT_KEY_FILE' in done.stdout
    assert key not in done.stdout + done.stderr


def test_no_option_takes_a_key(inside: Inside) -> None:
    for command in ("client", "send", "tail", "rooms", "status", "search", "join"):
        shown = inside(command, "--help").stdout
        assert "--key-file" in shown
        assert "--key " not in shown
