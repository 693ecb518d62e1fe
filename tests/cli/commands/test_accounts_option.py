"""``chat server --accounts``: who is let in then, and where links lead."""

import signal
from pathlib import Path

import pytest

from chatcore.accounts import Administration
from tests.cli.conftest import Inside
from tests.cli.processes import chat, chat_server
from tests.transports.tls import new_certificate
from transports.certificates import Certificate

LOCAL = ("--listen", "chat://127.0.0.1:0")


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.db"
    with Administration(path, by="local:test", create=True) as administration:
        administration.add("ada")
    return path


def test_a_file_that_is_missing_is_refused_and_not_made(inside: Inside, tmp_path: Path) -> None:
    missing = tmp_path / "acounts.db"
    done = inside("server", *LOCAL, "--accounts", str(missing), XDG_DATA_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"there is no accounts file {missing}; " in done.stderr
    assert f"chat account add NAME --accounts {missing}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_empty_is_refused_and_nothing_is_opened(inside: Inside, tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    path.touch(0o600)
    done = inside("server", *LOCAL, "--accounts", str(path), XDG_DATA_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"the accounts file {path} is empty; " in done.stderr
    assert path.stat().st_size == 0
    assert not (tmp_path / "chatcore").exists()


def test_links_without_accounts_are_refused(inside: Inside) -> None:
    done = inside("server", *LOCAL, "--public-url", "chats://chat.example")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--accounts" in done.stderr


def test_a_file_that_others_can_read_is_refused(accounts: Path) -> None:
    accounts.chmod(0o640)
    done = chat("server", *LOCAL, "--accounts", str(accounts))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(accounts) in done.stderr


def test_an_address_of_this_machine_needs_keys_too(accounts: Path) -> None:
    with chat_server("--accounts", str(accounts)) as server:
        done = chat("send", "lobby", "hello", "--url", server.url)
        server.signal(signal.SIGTERM)
        _, errors = server.wait()
    assert done.returncode == 3
    assert "unauthorized" in done.stderr
    assert "chat join" in done.stderr
    assert f"people need an account in {accounts}" in errors


@pytest.mark.parametrize("cert", ["auto", "self-made", "of an authority"])
def test_links_begin_with_the_public_urls_and_have_the_pin_of_a_self_made_certificate(
    accounts: Path, tmp_path: Path, cert: str
) -> None:
    path = tmp_path / "made.pem"
    if cert == "self-made":
        Certificate.auto(path)
    elif cert == "of an authority":
        path = new_certificate(tmp_path)
    urls = ("--public-url", "chats://chat.example", "--public-url", "https://chat.example/talk")
    args = ("--cert", cert if cert == "auto" else str(path), "--accounts", str(accounts))
    with chat_server(*args, *urls, listens=("chats://0.0.0.0:0",), XDG_DATA_HOME=str(tmp_path)) as server:
        server.signal(signal.SIGTERM)
        _, errors = server.wait()
    pin = f".{errors.rpartition('sha256:')[2].strip()}" if "sha256:" in errors else ""
    with Administration(accounts, by="local:test") as administration:
        invite = administration.invite()
        links = administration.links(invite)
    secret = invite.secret
    assert bool(pin) == (cert != "of an authority")
    assert links == (f"chats://chat.example:7024/#{secret}{pin}", f"https://chat.example/talk/#{secret}")


def test_without_public_urls_those_that_were_stored_stay_but_not_the_pin_of_another_certificate(
    accounts: Path,
) -> None:
    with Administration(accounts, by="local:test") as administration:
        administration.publish(["chats://chat.example"], "p" * 43)
    with chat_server("--accounts", str(accounts)):
        pass
    with Administration(accounts, by="local:test") as administration:
        assert [(each.url, each.pin) for each in administration.urls()] == [
            ("chats://chat.example:7024/", None)
        ]
