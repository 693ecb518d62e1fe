"""`chat server --journal nats://...`: several servers, one log of messages, and one of who is here."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Closing, Message, RefusedError
from tests.cli.processes import ChatServer, chat, chat_server
from tests.faults.proxy import FaultProxy
from tests.jetstream.people import PATIENCE, enter
from tests.jetstream.servers import NatsServers, ask
from tests.jetstream.shared import shared_servers
from transports.threaded_tcp import Chat, connect

numbers = itertools.count()


def journal(servers: NatsServers, stream: str, state: Path) -> tuple[str, str]:
    """Return the options of a server with a copy of its own."""
    return "--journal", f"nats://{','.join(servers.addresses)}?stream={stream}&state={state}"


def next_text(client: Chat) -> str:
    """Return the next text that is shown."""
    while not isinstance(event := client.receive(20.0), Message):
        assert event is not None
    return event.text


def wait_for_members(client: Chat, *nicks: str) -> None:
    """Wait until exactly these are in the lobby: for a server that was killed, a `LEASE` and a `BEAT`."""
    while set(client.who()) != set(nicks):
        assert client.receive(PATIENCE) is not None


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChatServer, ChatServer]]:
    """Two servers that share everything, one of each transport."""
    nats, directory = shared_servers(), tmp_path_factory.mktemp("house")
    stream = nats.new_stream().name
    with (
        chat_server(*journal(nats, stream, directory / "a.db"), "--transport", "asyncio") as a,
        chat_server(*journal(nats, stream, directory / "b.db"), "--transport", "threaded") as b,
    ):
        yield a, b


@pytest.fixture
def nicks() -> tuple[str, str]:
    """Two nicks that no other test has."""
    number = next(numbers)
    return f"ada{number}", f"bob{number}"


def test_what_is_posted_at_one_server_is_read_at_the_other(
    house: tuple[ChatServer, ChatServer], nicks: tuple[str, str]
) -> None:
    a, b = house
    with enter(a, nicks[0]) as ada, enter(b, nicks[1]) as bob:
        ack = ada.post("from a")
        assert ack.durability == "written"
        assert next_text(bob) == "from a"
        assert bob.post("from b").seq > ack.seq
        assert next_text(bob) == "from b"
        assert [next_text(ada), next_text(ada)] == ["from a", "from b"]
        assert ada.position() == bob.position()


def test_who_is_at_either_server_is_seen_at_both(
    house: tuple[ChatServer, ChatServer], nicks: tuple[str, str]
) -> None:
    a, b = house
    with enter(a, nicks[0]) as ada:
        with enter(b, nicks[1]) as bob:
            wait_for_members(bob, *nicks)
            wait_for_members(ada, *nicks)
            assert [room.count for room in ada.list_rooms().rooms if room.room == "lobby"] == [2]
        wait_for_members(ada, nicks[0])


def test_a_nick_that_one_server_has_given_is_refused_at_the_other(
    house: tuple[ChatServer, ChatServer], nicks: tuple[str, str]
) -> None:
    for here, there, nick in zip(house, reversed(house), nicks, strict=True):
        with enter(here, nick):
            with pytest.raises(RefusedError) as caught:
                enter(there, nick.upper())
            assert caught.value.code == "nick_taken"


def test_a_secret_takes_a_session_to_the_other_server(
    house: tuple[ChatServer, ChatServer], nicks: tuple[str, str]
) -> None:
    for here, there, nick in zip(house, reversed(house), nicks, strict=True):
        with enter(here, nick) as first, enter(there, nick, first.secret) as second:
            while not isinstance(event := first.receive(20.0), Closing):
                assert event is not None
            assert event.reason == "taken_over"
            assert second.nick == nick


def test_nicks_of_a_server_that_is_killed_are_kept_for_their_owners(
    nats: NatsServers, tmp_path: Path
) -> None:
    stream = nats.new_stream().name
    with (
        chat_server(*journal(nats, stream, tmp_path / "a.db")) as a,
        chat_server(*journal(nats, stream, tmp_path / "b.db")) as b,
        enter(a, "ada") as ada,
        enter(b, "bob") as bob,
    ):
        wait_for_members(bob, "ada", "bob")
        secret = ada.secret
        a.process.kill()
        wait_for_members(bob, "bob")
        with pytest.raises(RefusedError) as caught:
            enter(b, "ada")
        assert caught.value.code == "nick_taken"
        with enter(b, "ada", secret) as again:
            assert set(again.who()) == {"ada", "bob"}


@pytest.mark.parametrize("transport", ["asyncio", "threaded"])
def test_a_server_that_is_cut_off_lets_nobody_in_and_keeps_no_session_from_another(
    nats: NatsServers, tmp_path: Path, transport: str
) -> None:
    stream = nats.new_stream().name
    with (
        FaultProxy(int(nats.addresses[0].rpartition(":")[2])) as proxy,
        chat_server(
            "--journal",
            f"nats://127.0.0.1:{proxy.port}?stream={stream}&state={tmp_path}/a.db",
            "--transport",
            transport,
        ) as a,
        chat_server(*journal(nats, stream, tmp_path / "b.db")) as b,
        enter(a, "ada") as ada,
        enter(b, "bob") as bob,
    ):
        wait_for_members(bob, "ada", "bob")
        proxy.refusing = True
        proxy.end_all("reset")
        wait_for_members(bob, "bob")
        with pytest.raises(RefusedError) as caught:
            connect(a.url, nick="cleo")
        assert caught.value.code == "unavailable"
        assert ada.history().messages == ()
        bob.post("while it is away")
        with enter(b, "ada", ada.secret) as again:
            proxy.refusing = False
            while not isinstance(event := ada.receive(20.0), Closing):
                assert event is not None
            assert event.reason == "taken_over"
            with enter(a, "cleo") as cleo:
                wait_for_members(cleo, "ada", "bob", "cleo")
                wait_for_members(again, "ada", "bob", "cleo")
                while not (
                    read := cleo.history().messages
                ):  # the log of messages has a connection of its own
                    assert cleo.receive(20.0) is not None
                assert [message.text for message in read] == ["while it is away"]


def test_servers_say_who_is_here_once_nats_has_forgotten_it(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats") as servers:
        options = [journal(servers, "chat", tmp_path / f"{name}.db") for name in "abc"]
        with (
            chat_server(*options[0]) as a,
            chat_server(*options[1]) as b,
            enter(a, "ada") as ada,
            enter(b, "bob") as bob,
        ):
            wait_for_members(bob, "ada", "bob")
            ada.post("stored")
            assert next_text(bob) == "stored"
            servers.servers[0].kill()
            (stream,) = (tmp_path / "nats").rglob("streams/chat-live")
            shutil.rmtree(stream)
            with chat_server(*options[2]) as c:
                with pytest.raises(RefusedError) as caught:
                    connect(c.url, nick="cleo")
                assert caught.value.code == "unavailable"
                assert [message.text for message in bob.history().messages] == ["stored"]
                early = ada.post_nowait("early")
                servers.servers[0].start()
                assert early.result(20.0).durability == "written"
                assert next_text(bob) == "early"
                with enter(c, "cleo") as cleo:
                    wait_for_members(cleo, "ada", "bob", "cleo")
                    wait_for_members(ada, "ada", "bob", "cleo")
                    wait_for_members(bob, "ada", "bob", "cleo")
                    with pytest.raises(RefusedError) as caught:
                        enter(c, "bob")
                    assert caught.value.code == "nick_taken"


def test_people_enter_where_nothing_is_left_of_who_was_here(nats: NatsServers, tmp_path: Path) -> None:
    stream = nats.new_stream().name
    with chat_server(*journal(nats, stream, tmp_path / "a.db")) as a, enter(a, "ada"):
        pass
    ask(nats, "purge_stream", f"{stream}-live")  # as NATS does, a quarter of an hour later
    with chat_server(*journal(nats, stream, tmp_path / "a.db")) as a, enter(a, "bob") as bob:
        assert bob.who() == ("bob",)


@pytest.mark.parametrize("command", [("history",), ("room", "remove", "lobby", "--journal")])
def test_commands_that_read_a_file_refuse_a_log(command: tuple[str, ...]) -> None:
    done = chat(*command, "nats://127.0.0.1:1")
    assert done.returncode == 2
    assert "needs a journal in a file" in done.stderr
