"""Invites to a page: the links that are printed, what is beside the page, and who may follow it where."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chatcore.accounts import Administration
from cli.published import check_public_urls
from tests.cli.conftest import Inside
from tests.cli.processes import chat, chat_server
from tests.ports import fixed_port
from tests.transports.tls import authority_file, new_certificate
from tests.transports.web import ask_for
from transports.certificates import Certificate


@pytest.fixture
def accounts(tmp_path: Path) -> str:
    """A file with one account."""
    path = tmp_path / "accounts.db"
    with Administration(path, by="local:test", create=True) as book:
        book.add("ada")
    return str(path)


def beside_the_page(port: int) -> Mapping[str, Any]:
    """Return what is in ``connect.json``."""
    status, head, body = ask_for(port, "/any/path/connect.json")
    assert status == 200
    assert "Content-Type: application/json\r\n" in head
    content: Mapping[str, Any] = json.loads(body)
    return content


@pytest.mark.parametrize(("transport", "flags"), [("asyncio", []), ("threaded", ["--insecure"])])
def test_a_server_without_accounts_says_only_whether_it_is_insecure(transport: str, flags: list[str]) -> None:
    with chat_server("--transport", transport, *flags, listens=("http://127.0.0.1:0",)) as server:
        assert beside_the_page(server.port()) == {"insecure": bool(flags)}


@pytest.mark.parametrize("cert", ["made", "of an authority"])
def test_the_first_url_for_terminals_is_beside_the_page_with_the_pin_of_a_self_made_certificate(
    accounts: str, tmp_path: Path, cert: str
) -> None:
    path = tmp_path / "made.pem"
    pin = {"pin": Certificate.auto(path).pin} if cert == "made" else {}
    urls = ("https://chat.example/team", "chats://chat.example", "chat://other.example")
    options = [word for url in urls for word in ("--public-url", url)]
    listens = ("http://127.0.0.1:0", "chats://127.0.0.1:0")
    options += ["--accounts", accounts, "--cert", str(path if pin else new_certificate(tmp_path))]
    with chat_server(*options, listens=listens) as server:
        assert beside_the_page(server.port()) == {
            "url": "chats://chat.example:7024",
            **pin,
            "insecure": False,
        }


def test_a_link_to_a_page_leads_a_terminal_to_the_server(
    accounts: str, tmp_path: Path, inside: Inside
) -> None:
    terminals, browsers = f"chats://localhost:{fixed_port()}", f"https://localhost:{fixed_port()}"
    options = ("--accounts", accounts, "--cert", str(new_certificate(tmp_path)))
    public = ("--public-url", f"{browsers}/team/", "--public-url", terminals)
    with chat_server(*options, *public, listens=(terminals, browsers)):
        links = inside("invite", "--accounts", accounts).stdout.split()
        assert [link.partition("#")[0] for link in links] == [f"{browsers}/team/", f"{terminals}/"]
        keys = ("--key-file", str(tmp_path / "keys.json"), "--ca", str(authority_file()))
        done = chat("join", "--nick", "grace", *keys, stdin=f"{links[0]}\n")
        assert done.returncode == 0, done.stderr
        assert f"{browsers}/team/ leads to {terminals}" in done.stderr
        assert f"you are grace (member) at {terminals}" in done.stdout
        assert links[0].partition("#")[2] not in done.stdout + done.stderr


def test_a_page_of_a_server_for_browsers_alone_sends_a_terminal_away(
    accounts: str, tmp_path: Path, inside: Inside
) -> None:
    browsers = f"https://localhost:{fixed_port()}"
    options = ("--accounts", accounts, "--cert", str(new_certificate(tmp_path)))
    with chat_server(*options, "--public-url", browsers, listens=(browsers,)):
        (link,) = inside("invite", "--accounts", accounts).stdout.split()
        keys = ("--key-file", str(tmp_path / "keys.json"), "--ca", str(authority_file()))
        done = chat("join", "--nick", "grace", *keys, stdin=f"{link}\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{browsers}/ is for browsers and names no server for terminals" in done.stderr


def test_a_link_to_a_page_without_encryption_is_for_a_browser(accounts: str, inside: Inside) -> None:
    url = f"http://127.0.0.1:{fixed_port()}"
    with chat_server("--accounts", accounts, "--public-url", url, listens=(url,)):
        (link,) = inside("invite", "--accounts", accounts).stdout.split()
        assert link.startswith(f"{url}/#")
        done = chat("join", "--nick", "grace", stdin=f"{link}\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "open the link in a browser, or ask for one that begins with" in done.stderr


@pytest.mark.parametrize(
    "url", ["http://192.0.2.7:8024", "http://chat.example/team", "http://localhost.evil"]
)
def test_keys_are_sent_in_the_clear_only_by_leave(accounts: str, inside: Inside, url: str) -> None:
    options = ("--listen", "http://127.0.0.1:0", "--accounts", accounts, "--public-url", url)
    done = inside("server", "--journal", "memory", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"keys would be sent to {url} without encryption" in done.stderr
    check_public_urls([url], insecure=True)


@pytest.mark.parametrize(
    "url", ["http://localhost:8024", "http://[::1]:8024/", "http://a.localhost", "https://a"]
)
def test_this_machine_and_encryption_need_no_leave(url: str) -> None:
    check_public_urls([url], insecure=False)


def test_a_server_with_leave_has_links_in_the_clear(accounts: str, inside: Inside) -> None:
    options = ("--insecure", "--accounts", accounts, "--public-url", "http://192.0.2.7:8024")
    with chat_server(*options, listens=("http://127.0.0.1:0",)):
        (link,) = inside("invite", "--accounts", accounts).stdout.split()
    assert link.startswith("http://192.0.2.7:8024/#")
