"""`--accounts nats://...`: the accounts of several servers, and the commands that change them."""

import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatcore import Closing, DisconnectedError, Left, RefusedError, new_key
from chatcore.accounts.replicated.machine import VERSION
from chatcore.accounts.replicated.state import AccountsState
from chatcore.replication.fence import Frame, ReadDigest, write_frame
from cli.settings.nats_accounts import accounts_address, accounts_stream, administration_of
from tests.cli.processes import DEADLINE, ChatServer, chat, chat_server
from tests.faults.proxy import FaultProxy
from tests.jetstream.people import enter
from tests.jetstream.reader import make_logs
from tests.jetstream.servers import NatsServers, ask
from tests.jetstream.shared import shared_servers
from transports.jetstream import Servers, Stream
from transports.threaded_tcp import Chat, connect

PUBLIC = ("--public-url", "chats://chat.example:7025")

REFUSING = ("--limit", "refusals_per_minute=none")
"""What lets somebody who was refused often come again from the address that all have here."""

RACES = 20

numbers = itertools.count()


def options(address: str, state: Path) -> tuple[str, ...]:
    """Return the options of a server with copies of its own, which has its journal and accounts in NATS."""
    shared = f"{address}&state={state}"
    return "--journal", shared, "--accounts", shared


def changed(*args: str) -> str:
    """Run a command that has to work; return what it prints."""
    done = chat(*args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ending(client: Chat) -> str:
    """Return why a session ended."""
    try:
        while not isinstance(event := client.receive(20.0), Closing):
            assert event is not None
    except (RefusedError, DisconnectedError) as error:
        return str(getattr(error, "code", error))
    return str(event.reason)


@dataclass(frozen=True)
class House:
    """Two servers that share everything, one of each transport, and the address of what they share."""

    a: ChatServer
    b: ChatServer
    address: str

    def invite(self) -> str:
        """Make an invite as a command does, without its start; return its secret."""
        with administration_of(accounts_address(self.address), by="local:test") as book:
            secret = book.invite().secret
        assert secret is not None
        return secret

    def member(self, server: ChatServer, name: str) -> tuple[Chat, str]:
        """Let somebody new in at a server; return what they are connected by, and their key."""
        key = new_key()
        return enter(server, name, key=key, invite=self.invite()), key

    def let_read(self, server: ChatServer) -> None:
        """Wait until a server has read what was changed elsewhere: it takes an invite only after that."""
        client, _ = self.member(server, f"passer{next(numbers)}")
        client.close()


def entries(house: House) -> int:
    """Return how many entries the log of the accounts has."""
    name = accounts_stream(accounts_address(house.address)).name
    return int(ask(shared_servers(), "stream_info", name).state.messages)


def wait_for_epoch(copy: Path) -> None:
    """Wait until a server has read that an epoch has begun, which ends a fork in its copy."""
    until = time.monotonic() + DEADLINE
    with closing(AccountsState(copy, read_only=True)) as file:
        while file.header().forked:
            assert time.monotonic() < until
            threading.Event().wait(0.05)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    nats, directory = shared_servers(), tmp_path_factory.mktemp("house")
    stream = nats.new_stream().name
    make_logs(Servers(nats.addresses), Stream.of_accounts(stream, 1))
    address = f"nats://{nats.addresses[0]}?stream={stream}"
    with (
        chat_server(*options(address, directory / "a.db"), *PUBLIC, *REFUSING, "--transport", "asyncio") as a,
        chat_server(
            *options(address, directory / "b.db"), *PUBLIC, *REFUSING, "--transport", "threaded"
        ) as b,
    ):
        with administration_of(accounts_address(address), by="local:test") as book:
            while not book.urls():  # a server stores them once it has read the log
                book.refresh()
        yield House(a, b, address)


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"ada{next(numbers)}"


def test_an_invite_of_a_command_lets_somebody_in_at_one_server_and_is_used_up_at_the_other(
    house: House, name: str
) -> None:
    printed, key = changed("invite", "--accounts", house.address), new_key()
    link = re.fullmatch(r"chats://chat\.example:7025/#(\S+)\n", printed)
    assert link is not None, printed
    invite = link[1]
    with enter(house.a, name, key=key, invite=invite) as ada:
        assert ada.account == name
        with pytest.raises(RefusedError) as caught:
            enter(house.b, "eve", key=new_key(), invite=invite)
        assert caught.value.code == "unauthorized"
    house.let_read(house.b)
    with enter(house.b, name, key=key) as again:
        assert again.account == name
        with pytest.raises(RefusedError) as caught:
            enter(house.a, name, key=new_key())
        assert caught.value.code == "unauthorized"
    listed = changed("account", "list", "--accounts", house.address)
    assert name in listed


def test_of_two_who_redeem_one_invite_at_two_servers_exactly_one_gets_in(house: House) -> None:
    def redeem(server: ChatServer, name: str, invite: str) -> str:
        try:
            with enter(server, name, key=new_key(), invite=invite) as client:
                return client.account or ""
        except RefusedError as error:
            return str(error.code)

    for _ in range(RACES):
        invite, names = house.invite(), [f"racer{next(numbers)}" for _ in "ab"]
        with ThreadPoolExecutor(2) as pool:
            outcomes = [*pool.map(redeem, (house.a, house.b), names, [invite, invite])]
        assert len({*outcomes} & {*names}) == 1, outcomes
        assert "unauthorized" in outcomes


def test_who_is_banned_by_a_command_is_put_out_everywhere_and_stays_out_until_unbanned(
    house: House, name: str
) -> None:
    first, key = house.member(house.a, name)
    house.let_read(house.b)
    with first, enter(house.b, name, key=key) as second:
        changed("ban", name, "--reason", "enough", "--accounts", house.address)
        assert {ending(first), ending(second)} == {"banned"}
    for server in (house.a, house.b):
        with pytest.raises(RefusedError) as caught:
            enter(server, name, key=key)
        assert caught.value.code == "forbidden"
    assert name in changed("bans", "--accounts", house.address)
    changed("unban", name, "--accounts", house.address)
    house.let_read(house.b)
    enter(house.b, name, key=key).close()
    audit = changed("audit", "--accounts", house.address)
    assert re.search(rf"local:\w+ +ban +- +{name} .*enough", audit)


def test_a_key_that_a_command_revokes_ends_its_sessions_at_both_servers(house: House, name: str) -> None:
    first, key = house.member(house.a, name)
    house.let_read(house.b)
    with first, enter(house.b, name, key=key) as second:
        changed("account", "revoke", name, "--all", "--accounts", house.address)
        assert {ending(first), ending(second)} == {"revoked"}
    with pytest.raises(RefusedError) as caught:
        enter(house.a, name, key=key)
    assert caught.value.code == "unauthorized"


def test_a_private_room_and_a_mute_hold_at_both_servers(house: House, name: str) -> None:
    owner, _ = house.member(house.a, name)
    guest, _ = house.member(house.b, f"guest-{name}x")
    with owner, guest:
        changed("account", "role", name, "moderator", "--accounts", house.address)
        house.let_read(house.a)
        room = f"room-{name}"
        owner.join(room)
        owner.moderate("close", room=room)
        house.let_read(house.b)
        with pytest.raises(RefusedError) as caught:
            guest.join(room)
        assert caught.value.code == "forbidden"
        owner.moderate("admit", room=room, nick=guest.nick)
        house.let_read(house.b)
        guest.join(room)
        owner.moderate("mute", room=room, nick=guest.nick)
        house.let_read(house.b)
        with pytest.raises(RefusedError) as caught:
            guest.post("silenced", room=room)
        assert caught.value.code == "forbidden"
        owner.moderate("kick", room=room, nick=guest.nick)
        while not isinstance(event := guest.receive(20.0), Left):
            assert event is not None
        assert event.room == room


def test_the_nick_of_an_account_is_nobody_elses_at_either_server(house: House, name: str) -> None:
    ada, _ = house.member(house.a, name)
    eve, _ = house.member(house.b, f"eve{name}")
    with ada, eve, pytest.raises(RefusedError) as caught:
        eve.set_nick(name)
    assert caught.value.code == "forbidden"


def test_a_server_that_starts_without_nats_lets_in_nobody_and_then_those_it_knows(
    nats: NatsServers, tmp_path: Path
) -> None:
    stream = nats.new_stream().name
    make_logs(Servers(nats.addresses), Stream.of_accounts(stream, 1))
    with FaultProxy(int(nats.addresses[0].rpartition(":")[2])) as proxy:
        address = f"nats://127.0.0.1:{proxy.port}?stream={stream}"
        home = options(address, tmp_path / "a.db")
        with chat_server(*home, *PUBLIC) as server:
            here, key = House(server, server, address), new_key()
            enter(server, "ada", key=key, invite=here.invite()).close()
        proxy.refusing = True
        proxy.end_all("reset")
        with chat_server(*home) as server:
            for given in (key, new_key()):
                with pytest.raises(RefusedError) as caught:
                    connect(server.url, nick="ada", key=given, timeout=30.0)
                assert caught.value.code == "unavailable"
            proxy.refusing = False
            with enter(server, "ada", key=key) as ada:
                assert ada.account == "ada"
            with pytest.raises(RefusedError) as caught:
                enter(server, "ada", key=new_key())
            assert caught.value.code == "unauthorized"


def test_the_log_of_the_accounts_is_shown_and_checked(house: House) -> None:
    house.invite()
    told = json.loads(changed("cluster", "status", "--json", "--journal", house.address))
    assert told["accounts"]["last"] > 0
    assert re.search(r"^accounts  up to \d", changed("cluster", "status", "--journal", house.address), re.M)
    checked = chat("doctor", "--journal", house.address, "--accounts", house.address).stdout
    assert re.search(r"^ok     accounts t\d+-accounts: \d+, 1 public URL$", checked, re.M), checked


def test_a_fork_of_the_accounts_is_shown_until_an_epoch_begins(nats: NatsServers, tmp_path: Path) -> None:
    stream = nats.new_stream().name
    make_logs(Servers(nats.addresses), Stream.of_messages(stream, 1), Stream.of_accounts(stream, 1))
    address = f"nats://{nats.addresses[0]}?stream={stream}&state={tmp_path / 'a.db'}"
    checked = ("--journal", address, "--accounts", address)
    with chat_server("--journal", address, "--accounts", address) as server:
        status = json.loads(changed("cluster", "status", "--json", "--journal", address))
        assert status["accounts"]["lag"] == 0
        assert f"ok     copy {tmp_path / 'a-accounts.db'}: " in changed("doctor", *checked)
        seen = ReadDigest(1, "0" * 32)
        other = write_frame(VERSION, Frame("aa", 0, 0, seen, {"act": "note_uses", "keys": []}))
        ask(nats, "publish", f"{stream}-accounts.log", other)
        server.says_in_time("servers have read different logs of accounts")
        done = chat("cluster", "status", "--journal", address)
        assert done.returncode == 1
        [problem] = re.findall(r"^problem   (.*)", done.stdout, re.M)
        assert problem.startswith(f"copy {tmp_path / 'a-accounts.db'}: servers have read different logs: ")
        assert problem.endswith("see `chat cluster new-epoch --accounts`")
        done = chat("doctor", *checked)
        assert done.returncode == 1
        wrong = re.findall(r"^wrong  (.*): servers have read different logs: ", done.stdout, re.M)
        assert wrong == [f"accounts {stream}-accounts", f"copy {tmp_path / 'a-accounts.db'}"]
        changed("cluster", "new-epoch", "--accounts", "--journal", address)
        wait_for_epoch(tmp_path / "a-accounts.db")
        changed("cluster", "status", "--journal", address)
        changed("doctor", *checked)


def test_a_copy_of_the_accounts_is_for_one_server(nats: NatsServers, tmp_path: Path) -> None:
    address = f"nats://{nats.addresses[0]}?stream={nats.new_stream().name}"
    accounts = f"{address}&state={tmp_path / 'a.db'}"
    with chat_server("--journal", accounts, "--accounts", accounts):
        other = f"{address}&state={tmp_path / 'b.db'}"
        done = chat("server", "--listen", "chat://127.0.0.1:0", "--journal", other, "--accounts", accounts)
    assert done.returncode == 1
    copy = tmp_path / "a-accounts.db"
    assert f"the accounts file {copy} is in use by another server (process " in done.stderr


def test_an_epoch_of_the_accounts_begins_without_one_of_the_messages(house: House, name: str) -> None:
    client, key = house.member(house.a, name)
    with client:
        epoch = client.position().epoch
        told = changed("cluster", "new-epoch", "--accounts", "--journal", house.address)
        assert re.fullmatch(r"began an epoch of t\d+-accounts\n", told)
        house.let_read(house.b)
        with enter(house.b, name, key=key) as again:
            assert again.position().epoch == epoch
    house.invite()


def test_accounts_in_a_log_that_is_not_there_are_a_problem() -> None:
    checked = chat("doctor", "--accounts", "nats://127.0.0.1:1").stdout
    assert "wrong  accounts chat-accounts: the accounts cannot be read: no server of it" in checked


def test_commands_say_who_makes_the_accounts_where_there_are_none(nats: NatsServers) -> None:
    stream = nats.new_stream().name
    done = chat("account", "add", "ada", "--accounts", f"nats://{nats.addresses[0]}?stream={stream}")
    assert done.returncode == 1
    assert f"there is no stream {stream}-accounts; the first server" in done.stderr


def test_commands_say_that_nats_cannot_be_reached() -> None:
    done = chat("ban", "ada", "--accounts", "nats://127.0.0.1:1")
    assert done.returncode == 1
    assert "the accounts cannot be read: no server of it can be reached" in done.stderr


def test_commands_take_the_accounts_that_the_server_has_in_its_settings() -> None:
    done = chat("audit", CHAT_SERVER_ACCOUNTS="nats://127.0.0.1:1")
    assert "no server of it can be reached" in done.stderr


@pytest.mark.parametrize(
    ("journal", "accounts", "words"),
    [
        ("nats://127.0.0.1:1", "accounts.db", "cannot have accounts in a file of one of them"),
        ("memory:", "nats://127.0.0.1:1", "are for servers that share a journal"),
        ("nats://127.0.0.1:1", "nats://", "is named as nats://HOST"),
    ],
)
def test_a_journal_and_accounts_that_do_not_fit_are_refused(
    tmp_path: Path, journal: str, accounts: str, words: str
) -> None:
    if not accounts.startswith("nats:"):
        accounts = str(tmp_path / accounts)
        changed("account", "add", "ada", "--accounts", accounts)
    done = chat("server", "--journal", journal, "--accounts", accounts)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize("command", [("backup", "copy.db"), ("restore", "copy.db")])
def test_a_backup_of_accounts_in_a_log_is_refused_with_what_to_do(command: tuple[str, ...]) -> None:
    done = chat(*command, "--accounts", "nats://127.0.0.1:1")
    assert done.returncode == 2
    assert "the tools of NATS" in done.stderr


def test_invites_that_nobody_has_made_are_no_entries(house: House) -> None:
    house.member(house.a, f"first{next(numbers)}")[0].close()
    before = entries(house)
    for server in (house.a, house.b):
        for number in range(10):
            with pytest.raises(RefusedError) as refused:
                enter(server, f"nobody{number}", key=new_key(), invite=new_key())
            assert refused.value.code == "unauthorized"
    assert entries(house) == before
