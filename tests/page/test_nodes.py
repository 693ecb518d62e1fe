"""Two servers that share a log, and pages of both: each continues at the other one when its own is gone."""

import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.cli.processes import ChatServer, chat_server
from tests.jetstream.people import enter
from tests.jetstream.shared import shared_servers
from tests.page.browser import Visitor
from tests.page.servers import OTHER, kill, transports
from tests.ports import fixed_port


class Node:
    """A server that shares its log with the other one, and can be started again."""

    def __init__(self, journal: str, state: Path, transport: str) -> None:
        self.url = f"http://127.0.0.1:{fixed_port()}"
        self._journal = f"{journal}&state={state}"
        self._transport = transport

    def serve(self, stack: ExitStack, *nodes: "Node") -> ChatServer:
        """Start it, as one of some nodes."""
        options = [f"--web-node={node.url}" for node in nodes]
        listens = ("chat://127.0.0.1:0", self.url)
        args = ("--journal", self._journal, "--transport", self._transport, *options)
        return stack.enter_context(chat_server(*args, listens=listens))


@pytest.mark.parametrize("transport", transports("asyncio"))
def test_an_open_page_continues_at_the_next_node_after_a_kill_and_a_drain(
    browser: Browser, tmp_path: Path, transport: str
) -> None:
    nats = shared_servers()
    journal = f"nats://{','.join(nats.addresses)}?stream={nats.new_stream().name}"
    a = Node(journal, tmp_path / "a.db", transport)
    b = Node(journal, tmp_path / "b.db", OTHER[transport])
    with ExitStack() as stack:
        first, second = a.serve(stack, a, b), b.serve(stack, a, b)
        for server in (first, second):
            enter(server, "first").close()  # once it lets people in
        ada, bob = Visitor(browser, a.url, "ada"), Visitor(browser, b.url, "bob")
        ada.say("one")
        for visitor in (ada, bob):
            visitor.sees("one")
        kill(first)
        ada.say("two")
        for visitor in (ada, bob):
            visitor.sees("two")
        enter(a.serve(stack, a, b), "first").close()
        second.signal(signal.SIGTERM)
        bob.say("three")
        for visitor in (ada, bob):
            visitor.sees("three")
            assert visitor.texts == visitor.shown == ["one", "two", "three"]
            assert visitor.faults == []
            assert visitor.page.evaluate("() => new URL(location).origin") == (a if visitor is ada else b).url
