"""What happens behind a proxy: limits, restarts, invites, and a proxy that leaves something out."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chatcore.accounts import Administration
from tests.cli.processes import chat, chat_server
from tests.page.browser import Visitor, chromium
from tests.page.servers import kill
from tests.ports import fixed_port
from tests.protocol.frames import Error, Message, Welcome
from tests.proxies.proxies import HOST, proxy, server_options
from tests.proxies.site import CLOSE, Site
from tests.transports.peers import line
from tests.transports.web import WebPeer, ask_for


def test_a_path_without_its_slash_leads_to_the_page(site: Callable[..., Site]) -> None:
    place = site()
    status, head, _ = place.ask_for(place.proxy.path.rstrip("/"))
    assert status in (301, 302)
    location = next(each for each in head.splitlines() if each.lower().startswith("location: "))
    assert location.endswith(place.proxy.path)


def test_limits_are_for_those_whom_the_proxy_speaks_for(site: Callable[..., Site]) -> None:
    place = site("--limit=connections_per_address=1")
    place.serve()
    place.peer("ada", source="127.0.0.2")
    place.peer("bob", source="127.0.0.3")
    invented = place.peer(source="127.0.0.2", headers=("X-Forwarded-For: 192.0.2.1",))
    error, *_ = invented.receive_all()
    assert isinstance(error, Error)
    assert (error.code, invented.code) == ("limit_exceeded", 1013)


def test_files_are_no_new_connections_of_whoever_opens_the_page(site: Callable[..., Site]) -> None:
    place = site("--limit=new_connections_burst=2", "--limit=new_connections_per_second=0.01")
    place.serve()
    for _ in range(8):
        assert place.ask_for(place.proxy.path, source="127.0.0.2")[0] == 200
    ada = place.peer("ada", "lobby", source="127.0.0.2")
    ada.post("still welcome", "1")
    assert ada.receive(Message).text == "still welcome"
    statuses = [place.ask_for(place.proxy.path, source="127.0.0.2")[0] for _ in range(10)]
    assert set(statuses) == {200, 429}
    assert place.ask_for(place.proxy.path, source="127.0.0.3")[0] == 200


def test_the_server_behind_it_may_restart(site: Callable[..., Site]) -> None:
    place = site()
    server = place.serve()
    ada = place.peer("ada", "lobby")
    server.signal(signal.SIGTERM)
    assert ada.reason_of_end() == "drain"
    assert ada.code == 1012
    server.wait()
    assert place.ask_for(place.proxy.path)[0] == 502
    place.serve()
    ada, bob = place.peer("ada", "lobby"), place.peer("bob", "lobby")
    ada.post("back", "2")
    assert bob.receive(Message).text == "back"


def test_an_invite_leads_through_the_proxy(row: tuple[str, str], tmp_path: Path) -> None:
    name, transport = row
    accounts, port = tmp_path / "accounts.db", fixed_port()
    with Administration(accounts, by="local:test", create=True) as book:
        book.add("ada")
    options = [word.replace("accounts.db", str(accounts)) for word in server_options(port)[2:]]
    with (
        proxy(name, tmp_path, fixed_port(), port) as front,
        chat_server("--transport", transport, *options, listens=(f"http://127.0.0.1:{port}",)),
    ):
        (link,) = chat("invite", "--for", "ada", "--accounts", str(accounts)).stdout.split()
        url, _, invite = link.partition("#")
        assert url == f"https://{HOST}{front.path}"
        beside = ask_for(front.port, f"{front.path}connect.json", CLOSE, name=HOST)[2]
        assert json.loads(beside) == {"insecure": False}
        origin = f"Origin: {front.origin}"
        with WebPeer(front.port, headers=(origin,), name=HOST, path=f"{front.path}ws") as ada:
            ada.send(line("hello", protocol=1, nick="ada", key="k" * 43, invite=invite))
            assert ada.receive(Welcome).nick == "ada"


# --- another configuration -----------------------------------------------------------------------


WITHOUT_HOST = {
    "nginx": ("proxy_set_header Host $http_host;", ""),
    "caddy": (
        "127.0.0.1:{port}",
        "127.0.0.1:{port} {{\n        header_up Host {{upstream_hostport}}\n    }}",
    ),
}


@pytest.fixture
def without_host(row: tuple[str, str], site: Callable[..., Site]) -> Site:
    """A proxy that does not pass ``Host`` as the browser sent it."""

    def change(text: str, port: int) -> str:
        old, new = (each.format(port=port) for each in WITHOUT_HOST[row[0]])
        assert old in text
        return text.replace(old, new)

    place = site(change=change)
    place.serve()
    return place


def test_without_host_the_page_comes_and_its_socket_is_refused(without_host: Site) -> None:
    path = without_host.proxy.path
    assert without_host.ask_for(path)[0] == 200
    status, _, body = without_host.ask_for(f"{path}ws", f"Origin: {without_host.proxy.origin}")
    assert status == 403
    assert b"a proxy has to pass Host" in body


# --- in a browser --------------------------------------------------------------------------------


def test_a_page_talks_through_it_and_reconnects_after_a_restart(site: Callable[..., Site]) -> None:
    place = site()
    server = place.serve()
    with chromium(*place.proxy.chromium_options) as browser:
        ada = Visitor(browser, place.proxy.url, "ada")
        ada.say("before")
        ada.sees("before")
        kill(server)
        ada.waits_for_the_server()
        ada.say("meanwhile")
        ada.sees_unsent("meanwhile")
        place.serve()
        ada.notice_network()
        ada.sees("meanwhile")
        assert ada.faults == []


def test_a_page_says_what_a_proxy_has_to_pass(without_host: Site) -> None:
    front = without_host.proxy
    with chromium(*front.chromium_options) as browser, browser.new_context() as context:
        page = context.new_page()
        page.goto(front.url)
        page.get_by_label("Your name").fill("ada")
        page.get_by_role("button", name="Enter").click()
        expect(page.locator("body")).to_contain_text("it has to pass on Host and Upgrade")
