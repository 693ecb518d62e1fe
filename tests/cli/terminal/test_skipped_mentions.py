"""Mentions among the messages that were skipped at the start, of which there may be thousands."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from chatcore import Found, Gap, Hub, Joined, Limits, MemoryJournal, SqliteJournal
from cli.state.remembered import RoomMark
from cli.state.slots import Slots
from cli.terminal.conversation import Conversation
from cli.terminal.interests import Interests
from cli.terminal.memory import Memory
from cli.terminal.painter import Painter
from cli.terminal.skipped_mentions import PAGES_EACH, SEARCHES, SkippedMentions
from tests.cli.pty import ENTER, Pty
from tests.cli.terminal.drawn import text_of
from tests.cli.terminal.remembering import client, load, quit_client, store
from transports.asyncio_tcp import Chat
from transports.threaded_tcp import connect, serve

LIMITS = Limits(frames_per_second=None, frames_burst=100_000, session_seconds=600.0)
NOT_LOOKED = "* mentions further back were not looked for"


def miss(url: str, state: Path, mentions: dict[int, str]) -> None:
    """Have a client miss messages in two rooms, and some of them mention its user."""
    with client(url, state, "--room", "lobby", "--room", "ops") as ada:
        ada.wait("you are also in ops")
        ada.type(f"/highlight deploy{ENTER}")
        ada.wait("deploy counts as a mention now")
        quit_client(ada)
    with connect(url, nick="bob", rooms=["lobby", "ops"]) as bob:
        bob.post("Ada: 7", room="ops")  # acknowledged before the rest: rooms have no order among them
        for number in range(1_000):
            bob.post_nowait(mentions.get(number, f"missed {number}"), room="lobby")
        for _ in range(999):
            bob.post_nowait("and here", room="ops")
        bob.flush()


def read_by_fast_clock(url: str, state: Path, room: str) -> None:
    """Have the last client read a room by a clock that was ahead."""
    mark = load(url, state).rooms[room]
    store(url, state, replace(mark, read_at=mark.read_at + timedelta(hours=14)).record())


def rows_after(terminal: Pty, start: str) -> list[str]:
    rows = [row for row in terminal.everything if row]
    return rows[next(number for number, row in enumerate(rows) if start in row) :]


def test_they_are_searched_for_in_all_rooms(tmp_path: Path) -> None:
    with (
        contextlib.closing(Hub(limits=LIMITS)) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as running,
    ):
        url = str(running.listening[0])
        miss(url, tmp_path, {300: "are you there, ada?", 301: "adaptive", 950: "ada, you are late"})
        with client(url, tmp_path) as ada:
            ada.wait(" [lobby] bob: are you there, ada?")
            rows = rows_after(ada, "* of the messages that were skipped, 2 mention you:")
            assert rows[1].endswith(" [ops] bob: Ada: 7")
            assert rows[2].endswith(" [lobby] bob: are you there, ada?")
            assert not any(NOT_LOOKED in row for row in rows)
            assert sum("ada, you are late" in row for row in ada.everything) == 1
            ada.wait("2:ops 1,000!")
            quit_client(ada)
        assert [mention.text for mention in load(url, tmp_path).mentions.values()] == ["Ada: 7"]


def test_all_that_is_a_mention_is_searched_for_whatever_the_clock_says(tmp_path: Path) -> None:
    with (
        contextlib.closing(Hub(limits=LIMITS)) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as running,
    ):
        url = str(running.listening[0])
        miss(
            url,
            tmp_path,
            {300: "are you there, ada?", 301: "will you deploy, Ada?", 302: "the deploy"},
        )
        read_by_fast_clock(url, tmp_path, "lobby")
        read_by_fast_clock(url, tmp_path, "ops")
        with connect(url, nick="ada", rooms=["attic"]), client(url, tmp_path) as ada:
            ada.wait("* the nick ada is in use; you are ada-2 until it is free")
            ada.wait(" [lobby] bob: the deploy")
            rows = rows_after(ada, "* of the messages that were skipped, 4 mention you:")
            assert {row.rpartition("bob: ")[2] for row in rows[1:5]} == {
                "Ada: 7",
                "are you there, ada?",
                "will you deploy, Ada?",
                "the deploy",
            }
            assert not any(NOT_LOOKED in row for row in rows)


def test_without_a_search_the_newest_are_looked_through(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db", search=False)
    with (
        contextlib.closing(Hub(limits=LIMITS, journal=journal)) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as running,
    ):
        url = str(running.listening[0])
        miss(url, tmp_path, {5: "ada, so long ago", 700: "are you there, ada?"})
        with client(url, tmp_path) as ada:
            ada.wait(NOT_LOOKED)
            rows = rows_after(ada, "* of the messages that were skipped, 1 mentions you:")
            assert rows[1].endswith(" [lobby] bob: are you there, ada?")
            ada.type(f"/2{ENTER}")
            ada.wait("* you are in ops; 1,000 new messages")
            ada.wait("* 800 messages were skipped here (1 to 800)")
            assert not any("hidden" in row for row in ada.everything)


def test_nothing_is_said_where_nobody_was_mentioned(tmp_path: Path) -> None:
    with (
        contextlib.closing(Hub(limits=LIMITS, journal=MemoryJournal())) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as running,
    ):
        url = str(running.listening[0])
        with client(url, tmp_path) as ada:
            quit_client(ada)
        with connect(url, nick="bob") as bob:
            for number in range(300):
                bob.post_nowait(f"missed {number}")
            bob.flush()
            with client(url, tmp_path) as ada:
                ada.wait("missed 299")
                bob.post("and now")
                ada.wait("and now")
                assert not any("mention" in row for row in ada.everything)


class EndlessChat:
    """A server that always has more results; ``asked`` are the words that were searched for."""

    rooms = ("lobby",)

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def search(self, query: str, **bounds: Any) -> Found:
        assert (bounds["room"], bounds["after"], bounds["before"]) == ("lobby", 10, 301)
        self.asked.append(query)
        return Found(cursor="more", messages=())


def test_the_searches_have_a_bound_and_what_it_leaves_out_is_said(tmp_path: Path) -> None:
    slot = Slots(tmp_path / "state", "chat://127.0.0.1:1", "ada", account=False).take()
    slot.write(RoomMark("lobby", 1, "e", 10, datetime.now(UTC)).record())
    memory, painter, chat = Memory(slot), Painter(), EndlessChat()
    interests = Interests(memory, [f"word{number}" for number in range(SEARCHES)])
    conversation = Conversation(painter, "ada", lambda message: False, interests=interests)
    conversation.receive(Joined(room="lobby", epoch="e", head=300, after=10, count=1))

    async def look() -> str:
        shown = asyncio.get_running_loop().create_future()
        skipped = SkippedMentions(conversation, memory, painter, shown.set_result)
        gap = Gap(room="lobby", after=10, through=300, reason="skipped")
        conversation.receive(gap)
        skipped.receive(gap, cast(Chat, chat))
        async with asyncio.timeout(10):
            return text_of(await shown)

    assert NOT_LOOKED in asyncio.run(look())
    assert len(chat.asked) == SEARCHES
    assert chat.asked[: PAGES_EACH + 1] == ['"ada"'] * PAGES_EACH + ['"word0"']
    memory.close()
