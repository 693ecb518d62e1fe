"""``chat server --accounts``: who is let in then, and where links lead."""

import re
import signal
from pathlib import Path

import pytest

from chatcore.accounts import Administration
from tests.cli.conftest import Inside
from tests.cli.processes import chat, chat_server, chat_server_in_session, line_of
from tests.ports import fixed_port
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
    shown = re.search(r"sha256:(\S+)", errors)
    pin = f".{shown[1]}" if shown else ""
    with Administration(accounts, by="local:test") as administration:
        invite = administration.invite()
        links = administration.links(invite)
    secret = invite.secret
    assert bool(pin) == (cert != "of an authority")
    assert links == (f"chats://chat.example:7024/#{secret}{pin}", f"https://chat.example/talk/#{secret}")


def stored(accounts: Path) -> list[tuple[str, str | None]]:
    """Return what links begin with, and the pin in them."""
    with Administration(accounts, by="local:test") as administration:
        return [(each.url, each.pin) for each in administration.urls()]


def test_without_public_urls_a_server_changes_the_pin_of_those_with_its_ports_alone(
    accounts: Path, tmp_path: Path
) -> None:
    cert, port = Certificate.auto(tmp_path / "made.pem"), fixed_port()
    with Administration(accounts, by="local:test") as administration:
        administration.publish([f"chats://chat.example:{port}", "chats://other.example:1"], "p" * 43)
    with chat_server("--accounts", str(accounts), listens=(f"chat://127.0.0.1:{port}",)):
        pass
    assert [pin for _, pin in stored(accounts)] == ["p" * 43, "p" * 43]
    args = ("--cert", str(cert.cert), "--accounts", str(accounts))
    with chat_server(*args, listens=("chats://127.0.0.1:0",)):
        pass
    assert [pin for _, pin in stored(accounts)] == ["p" * 43, "p" * 43]
    with chat_server(*args, listens=(f"chats://127.0.0.1:{port}",)):
        pass
    assert [pin for _, pin in stored(accounts)] == [cert.pin, "p" * 43]


def test_links_have_the_pin_of_a_certificate_that_was_loaded_while_the_server_runs(
    accounts: Path, tmp_path: Path
) -> None:
    path = tmp_path / "made.pem"
    before = Certificate.auto(path).pin
    args = ("--cert", str(path), "--accounts", str(accounts), "--public-url", "chats://chat.example")
    listens = ("--listen", "chats://127.0.0.1:0")
    with chat_server_in_session(lambda: None, *args, *listens) as server:
        assert line_of(server.process.stdout).startswith("listening on chats://")
        assert [pin for _, pin in stored(accounts)] == [before]
        server.says_in_time("its fingerprint")
        path.unlink()
        after = Certificate.auto(path)
        server.signal(signal.SIGHUP)
        server.says_in_time(f"was loaded again; its fingerprint is {after.fingerprint}")
        assert "new links have the fingerprint of the new certificate" in server.says()
        assert [pin for _, pin in stored(accounts)] == [after.pin]
