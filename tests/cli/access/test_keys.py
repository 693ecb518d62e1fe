"""The file of keys: whose it is, when a key is in it, and what gets out of it."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcore import UsageError
from cli.access.keys import KeyFile
from cli.access.login import login_for
from cli.access.trust import Ca

URL = "chats://chat.example:7024"
INVITE = "i" * 32
PIN = "p" * 42 + "A"


def maker(*made: str) -> Callable[[], str]:
    """Return what makes these keys, one after the other."""
    return iter(made).__next__


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "data" / "keys.json")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_file_is_for_its_owner_alone(file: KeyFile, umask: int) -> None:
    before = os.umask(umask)
    try:
        file.begin(URL, INVITE, maker("k"))
        file.finish(URL, "ada", pin=PIN, insecure=False)
    finally:
        os.umask(before)
    assert {path.name: oct(mode(path)) for path in file.path.parent.iterdir()} == {
        "keys.json": "0o600",
        ".keys.json.lock": "0o600",
    }
    assert mode(file.path.parent) == 0o700


@pytest.mark.parametrize("exposed", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_can_read_or_write_is_not_used(file: KeyFile, exposed: int) -> None:
    file.begin(URL, INVITE, maker("secret-key"))
    file.path.chmod(exposed)
    for use in (
        lambda: file.entry(URL),
        lambda: file.begin(URL, INVITE, maker("other")),
        lambda: login_for(URL, str(file.path), Ca()),
    ):
        with pytest.raises(UsageError, match="chmod 600") as error:
            use()
        assert "secret-key" not in str(error.value)


def test_a_key_is_on_the_disk_before_it_is_given_out(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, move = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        done.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        sync(descriptor)

    def note_move(source: str, target: str) -> None:
        done.append("move")
        move(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_move)
    key = file.begin(URL, INVITE, maker("k1"))
    assert done == ["file", "move", "directory"]
    assert key == "k1"
    assert json.loads(file.path.read_text())["servers"][URL]["joining"]["key"] == "k1"


def test_the_same_link_finds_the_same_key_before_and_after_it_was_let_in(file: KeyFile) -> None:
    make = maker("k1")
    assert file.begin(URL, INVITE, make) == "k1"
    assert file.begin(URL, INVITE, make) == "k1"
    file.finish(URL, "ada", pin=None, insecure=False)
    assert file.begin(URL, INVITE, make) == "k1"
    assert file.entry(URL).account == "ada"


def test_another_link_replaces_no_key_unless_that_is_wanted_and_not_before_it_worked(file: KeyFile) -> None:
    file.begin(URL, INVITE, maker("k1"))
    file.finish(URL, "ada", pin=PIN, insecure=False)
    assert file.begin(URL, "j" * 32, maker("k2")) == "k1"
    assert file.begin(URL, "j" * 32, maker("k2"), again=True) == "k2"
    assert login_for(URL, str(file.path), Ca()).key == "k1"
    file.abandon(URL)
    assert file.begin(URL, "j" * 32, maker("k3"), again=True) == "k3"
    assert file.begin(URL, "l" * 32, maker("k4")) == "k1"  # and so k3, which was not let in, is forgotten
    assert file.begin(URL, "j" * 32, maker("k3"), again=True) == "k3"
    file.finish(URL, "grace", pin=None, insecure=False)
    login = login_for(URL, str(file.path), Ca())
    assert (login.key, login.account, login.pin) == ("k3", "grace", None)


def test_a_key_is_for_one_address_with_its_scheme(file: KeyFile) -> None:
    file.begin(URL, INVITE, maker("k1"))
    file.finish(URL, "ada", pin=PIN, insecure=False)
    path = str(file.path)
    assert login_for("chats://chat.example/", path, Ca()).key == "k1"
    assert login_for("chats://CHAT.example:7024", path, Ca()).key == "k1"
    for other in ("chat://chat.example:7024", "chats://chat.example:7025", "chats://chat.example.org"):
        assert login_for(other, path, Ca()).options == {
            "key": None,
            "ca": None,
            "pin": None,
            "insecure": False,
        }


def test_a_key_that_no_server_has_let_in_is_sent_by_no_command(file: KeyFile) -> None:
    file.begin(URL, INVITE, maker("k1"))
    assert login_for(URL, str(file.path), Ca("ca.pem")).options == {
        "key": None,
        "ca": "ca.pem",
        "pin": None,
        "insecure": False,
    }


def test_a_pin_is_enough_by_itself(file: KeyFile) -> None:
    file.trust(URL, PIN)
    assert login_for(URL, str(file.path), Ca("ca.pem")).options == {
        "key": None,
        "ca": None,
        "pin": PIN,
        "insecure": False,
    }


def test_authorities_that_are_typed_win_over_a_pin(file: KeyFile) -> None:
    file.trust(URL, PIN)
    login = login_for(URL, str(file.path), Ca("ca.pem", typed=True))
    assert (login.ca, login.pin) == ("ca.pem", None)


def test_a_pin_that_is_forgotten_leaves_the_key(file: KeyFile) -> None:
    file.begin(URL, INVITE, maker("k1"))
    file.finish(URL, "ada", pin=PIN, insecure=False)
    assert file.forget_pin(URL)
    login = login_for(URL, str(file.path), Ca())
    assert (login.key, login.pin) == ("k1", None)
    assert not file.forget_pin(URL)


def test_of_a_server_of_which_nothing_else_is_known_nothing_is_left(file: KeyFile) -> None:
    file.trust(URL, PIN)
    assert file.forget_pin(URL)
    assert file.entries() == {}


@pytest.mark.parametrize(
    "content",
    [
        b"secret-key",
        b"[]",
        b"{}",
        b'{"servers": 7}',
        b'{"servers": {"u": 7}}',
        b'{"servers":{"u":{"key":{}}}}',
        b"\xff",
    ],
)
def test_a_damaged_file_is_reported_without_its_content_and_not_replaced(
    file: KeyFile, content: bytes
) -> None:
    file.path.parent.mkdir()
    file.path.touch(0o600)
    file.path.write_bytes(content)
    with pytest.raises(UsageError, match="damaged") as error:
        file.begin(URL, INVITE, maker("k"))
    assert "secret-key" not in str(error.value)
    assert file.path.read_bytes() == content


def test_nothing_secret_is_in_a_repr(file: KeyFile) -> None:
    file.begin(URL, INVITE, maker("secret-key"))
    shown = repr(file.entries())
    file.finish(URL, "ada", pin=None, insecure=False)
    shown += repr(file.entry(URL)) + repr(login_for(URL, str(file.path), Ca()))
    assert "ada" in shown
    assert "secret-key" not in shown
    assert INVITE not in shown + file.path.read_text()


def test_programs_that_change_it_together_undo_nothing(file: KeyFile) -> None:
    urls = [f"chats://chat.example:{port}" for port in range(1, 25)]
    threads = [threading.Thread(target=file.begin, args=(url, INVITE, lambda: "k")) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(file.entries()) == sorted(urls)


def test_a_link_to_the_file_stays_one(file: KeyFile, tmp_path: Path) -> None:
    real = tmp_path / "synced.json"
    file.path.parent.mkdir()
    file.path.symlink_to(real)
    file.begin(URL, INVITE, maker("k1"))
    assert file.path.is_symlink()
    assert mode(real) == 0o600


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file of keys .*bot\.json"):
        login_for(URL, str(tmp_path / "bot.json"), Ca())


def test_without_a_home_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.access.login.keys_file", lambda: None)
    assert login_for(URL, None, Ca("ca.pem")).options["ca"] == "ca.pem"
    monkeypatch.setattr("cli.access.keys.keys_file", lambda: None)
    with pytest.raises(UsageError, match="--key-file"):
        KeyFile.of(None)
