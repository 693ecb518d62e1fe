"""Two servers that share a log: a page of one of them continues at the other one when its own is gone."""

import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.cli.processes import chat_server
from tests.jetstream.people import enter
from tests.jetstream.shared import shared_servers
from tests.page.browser import Visitor
from tests.page.servers import OTHER
from tests.ports import fixed_port
from tests.rows import ALL

WAYS = [("asyncio", signal.SIGKILL), ("threaded", signal.SIGTERM)]


@pytest.mark.parametrize(("transport", "way"), WAYS if ALL else WAYS[:1], ids=str)
def test_an_open_page_continues_at_the_next_node(
    browser: Browser, tmp_path: Path, transport: str, way: signal.Signals
) -> None:
    nats = shared_servers()
    journal = f"nats://{','.join(nats.addresses)}?stream={nats.new_stream().name}&state={tmp_path}"
    pages = [f"http://127.0.0.1:{fixed_port()}" for _ in "ab"]
    nodes = [f"--web-node={page}" for page in pages]
    with (
        chat_server(
            *("--journal", f"{journal}/a.db", "--transport", transport, *nodes), listens=(pages[0],)
        ) as a,
        chat_server(
            *("--journal", f"{journal}/b.db", "--transport", OTHER[transport], *nodes),
            listens=("chat://127.0.0.1:0", pages[1]),
        ) as b,
        enter(b, "bob") as bob,
    ):
        ada = Visitor(browser, pages[0], "ada")
        ada.say("one")
        ada.sees("one")
        a.signal(way)
        ada.say("two")
        ada.sees("two")
        bob.post("three")
        ada.sees("three")
        assert ada.texts == ada.shown == ["one", "two", "three"]
        assert ada.faults == []
        assert ada.page.url.startswith(pages[0])
        assert set(bob.who()) == {"ada", "bob"}
