"""The client of `transports/web` with the addresses of two servers that share a log, of either transport."""

from tests.cli.processes import CHAT
from tests.jetstream.shared import shared_servers
from tests.web_client.test_web_client import need_node, run_tests


def test_a_chat_continues_at_the_next_server_when_its_own_is_gone() -> None:
    need_node()
    nats = shared_servers()
    run_tests("nodes.test.mjs", CHAT=CHAT, NATS=",".join(nats.addresses), STREAM=nats.new_stream().name)
