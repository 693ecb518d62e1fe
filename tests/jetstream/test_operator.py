"""Whom `chat cluster config` lets do what: chat servers, and whoever manages their streams.

What is printed is run as it is printed.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError

from tests.cli.processes import chat, chat_server
from tests.jetstream.people import enter
from tests.jetstream.reader import Node, make_logs
from tests.jetstream.test_cluster_config import HOSTS, Printed
from transports.jetstream import JetStreamLog, Servers, Stream
from transports.jetstream.credentials import read_credentials

STREAMS = (Stream.of_messages("team", 1), Stream.of_live("team", 1), Stream.of_accounts("team", 1))
MANAGES = ("UPDATE", "PURGE", "SNAPSHOT", "DELETE", "RESTORE", "MSG.DELETE", "LEADER.STEPDOWN", "PEER.REMOVE")
NOISE = random.Random(1).randbytes(30_000)
MANY = 5
DEADLINE = 20.0


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[Printed]:
    """One server with both users, which runs."""
    more = ("--stream", "team", "--operator-creds", str(tmp_path / "operator.creds"))
    printed = Printed(tmp_path, HOSTS[:1], *more)
    with printed.running():
        yield printed


@pytest.fixture
def operator(printed: Printed) -> Path:
    """The operator's credentials."""
    return printed.creds.with_name("operator.creds")


class User:
    """A connection of a user, which may do only what the server permits."""

    def __init__(self, client: Client, refused: list[str]) -> None:
        self.client = client
        self._refused = refused

    async def ask(self, question: str, **content: object) -> Any:
        """Ask something of JetStream, and return the answer, which is no refusal."""
        payload = json.dumps(content).encode()
        reply = await self.client.request(f"$JS.API.{question}", payload, timeout=DEADLINE)
        answer = json.loads(reply.data)
        assert "error" not in answer, (question, answer)
        return answer

    async def permitted(self, subjects: Sequence[str]) -> list[str]:
        """Send nothing to each of some subjects; return those that the server has not refused."""
        for subject in subjects:
            await self.client.publish(subject, b"")
        await self.ask("STREAM.INFO.team")  # whose answer comes after the refusals
        refused = " ".join(self._refused).casefold()
        return [each for each in subjects if f'publish to "{each}"'.casefold() not in refused]

    async def back_up(self, name: str) -> tuple[Any, list[bytes]]:
        """Return what a stream is like, and a copy of what it has."""
        inbox = self.client.new_inbox()
        chunks = await self.client.subscribe(inbox)
        taken: list[bytes] = []
        how = {"deliver_subject": inbox, "no_consumers": True, "chunk_size": 1024, "window_size": 2048}
        like = await self.ask(f"STREAM.SNAPSHOT.{name}", **how)
        while (chunk := await chunks.next_msg(DEADLINE)).data:
            taken.append(chunk.data)
            if chunk.reply:
                await chunk.respond(b"")
        return like, taken

    async def restore(self, name: str, like: Any, chunks: list[bytes]) -> None:
        """Make a stream of its copy."""
        answer = await self.ask(f"STREAM.RESTORE.{name}", config=like["config"], state=like["state"])
        for chunk in chunks:
            await self.client.request(answer["deliver_subject"], chunk, timeout=DEADLINE)
        restored = await self.client.request(answer["deliver_subject"], b"", timeout=DEADLINE)
        assert "error" not in json.loads(restored.data)


@contextlib.asynccontextmanager
async def connected(printed: Printed, creds: Path, inbox: str) -> AsyncIterator[User]:
    """Connect as the user of a file."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    shown = read_credentials(creds)
    client = await nats.connect(
        [f"nats://{address}" for address in printed.addresses],
        user=shown.user,
        password=shown.password,
        inbox_prefix=inbox,
        error_cb=note,
    )
    try:
        yield User(client, refused)
    finally:
        await client.close()


def make_streams(printed: Printed, creds: Path) -> None:
    """Make all three with an entry in each, as a chat server does."""
    for stream in STREAMS:
        node = Node(JetStreamLog(Servers(printed.addresses, None, creds), stream))
        node.log.append(b"entry")
        node.wait_for(b"entry")
        node.log.close()


def test_whoever_operates_changes_backs_up_removes_and_restores_the_streams(
    printed: Printed, operator: Path
) -> None:
    make_streams(printed, printed.creds)

    async def operate(user: User, stream: Stream) -> None:
        name = stream.name
        for _ in range(MANY):
            await user.client.publish(stream.subject, NOISE)  # more than is sent unless it is acknowledged
        config = (await user.ask(f"STREAM.INFO.{name}"))["config"]
        config["max_bytes"] *= 2
        changed = await user.ask(f"STREAM.UPDATE.{name}", **config)
        assert changed["config"]["max_bytes"] == config["max_bytes"]
        like, chunks = await user.back_up(name)
        assert (await user.ask(f"STREAM.PURGE.{name}"))["purged"] == like["state"]["messages"] == MANY + 1
        await user.ask(f"STREAM.DELETE.{name}")
        await user.restore(name, like, chunks)

    async def main() -> None:
        async with connected(printed, operator, "_INBOX") as user:  # as `nats` does
            for stream in STREAMS:
                await operate(user, stream)
            assert sorted((await user.ask("STREAM.NAMES"))["streams"]) == [
                "team",
                "team-accounts",
                "team-live",
            ]
            assert (await user.ask("STREAM.LIST"))["total"] == 3
            assert (await user.ask("INFO"))["streams"] == 3

    asyncio.run(main())
    make_streams(printed, printed.creds)  # each entry that was restored is read


def test_chat_servers_may_do_what_they_do_and_nothing_else(printed: Printed, operator: Path) -> None:
    make_streams(printed, printed.creds)
    manage = [f"$JS.API.STREAM.{verb}.{stream.name}" for verb in MANAGES for stream in STREAMS]
    copies = [f"$JS.SNAPSHOT.{way}.team.x" for way in ("ACK", "RESTORE")]
    names = ["$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.INFO", "$JS.API.CONSUMER.CREATE.team"]
    others = [
        "$JS.API.STREAM.INFO.other",
        "$JS.API.STREAM.CREATE.other",
        "other.log",
        "$JS.API.STREAM.DELETE.other",
    ]
    feeds = [stream.feed for stream in STREAMS]
    own = [stream.subject for stream in STREAMS]

    async def main() -> None:
        async with connected(printed, printed.creds, "team.inbox") as user:
            assert await user.permitted([*manage, *copies, *names, *others, *feeds, *own]) == own
        async with connected(printed, operator, "_INBOX") as user:
            assert await user.permitted([*names[-1:], *others, *feeds, *own]) == own

    asyncio.run(main())


def test_a_user_who_may_not_hear_an_answer_gets_none(printed: Printed) -> None:
    make_streams(printed, printed.creds)

    async def main() -> None:
        async with connected(printed, printed.creds, "_INBOX") as user:
            with pytest.raises(NatsTimeoutError):
                await user.client.request("$JS.API.STREAM.INFO.team", b"", timeout=1.0)

    asyncio.run(main())


@pytest.mark.parametrize("shown", ["nats.creds", "operator.creds"])
def test_each_command_for_a_cluster_works_with_either_user(
    printed: Printed, tmp_path: Path, shown: str
) -> None:
    own = f"{printed.journal}&state={tmp_path / 'server.db'}"
    accounts = ("--accounts", own, "--public-url", "chats://ada-1")
    journal = ("--journal", f"{printed.journal.replace('nats.creds', shown)}&state={tmp_path / 'server.db'}")
    make_logs(Servers(printed.addresses, None, printed.creds), *STREAMS)
    with chat_server("--journal", own, *accounts):
        for command, words in (
            (("account", "add", "ada", "--accounts", journal[1]), ""),
            (("cluster", "set", "history_messages=50", *journal), "history_messages=50"),
            (("cluster", "new-epoch", "--yes", *journal), "began an epoch of team"),
            (("cluster", "new-epoch", "--accounts", *journal), "began an epoch of team-accounts"),
            (("cluster", "status", *journal), "alive     1 chat server"),
            (("doctor", *journal, "--accounts", journal[1]), "accounts team-accounts: 1"),
        ):
            done = chat(*command)
            assert (done.returncode, words in done.stdout) == (0, True), (command, done.stdout, done.stderr)


def test_people_talk_where_servers_have_the_rights_that_are_printed(printed: Printed, tmp_path: Path) -> None:
    journal = f"{printed.journal}&state={tmp_path / 'server.db'}"
    with chat_server("--journal", journal) as server, enter(server, "ada") as ada:
        assert ada.post("hello").seq == ada.history().messages[-1].seq


def test_the_routes_have_a_password_that_chat_servers_cannot_know(tmp_path: Path) -> None:
    creds = ("--creds", str(tmp_path / "nats.creds"))
    done = [
        chat("cluster", "config", "ada-1", "ada-2", "ada-3", *creds, *more).stdout
        for more in ((), *[("--operator-creds", str(tmp_path / f"{name}.creds")) for name in "abb"])
    ]
    routes = [text.partition("user: route, password: ")[2].split()[0] for text in done]
    assert len(set(routes)) == 3
    assert routes[2] == routes[3]


def test_two_users_need_two_names_and_two_passwords(tmp_path: Path) -> None:
    creds, same = tmp_path / "nats.creds", tmp_path / "operator.creds"
    creds.write_text("chat:secret\n")
    for line in ("chat:other", "operator:secret"):
        same.write_text(line)
        done = chat("cluster", "config", "ada-1", "--creds", str(creds), "--operator-creds", str(same))
        assert done.returncode == 2
        assert "users of their own, and two passwords" in done.stderr
    done = chat("cluster", "config", "ada-1", "--operator-creds", "/nowhere/operator.creds")
    assert "cannot use --operator-creds /nowhere/operator.creds" in done.stderr
