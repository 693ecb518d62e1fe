"""``chat join``, and what other commands make of the key: against a real server."""

import io
import json
import re
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import Accounts, Hub, RefusedError, UsageError, new_key
from chatcore.accounts import Administration
from cli.access.keys import KeyFile
from cli.access.links import parse_link
from cli.access.trust import Ca
from cli.commands.join import run as join
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, in_terminal
from tests.transports.tls import AUTHORITY, new_certificate
from transports.certificates import Certificate
from transports.threaded_tcp import connect, serve


class Place:
    """A server with accounts, and the data directory of somebody who has none yet."""

    def __init__(self, url: str, accounts: Path, pin: str, home: Path) -> None:
        self.url = url
        self.accounts = accounts
        self.pin = pin
        self.home = home
        self.keys = KeyFile(home / "keys.json")

    def administration(self) -> Administration:
        return Administration(self.accounts, by="local:test")

    def link(self, name: str | None = None, *, pin: str | None = None, uses: int = 1) -> str:
        """Return a new link, for an account that there is or for a new one."""
        with self.administration() as administration:
            secret = administration.invite(name=name, uses=uses).secret
        return f"{self.url}/#{secret}.{pin or self.pin}"

    def join(
        self, link: str, monkeypatch: pytest.MonkeyPatch, nick: str | None = None, **options: bool
    ) -> None:
        """Run the command with a link on its input."""
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{link}\n"))
        join(nick, str(self.keys.path), Ca(), **{"replace": False, "insecure": False, **options})

    def key(self) -> str:
        """The key that is sent."""
        device = self.keys.entry(self.url).key
        assert device is not None
        return device.key


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server with a self-made certificate, whose first account is Ada's."""
    accounts, certificate = tmp_path / "accounts.db", Certificate.auto(tmp_path / "server.pem")
    with Administration(accounts, by="local:test", create=True) as administration:
        administration.add("ada")
    with (
        closing(Hub(gate=Accounts(accounts))) as hub,
        serve("chats://127.0.0.1:0", hub=hub, cert=certificate) as server,
    ):
        yield Place(str(server.listening[0]), accounts, certificate.pin, tmp_path / "home")


def test_a_link_makes_an_account_and_the_key_is_used_from_then_on(
    place: Place, monkeypatch: pytest.MonkeyPatch, inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    place.join(place.link(), monkeypatch, "grace")
    assert f"you are grace (member) at {place.url}" in capfd.readouterr().out
    files = {"CHAT_KEY_FILE": str(place.keys.path), "CHAT_URL": place.url}
    sent = inside("send", "lobby", "hello", **files)
    assert (sent.returncode, sent.stdout) == (0, "1\n"), sent.stderr
    tail = inside("tail", "lobby", **files)
    assert tail.stdout == "grace: hello\n", tail.stderr
    rooms = inside("rooms", "--json", **files)
    assert json.loads(rooms.stdout)["room"] == "lobby"


def test_a_link_for_another_device_gives_it_the_same_account(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place.join(place.link("ada"), monkeypatch, "whoever")
    first = place.key()
    place.keys = KeyFile(tmp_path / "phone" / "keys.json")
    place.join(place.link("ada"), monkeypatch, "whoever")
    assert place.key() != first
    assert capfd.readouterr().out.count(f"you are ada (owner) at {place.url}") == 2


def test_a_welcome_that_was_lost_costs_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    link = place.link()
    parts = parse_link(link)
    key = place.keys.begin(place.url, parts.invite, new_key)
    with connect(place.url, nick="grace", rooms=(), key=key, invite=parts.invite, pin=place.pin):
        pass  # the invite is used up, and we do not know it
    place.join(link, monkeypatch, "whatever")
    assert (place.keys.entry(place.url).account, place.key()) == ("grace", key)


def test_the_same_link_again_says_the_same(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    link = place.link()
    place.join(link, monkeypatch, "grace")
    first = place.keys.path.read_bytes()
    place.join(link, monkeypatch, "other")
    assert place.keys.path.read_bytes() == first
    assert capfd.readouterr().out.count("you are grace") == 2


def test_a_link_that_somebody_else_has_used_is_refused_and_leaves_no_key(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = place.link()
    place.join(link, monkeypatch, "grace")
    place.keys = KeyFile(tmp_path / "mallory" / "keys.json")
    with pytest.raises(RefusedError, match=r"used up.*unauthorized"):
        place.join(link, monkeypatch, "mallory")
    assert place.keys.entry(place.url).joining is None


def test_a_name_that_is_taken_uses_nothing_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    link = place.link()
    with pytest.raises(RefusedError, match="nick_taken"):
        place.join(link, monkeypatch, "ada-phone")
    place.join(link, monkeypatch, "grace")
    assert place.keys.entry(place.url).account == "grace"


def test_with_another_key_there_it_is_replaced_only_on_request(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.join(place.link(), monkeypatch, "grace")
    link = place.link("ada")
    with pytest.raises(UsageError, match="--replace"):
        place.join(link, monkeypatch)
    place.join(link, monkeypatch, replace=True)
    assert place.keys.entry(place.url).account == "ada"


def test_a_link_to_a_room_admits_whoever_has_a_key_there(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with place.administration() as administration:
        guest = administration.invite(role="guest").secret
        place.join(f"{place.url}/#{guest}.{place.pin}", monkeypatch, "grace")
        key = place.key()
        room = administration.invite(name="grace", room="attic").secret
        capfd.readouterr()
        place.join(f"{place.url}/#{room}.{place.pin}", monkeypatch)
        assert administration.invites() == []
    said = capfd.readouterr().out
    assert "you are grace (guest)" in said
    assert "which you keep" in said
    assert place.key() == key
    with connect(place.url, nick="grace", rooms=("attic",), key=key, pin=place.pin) as chat:
        assert chat.account == "grace"


def test_a_key_that_is_in_use_goes_to_no_other_server_whatever_pin_a_link_has(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = place.link("ada")
    place.join(first, monkeypatch)
    place.keys.trust(place.url, "A" * 43)  # as if the server were another one than we know
    for link in (place.link("ada"), first):
        with pytest.raises((UsageError, OSError), match=r"fingerprint|certificate"):
            place.join(link, monkeypatch)


def test_whose_key_was_revoked_reads_that_a_new_link_needs_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.join(place.link("ada"), monkeypatch)
    with place.administration() as administration:
        administration.revoke("ada")
    link = place.link("ada")
    with pytest.raises(UsageError, match=r"is not valid any more; add --replace"):
        place.join(link, monkeypatch)
    place.join(link, monkeypatch, replace=True)
    assert place.keys.entry(place.url).account == "ada"


def test_who_replaces_a_key_reads_how_the_old_one_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch, inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    place.join(place.link("ada"), monkeypatch)
    assert "revoke" not in capfd.readouterr().out
    with connect(place.url, nick="ada", rooms=(), key=place.key(), pin=place.pin) as chat:
        link = f"{place.url}/#{chat.invite_device().invite}.{place.pin}"
    place.join(link, monkeypatch, replace=True)
    (command,) = re.findall(
        r"^    chat (account revoke ada [0-9a-f]{16} --only)$", capfd.readouterr().out, re.M
    )
    with place.administration() as administration:
        old, new = (key.id for key in administration.keys("ada"))
        assert command.split()[3] == old
        done = inside(*command.split(), "--accounts", str(place.accounts))
        assert done.returncode == 0, done.stderr
        assert [key.id for key in administration.keys("ada")] == [new]
    place.join(link, monkeypatch, replace=True)
    assert "revoke" not in capfd.readouterr().out


def test_a_server_with_another_pin_gets_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    link = place.link(pin="A" * 43)
    with pytest.raises(ssl.SSLCertVerificationError, match="than the one in the link; ask for a") as failed:
        place.join(link, monkeypatch, "grace")
    assert "chat trust" not in str(failed.value)
    with place.administration() as administration:
        assert [entry.name for entry in administration.accounts()] == ["ada"]
    place.join(link.replace("A" * 43, place.pin), monkeypatch, "grace")


def test_a_server_that_an_authority_vouches_for_needs_no_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    accounts, ca = tmp_path / "accounts.db", tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca))
    with Administration(accounts, by="local:test", create=True) as administration:
        administration.add("ada")
        secret = administration.invite(name="ada").secret
    with (
        closing(Hub(gate=Accounts(accounts))) as hub,
        serve("chats://127.0.0.1:0", hub=hub, cert=new_certificate(tmp_path)) as server,
    ):
        url = str(server.listening[0])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{url}/#{secret}"))
        join(None, str(tmp_path / "keys.json"), Ca(str(ca)), replace=False, insecure=False)
    assert f"you are ada (owner) at {url}" in capfd.readouterr().out


def test_a_server_without_accounts_needs_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve("chat://127.0.0.1:0") as server:
        url = str(server.listening[0])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{url}/#{'i' * 32}"))
        with pytest.raises(UsageError, match="has no accounts"):
            join("ada", str(tmp_path / "keys.json"), Ca(), replace=False, insecure=False)
    assert KeyFile(tmp_path / "keys.json").entry(url).joining is None


def test_a_key_goes_to_no_other_machine_without_encryption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(sock: socket.socket) -> tuple[str, int]:
        return "192.0.2.1", 7024

    with serve("chat://127.0.0.1:0") as server:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{server.listening[0]}/#{'i' * 32}"))
        monkeypatch.setattr(socket.socket, "getpeername", elsewhere)
        with pytest.raises(UsageError, match="not encrypted"):
            join("ada", str(tmp_path / "keys.json"), Ca(), replace=False, insecure=False)


def test_without_input_there_is_no_link(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    done = inside("join", CHAT_KEY_FILE=str(tmp_path / "keys.json"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no link" in done.stderr


def test_whoever_gives_up_reads_how_to_go_on(place: Place) -> None:
    for typed, words in [("", "there was no link; run"), (place.link() + ENTER, "there was no name; run")]:
        with in_terminal(CHAT, "join", columns=120, CHAT_KEY_FILE=str(place.keys.path)) as terminal:
            terminal.wait("the link")
            terminal.type(typed)
            if typed:
                terminal.wait("your name there")
            terminal.type("\x04")  # Ctrl-D
            assert terminal.wait_exit() == 2
            terminal.wait(words)
            assert b"Aborted" not in terminal.raw


def test_ctrl_c_at_the_prompt_for_a_name_is_exit_130(place: Place) -> None:
    with in_terminal(CHAT, "join", columns=120, CHAT_KEY_FILE=str(place.keys.path)) as terminal:
        terminal.wait("the link")
        terminal.type(place.link() + ENTER)
        terminal.wait("your name there")
        terminal.kill(signal.SIGINT)
        assert terminal.wait_exit() == 130
        assert b"Aborted" not in terminal.raw


def test_in_a_terminal_the_link_is_asked_for_and_not_shown(place: Place) -> None:
    link = place.link()
    with in_terminal(CHAT, "join", columns=120, CHAT_KEY_FILE=str(place.keys.path)) as terminal:
        terminal.wait("the link")
        terminal.type(link + ENTER)
        terminal.wait("your name there")
        terminal.type("grace" + ENTER)
        terminal.wait("you are grace (member)")
        assert terminal.wait_exit() == 0
        assert parse_link(link).invite not in terminal.raw.decode()
