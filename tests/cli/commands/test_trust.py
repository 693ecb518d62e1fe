"""``chat trust``, and how pins and authorities get along: against servers whose certificate changes."""

import io
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import Accounts, Hub
from chatcore.accounts import Administration
from cli.access.keys import KeyFile
from cli.access.trust import Ca
from cli.commands.join import run as join
from tests.cli.conftest import Inside
from tests.transports.tls import authority_file, certificate
from transports.certificates import Certificate
from transports.threaded_tcp import serve

OTHER = "p" * 42 + "A"
CA = str(authority_file())


class Place:
    """A server with accounts, and somebody's keys for it."""

    def __init__(self, url: str, accounts: Path, keys: KeyFile) -> None:
        self.url = url
        self.keys = keys
        self._accounts = accounts

    @property
    def pin(self) -> str | None:
        """The pin that is stored."""
        return self.keys.entry(self.url).pin

    def join(self, monkeypatch: pytest.MonkeyPatch, ca: Ca, pin: str | None = None) -> None:
        """Join as Ada, by a new link."""
        with Administration(self._accounts, by="local:test") as administration:
            secret = administration.invite(name="ada").secret
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{self.url}/#{secret}{f'.{pin}' if pin else ''}\n"))
        join(None, str(self.keys.path), ca, replace=True, insecure=False)


def places(folder: Path, cert: Certificate) -> Iterator[Place]:
    accounts = folder / "accounts.db"
    with Administration(accounts, by="local:test", create=True) as administration:
        administration.add("ada")
    with (
        closing(Hub(gate=Accounts(accounts))) as hub,
        serve("chats://127.0.0.1:0", hub=hub, cert=cert) as server,
    ):
        yield Place(str(server.listening[0]), accounts, KeyFile(folder / "home" / "keys.json"))


@pytest.fixture
def vouched(tmp_path: Path) -> Iterator[Place]:
    """A server that the authority in the file ``CA`` vouches for."""
    yield from places(tmp_path, certificate())


@pytest.fixture
def self_made(tmp_path: Path) -> Iterator[Place]:
    """A server that no authority vouches for."""
    yield from places(tmp_path, Certificate.auto(tmp_path / "auto.pem"))


# --- joining -------------------------------------------------------------------------------------


def test_a_link_without_a_pin_is_tried_by_the_authorities_and_ends_a_pin(
    vouched: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    vouched.keys.trust(vouched.url, OTHER)
    vouched.join(monkeypatch, Ca(CA))
    assert vouched.pin is None
    output = capfd.readouterr().out
    assert "the fingerprint that was stored is forgotten" in output
    assert output.endswith(f"now run: chat client {vouched.url}\n")


def test_a_link_without_a_pin_falls_back_to_the_stored_one(
    self_made: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pin = Certificate.auto(tmp_path / "auto.pem").pin
    self_made.keys.trust(self_made.url, pin)
    self_made.join(monkeypatch, Ca(CA))
    assert (self_made.pin, self_made.keys.entry(self_made.url).account) == (pin, "ada")


def test_where_neither_is_right_the_user_learns_what_to_do(
    self_made: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    self_made.keys.trust(self_made.url, OTHER)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"another certificate.* --forget") as error:
        self_made.join(monkeypatch, Ca(CA))
    assert f"chat trust {self_made.url} sha256:" in str(error.value)
    assert self_made.pin == OTHER


def test_authorities_that_are_typed_are_asked_alone_and_are_in_the_next_command(
    vouched: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    vouched.keys.trust(vouched.url, certificate().pin)
    with pytest.raises(ssl.SSLCertVerificationError, match="no authority"):
        vouched.join(monkeypatch, Ca(ssl.get_default_verify_paths().cafile, typed=True))
    vouched.join(monkeypatch, Ca(CA, typed=True))
    assert vouched.pin is None
    assert f"now run: chat client {vouched.url} --ca {CA}\n" in capfd.readouterr().out


def test_a_pin_of_a_link_takes_the_place_of_the_stored_one(
    vouched: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    vouched.keys.trust(vouched.url, OTHER)
    vouched.join(monkeypatch, Ca(), certificate().pin)
    assert vouched.pin == certificate().pin
    with pytest.raises(ssl.SSLCertVerificationError, match="another certificate"):
        vouched.join(monkeypatch, Ca(CA, typed=True), OTHER)


# --- every other command -------------------------------------------------------------------------


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[KeyFile]:
    """A server without accounts that an authority vouches for, and a stored pin of another certificate."""
    with serve("chats://127.0.0.1:0", cert=certificate()) as server:
        file = KeyFile(tmp_path / "keys.json")
        file.trust(str(server.listening[0]), OTHER)
        yield file


@pytest.mark.parametrize(
    "command",
    [["rooms"], ["tail", "lobby"], ["send", "lobby", "hello"], ["client"]],
    ids=lambda each: each[0],
)
def test_what_is_typed_wins_over_a_stored_pin_and_a_setting_does_not(
    pinned: KeyFile, inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (url,) = pinned.entries()
    files = {"CHAT_KEY_FILE": str(pinned.path), "CHAT_URL": url}
    settings = tmp_path / "chat.toml"
    settings.write_text(f'ca = "{CA}"\n')
    for refused in (
        inside(*command, CHAT_CA=CA, **files),
        inside(*command, CHAT_CONFIG=str(settings), **files),
    ):
        assert "another certificate than the one that you trust" in refused.stderr
        assert refused.returncode == 1
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert inside(*command, "--ca", CA, **files).returncode == 0


def test_a_pin_that_is_forgotten_leaves_the_server_to_the_authorities(
    pinned: KeyFile, inside: Inside
) -> None:
    (url,) = pinned.entries()
    files = {"CHAT_KEY_FILE": str(pinned.path)}
    assert inside("rooms", "--url", url, CHAT_CA=CA, **files).returncode == 1
    done = inside("trust", url, "--forget", **files)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"the fingerprint of {url} is forgotten" in done.stdout
    assert inside("rooms", "--url", url, CHAT_CA=CA, **files).returncode == 0
    again = inside("trust", url, "--forget", **files)
    assert (again.returncode, again.stderr) == (0, "")
    assert f"no fingerprint of {url} is stored" in again.stdout


def test_the_command_in_the_error_is_enough(pinned: KeyFile, inside: Inside) -> None:
    (url,) = pinned.entries()
    files = {"CHAT_KEY_FILE": str(pinned.path)}
    refused = inside("rooms", "--url", url, **files)
    commands = re.findall(r"run: chat (trust \S+ [^\s;]+)", refused.stderr)
    assert commands == [f"trust {url} {certificate().fingerprint}", f"trust {url} --forget"]
    trusted = inside(*commands[0].split(), **files)
    assert trusted.returncode == 0, trusted.stderr
    assert inside("rooms", "--url", url, **files).returncode == 0


@pytest.mark.parametrize(
    "args",
    [
        ["chat://h:1", "sha256:" + "A" * 43],
        ["chats://h:1", "sha256:short"],
        ["chats://h:1", "md5:" + "A" * 43],
        ["chats://h:1", "sha256:" + "A" * 43, "--forget"],
        ["chats://h:1"],
        ["chat://h:1", "--forget"],
    ],
)
def test_trust_takes_an_encrypted_address_and_a_fingerprint(
    inside: Inside, tmp_path: Path, args: list[str]
) -> None:
    done = inside("trust", *args, CHAT_KEY_FILE=str(tmp_path / "keys.json"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert not (tmp_path / "keys.json").exists()
