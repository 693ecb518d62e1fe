"""The client of `transports/web` with the addresses of servers that share a log, of either transport."""

from contextlib import ExitStack
from pathlib import Path

from tests.cli.processes import chat_server
from tests.jetstream.people import enter
from tests.jetstream.shared import shared_servers
from tests.web_client.test_web_client import need_node, run_tests


def test_a_chat_continues_at_the_next_server_when_its_own_is_gone(tmp_path: Path) -> None:
    need_node()
    nats = shared_servers()
    journal = f"nats://{','.join(nats.addresses)}?stream={nats.new_stream().name}&state={tmp_path}"
    listens = ("chat://127.0.0.1:0", "http://127.0.0.1:0")
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                chat_server("--journal", f"{journal}/{n}.db", "--transport", transport, listens=listens)
            )
            for n, transport in enumerate(["asyncio", "threaded", "asyncio"])
        ]
        for number, node in enumerate(nodes):
            enter(node, f"first{number}").close()  # once it lets people in
        run_tests(
            "nodes.test.mjs",
            NODES=",".join(node.urls[1] for node in nodes),
            PROCESSES=",".join(str(node.process.pid) for node in nodes),
        )
