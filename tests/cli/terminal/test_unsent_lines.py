"""Lines without an acknowledgement: sent again, offered, or recognised, and never twice nor lost."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import HistoryLimits, Hub, Limits, MemoryJournal, Position
from cli.state.remembered import Header, UnsentLine
from tests.cli.pty import ENTER
from tests.cli.terminal.remembering import client, load, quit_client, store
from tests.ports import fixed_port
from transports.threaded_tcp import Chat, connect, serve

DAY = 24 * 3600.0
KEPT_BYTES = 4_000


@pytest.fixture
def hub() -> Iterator[Hub]:
    limits = Limits(frames_per_second=None, frames_burst=10_000, session_seconds=600.0, tail_bytes=1)
    journal = MemoryJournal(HistoryLimits(memory_history_bytes=KEPT_BYTES))
    with contextlib.closing(Hub(limits=limits, journal=journal)) as hub:
        yield hub


@pytest.fixture
def server(hub: Hub) -> Iterator[str]:
    with serve("chat://127.0.0.1:0", hub=hub) as running:
        yield str(running.listening[0])


@pytest.fixture
def bob(server: str) -> Iterator[Chat]:
    with connect(server, nick="bob") as bob:
        yield bob


def been_there(url: str, state: Path) -> None:
    """Let a client be in the lobby once."""
    with client(url, state) as ada:
        quit_client(ada)


def unsent(
    id_: str, text: str, age: float, behind: Position | None = None, room: str = "lobby"
) -> UnsentLine:
    place = None if behind is None else (behind.epoch, behind.seq)
    typed = time.time() - age
    return UnsentLine(id_, room, None, text, typed, place, typed)


def said(chat: Chat, room: str = "lobby") -> list[str]:
    return [message.text for message in chat.history(room, limit=100).messages]


def test_a_young_line_is_sent_again_and_one_that_is_there_is_not(
    server: str, bob: Chat, tmp_path: Path
) -> None:
    been_there(server, tmp_path)
    bob.post("while you were away")
    bob.post("stored", id="1")
    store(server, tmp_path, *(unsent(*line, 5.0).record() for line in (("1", "stored"), ("2", "young"))))
    with client(server, tmp_path) as ada:
        ada.type(f"new{ENTER}")
        ada.wait("ada: new")
        assert said(bob) == ["while you were away", "stored", "young", "new"]
        assert len([row for row in ada.everything if "stored" in row]) == 1
        assert not any("not sent" in row for row in ada.everything)
        quit_client(ada)
    assert not load(server, tmp_path).unsent


@pytest.mark.parametrize("age", [DAY, -60.0], ids=["old", "of the future"])
def test_an_old_line_is_offered_and_sent_when_its_owner_says_so(
    server: str, bob: Chat, tmp_path: Path, age: float
) -> None:
    been_there(server, tmp_path)
    store(server, tmp_path, unsent("1", "old\nlines", age, bob.position()).record())
    with client(server, tmp_path) as ada:
        ada.wait(": old lines; /resend 1, /drop 1")
        assert not any("twice" in row for row in ada.everything)
        assert said(bob) == []
        ada.type(f"/resend{ENTER}")
        ada.wait("ada: old")
        ada.type(f"/resend{ENTER}")
        ada.wait("there is nothing that was not sent")
        quit_client(ada)
    assert said(bob) == ["old\nlines"]
    assert not load(server, tmp_path).unsent


def test_what_the_server_may_have_forgotten_is_said_to_appear_twice(
    server: str, bob: Chat, tmp_path: Path
) -> None:
    been_there(server, tmp_path)
    start = bob.position()
    last = bob.post("soon expired")
    while bob.history("lobby", after=start.seq, limit=1).gaps is None:
        last = bob.post("and so on")
    lines = [
        unsent("1", "expired", DAY, start),
        unsent("2", "kept", DAY, Position(epoch=start.epoch, seq=last.seq)),
        unsent("3", "elsewhere", DAY, Position(epoch="other", seq=0)),
        unsent("4", "nowhere", DAY),
        unsent("5", "attic", 5.0, room="attic"),
    ]
    store(server, tmp_path, *(line.record() for line in lines))
    with client(server, tmp_path) as ada:
        for offer in (
            " in attic: attic; /resend 1, /drop 1; it may",
            ": expired; /resend 2, /drop 2; it may",
            ": elsewhere; /resend 4, /drop 4; it may",
            ": nowhere; /resend 5, /drop 5; it may",
        ):
            ada.wait(offer)
        assert any(row.endswith(": kept; /resend 3, /drop 3") for row in ada.everything)
        ada.type(f"/drop 2{ENTER}")
        ada.wait("* discarded: expired")
        ada.type(f"/resend 99{ENTER}")
        ada.wait("* there is no 99 of what was not sent")
        ada.type(f"/resend{ENTER}")  # which one?
        ada.wait_until(lambda: sum(": kept; /resend 3" in row for row in ada.everything) == 2, "a list")
        ada.type(f"/resend all{ENTER}")
        ada.wait("* you are not in attic; /join attic first, then /resend 1")
        ada.type(f"/join attic{ENTER}/1{ENTER}/resend{ENTER}")
        ada.wait("* sent to attic: attic (/2)")
        quit_client(ada)
    assert said(bob)[-3:] == ["kept", "elsewhere", "nowhere"]
    bob.join("attic")
    assert said(bob, "attic") == ["attic"]
    assert not load(server, tmp_path).unsent


def test_a_line_survives_a_kill_and_is_said_once(hub: Hub, tmp_path: Path) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    with contextlib.ExitStack() as first:
        first.enter_context(serve(url, hub=hub))
        with client(url, tmp_path) as ada:
            first.close()
            ada.wait("; reconnecting")
            ada.type(f"typed in vain{ENTER}")
            ada.wait("  not sent yet: typed in vain")
            (slot,) = (tmp_path / "chatcore" / "state").glob("*.jsonl")

            def is_written() -> bool:  # one key for each look
                ada.type("k")
                return b"typed in vain" in slot.read_bytes()

            ada.wait_until(is_written, "the line on the disk")
            ada.kill(signal.SIGKILL)
            ada.wait_exit()
    with serve(url, hub=hub), connect(url, nick="bob") as bob, client(url, tmp_path) as ada:
        ada.wait("ada: typed in vain")
        assert said(bob) == ["typed in vain"]


def test_what_is_not_confirmed_at_the_end_waits_for_the_next_start(hub: Hub, tmp_path: Path) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    with contextlib.ExitStack() as first:
        first.enter_context(serve(url, hub=hub))
        with client(url, tmp_path) as ada:
            first.close()
            ada.wait("; reconnecting")
            ada.type(f"/me waves{ENTER}hello{ENTER}/quit{ENTER}")
            assert ada.wait_exit() == 0
            assert ada.rows[-3:] == [
                "* not confirmed by the server (it is kept for your next start):",
                "/me waves",
                "hello",
            ]
    with serve(url, hub=hub), client(url, tmp_path) as ada:
        ada.wait("* ada waves")


def test_a_line_for_a_room_that_does_not_let_us_in_is_offered_and_said_nowhere_else(tmp_path: Path) -> None:
    limits = Limits(session_seconds=600.0, members_per_room=2)
    with contextlib.closing(Hub(limits=limits)) as hub, contextlib.ExitStack() as first:
        url = f"chat://127.0.0.1:{fixed_port()}"
        first.enter_context(serve(url, hub=hub))
        with client(url, tmp_path) as ada:
            first.close()
            ada.wait("; reconnecting")
            ada.type(f"/join ops{ENTER}for ops{ENTER}")
            ada.wait("  not sent yet: for ops")
            ada.wait_line("ada@ops>")
            with (
                serve("chat://127.0.0.1:0", hub=hub) as other,
                connect(str(other.listening[0]), nick="bob", rooms=["lobby", "ops"]) as bob,
                connect(str(other.listening[0]), nick="carol", rooms=["ops"]),
                serve(url, hub=hub),
            ):
                ada.wait("(limit_exceeded)")
                ada.wait(" in ops: for ops; /resend 1, /drop 1")
                ada.wait_line("ada@lobby>")
                assert not any("twice" in row for row in ada.everything)
                quit_client(ada)
                assert said(bob) == said(bob, "ops") == []
    (line,) = load(url, tmp_path).unsent.values()
    assert (line.room, line.text, line.sent) == ("ops", "for ops", None)


def test_a_line_that_was_not_stored_before_its_time_is_offered(tmp_path: Path) -> None:
    """The server of another time knew ids for a day; this one forgets them at once."""
    journal = MemoryJournal(HistoryLimits(dedupe_seconds=1.0))
    with contextlib.closing(Hub(journal=journal)) as hub, serve("chat://127.0.0.1:0", hub=hub) as running:
        url = str(running.listening[0])
        been_there(url, tmp_path)
        store(url, tmp_path, Header(url, "ada", DAY).record(), unsent("1", "forgotten", 5.0).record())
        with client(url, tmp_path) as ada:
            ada.wait(": forgotten; /resend 1, /drop 1")


def test_what_does_not_fit_stays_in_the_prompt(server: str, tmp_path: Path) -> None:
    been_there(server, tmp_path)
    lines = (unsent(str(number), "x", DAY, room="attic") for number in range(1_000))
    store(server, tmp_path, *(line.record() for line in lines))
    with client(server, tmp_path) as ada:
        ada.type(f"one more{ENTER}")
        ada.wait("* too many lines wait to be sent; this one is not taken")
        ada.wait_line("ada@lobby> one more")
        ada.wait("and 995 more; /resend lists them")
