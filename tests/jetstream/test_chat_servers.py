"""`chat server --journal nats://...`: several servers, one log."""

from pathlib import Path

import pytest

from chatcore import Message
from tests.cli.processes import ChatServer, chat, chat_server
from tests.jetstream.servers import NatsServers
from transports.threaded_tcp import Chat, connect


def journal(servers: NatsServers, stream: str, state: Path) -> tuple[str, str]:
    """Return the options of a server with a copy of its own."""
    return "--journal", f"nats://{','.join(servers.addresses)}?stream={stream}&state={state}"


def enter(server: ChatServer, nick: str) -> Chat:
    """Connect and join the lobby."""
    return connect(server.url, nick=nick)


def next_text(client: Chat) -> str:
    """Return the next text that is shown."""
    while not isinstance(event := client.receive(20.0), Message):
        assert event is not None
    return event.text


def test_what_is_posted_at_one_server_is_read_at_the_other(nats: NatsServers, tmp_path: Path) -> None:
    stream = nats.new_stream().name
    with (
        chat_server(*journal(nats, stream, tmp_path / "a.db")) as a,
        chat_server(*journal(nats, stream, tmp_path / "b.db")) as b,
        enter(a, "ada") as ada,
        enter(b, "bob") as bob,
    ):
        ack = ada.post("from a")
        assert ack.durability == "written"
        assert next_text(bob) == "from a"
        assert bob.post("from b").seq > ack.seq
        assert next_text(bob) == "from b"
        assert [next_text(ada), next_text(ada)] == ["from a", "from b"]
        assert ada.position() == bob.position()


def test_a_server_starts_and_reads_while_its_log_cannot_be_reached(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats") as servers:
        options = journal(servers, "chat", tmp_path / "a.db")
        with chat_server(*options) as server, enter(server, "ada") as ada:
            ada.post("stored")
        servers.servers[0].kill()
        with chat_server(*options) as server, enter(server, "bob") as bob:
            assert [message.text for message in bob.history().messages] == ["stored"]
            early = bob.post_nowait("early")
            servers.servers[0].start()
            assert early.result(20.0).durability == "written"
            assert [message.text for message in bob.history().messages] == ["stored", "early"]


@pytest.mark.parametrize(
    "command", [("history",), ("doctor", "--journal"), ("room", "remove", "lobby", "--journal")]
)
def test_commands_that_read_a_file_refuse_a_log(command: tuple[str, ...]) -> None:
    done = chat(*command, "nats://127.0.0.1:1")
    assert done.returncode == 2
    assert "needs a journal in a file" in done.stderr


def test_accounts_in_a_file_are_refused_with_a_log(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.db"
    assert chat("account", "add", "ada", "--accounts", str(accounts)).returncode == 0
    done = chat("server", "--journal", "nats://127.0.0.1:1", "--accounts", str(accounts))
    assert done.returncode == 2
    assert "cannot have accounts in a file" in done.stderr
