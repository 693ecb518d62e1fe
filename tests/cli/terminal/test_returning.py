"""Coming back: what a person sees who quits the client, and starts it again later."""

import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import HistoryLimits, Hub, Limits, MemoryJournal
from tests.cli.processes import CHAT, chat_server
from tests.cli.pty import ENTER, Pty, in_terminal
from tests.cli.terminal.remembering import client, load, quit_client, store
from tests.ports import fixed_port
from tests.rows import MISSED
from transports.threaded_tcp import connect, serve

FOCUS_OUT = "\x1b[O"
BACKSPACE = "\x7f"
ROOM_MEMBERS = 2


def look_away(terminal: Pty) -> None:
    """Have the window lose the focus, and wait until the program knows: it takes its input in order."""
    terminal.type(f"{FOCUS_OUT}x")
    terminal.wait_line("ada@lobby> x")
    terminal.type(BACKSPACE)
    terminal.wait_line("ada@lobby>")


@pytest.fixture
def hub() -> Iterator[Hub]:
    limits = Limits(
        frames_per_second=None, frames_burst=10_000, session_seconds=600.0, members_per_room=ROOM_MEMBERS
    )
    journal = MemoryJournal(HistoryLimits(memory_history_bytes=32 * 1024 * 1024))
    with contextlib.closing(Hub(limits=limits, journal=journal)) as hub:
        yield hub


@pytest.fixture
def server(hub: Hub) -> Iterator[str]:
    with serve("chat://127.0.0.1:0", hub=hub) as running:
        yield str(running.listening[0])


@contextlib.contextmanager
def full_of_bobs(url: str, room: str) -> Iterator[None]:
    """Let as many enter a room as it holds."""
    with contextlib.ExitStack() as bobs:
        for number in range(ROOM_MEMBERS):
            bobs.enter_context(connect(url, nick=f"bob-{number}", rooms=[room]))
        yield


def own_rows(terminal: Pty) -> list[str]:
    return [re.sub(r"\d\d:\d\d", "HH:MM", row) for row in terminal.everything if row]


@pytest.mark.parametrize("transport", ["asyncio", "threaded"])
def test_what_was_missed_is_counted_marked_and_shown(transport: str, tmp_path: Path) -> None:
    url, options = f"chat://127.0.0.1:{fixed_port()}", ("--transport", transport)
    journal = f"sqlite:{tmp_path / 'journal.db'}"
    with (
        chat_server(*options, "--journal", journal, listens=(url,)),
        connect(url, nick="bob", rooms=["lobby", "ops"]) as bob,
    ):
        bob.post("seen")
        with client(url, tmp_path) as ada:
            ada.wait("bob: seen")
            ada.type(f"/join ops{ENTER}/1{ENTER}")
            ada.wait("you are in ops")
            ada.wait_line("ada@lobby>")
            quit_client(ada)
        for number in range(71):
            bob.post(f"missed {number}" if number != 33 else "Ada, are you there?")
        bob.post("in ops too", room="ops")
    with chat_server(*options, "--journal", journal, listens=(url,)), client(url, tmp_path) as ada:
        ada.wait("bob: missed 70")
        ada.wait("you are also in ops (/2)")
        rows = own_rows(ada)
    start = rows.index("* you are in lobby; nobody else is here; 71 new since HH:MM, 1 mentions you")
    assert rows[start + 1 : start + 3] == ["-- new messages --", "HH:MM~bob: missed 0"]
    assert "* you are also in ops (/2); nobody else is there; 1 new since HH:MM" in rows
    assert "HH:MM~bob: seen" not in rows


def test_of_thousands_the_newest_are_shown_and_back_shows_the_others(server: str, tmp_path: Path) -> None:
    with connect(server, nick="bob") as bob:
        with client(server, tmp_path) as ada:
            quit_client(ada)
        for number in range(MISSED):
            bob.post_nowait(f"missed {number}")
        bob.flush()
        with client(server, tmp_path) as ada:
            ada.wait(f"bob: missed {MISSED - 1}")
            rows = own_rows(ada)
            start = rows.index(f"* you are in lobby; 1 other is here; {MISSED:,} new since HH:MM")
            assert rows[start + 1 : start + 4] == [
                "-- new messages --",
                f"* {MISSED - 200:,} messages were skipped here (1 to {MISSED - 200})",
                f"HH:MM~bob: missed {MISSED - 200}",
            ]
            assert sum("bob: missed" in row for row in rows) == 200
            ada.type(f"/back 1{ENTER}")
            ada.wait(f"bob: missed {MISSED - 201}")


def test_what_nobody_has_looked_at_is_new_again(server: str, tmp_path: Path) -> None:
    with connect(server, nick="bob", rooms=["lobby", "ops"]) as bob:
        with client(server, tmp_path, "--room", "lobby", "--room", "ops") as ada:
            ada.wait("you are also in ops")
            bob.post("Ada?", room="ops")
            ada.wait("bob mentioned you in ops")
            look_away(ada)
            bob.post("while you look elsewhere")
            ada.wait("while you look elsewhere")
            ada.kill(signal.SIGTERM)
            assert ada.wait_exit() == 128 + signal.SIGTERM
        with client(server, tmp_path) as ada:
            ada.wait("* you are in lobby; 1 other is here; 1 new since ")
            ada.wait("* you are also in ops (/2); 1 other is there; 1 new since ")
            ada.wait(", 1 mentions you")


def test_rooms_keep_their_order_and_the_last_one_is_on_the_screen(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--room", "a", "--room", "b", "--room", "c") as ada:
        ada.wait("you are also in c")
        ada.type(f"/leave a{ENTER}/3{ENTER}")
        ada.wait_line("ada@c>")
        quit_client(ada)
    with client(server, tmp_path, wait="you are also in b (/2)") as ada:
        ada.wait_line("ada@c>")
        assert ada.rows[-2] == "2:b  [3:c]"


def test_a_client_that_is_killed_gets_its_nick_back(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path) as ada:
        ada.kill(signal.SIGSTOP)  # so the server does not see that it is gone
        with client(server, tmp_path, wait="until it is free") as second:
            second.wait("* the nick ada is in use; you are ada-2 until it is free")
            second.kill(signal.SIGKILL)
            second.wait_exit()
        ada.kill(signal.SIGKILL)
        ada.wait_exit()
    with client(server, tmp_path) as ada:
        ada.wait_line("ada@lobby>")
        ada.type(f"it is me{ENTER}")
        ada.wait(" ada: it is me")


def test_two_clients_at_once_have_two_nicks_until_one_is_free(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--room", "ops") as first, client(server, tmp_path) as second:
        second.wait("* you are in ops; 1 other is here")  # the rooms of the first
        second.wait_line("ada-2@ops>")
        quit_client(first)
        second.wait("* you are now ada")
        second.wait_line("ada@ops>")


def test_a_room_that_lets_nobody_in_is_asked_again_until_it_is_left(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--room", "lobby", "--room", "ops") as ada:
        ada.wait("you are also in ops")
        quit_client(ada)
    with full_of_bobs(server, "ops"), client(server, tmp_path) as ada:
        ada.wait("* you are not back in ops: ")
        ada.wait_line("ada@lobby>")
        quit_client(ada)
    with full_of_bobs(server, "ops"), client(server, tmp_path) as ada:
        ada.wait("* you are not back in ops: ")
        ada.type(f"/leave ops{ENTER}")
        ada.wait("* ops is forgotten")
        quit_client(ada)
    with client(server, tmp_path) as ada:
        ada.type(f"/who{ENTER}")
        ada.wait("* 1 in lobby: ada")
        assert not any("ops" in row for row in ada.everything)


def test_forget_neither_reads_nor_writes(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--room", "ops") as ada:
        quit_client(ada)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with client(server, tmp_path, "--forget") as ada:
        ada.wait_line("ada@lobby>")
        quit_client(ada)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_state_that_others_may_write_is_not_used(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path, "--room", "ops") as ada:
        quit_client(ada)
    (tmp_path / "chatcore" / "state").chmod(0o777)
    with client(server, tmp_path) as ada:
        ada.wait("* nothing is remembered of this conversation: other users may write ")
        ada.wait_line("ada@lobby>")


def test_a_name_that_was_chosen_is_kept_and_what_was_said_under_another_is_no_news(
    server: str, tmp_path: Path
) -> None:
    with connect(server, nick="bob") as bob:
        with client(server, tmp_path) as ada:
            ada.type(f"as ada{ENTER}")
            ada.wait(" ada: as ada")
            ada.type(f"/nick adele{ENTER}as adele{ENTER}")
            ada.wait(" adele: as adele")
            ada.type(FOCUS_OUT)
            ada.kill(signal.SIGKILL)
            ada.wait_exit()
        bob.post("adele?")
        with client(server, tmp_path) as ada:
            ada.wait("bob: adele?")
            ada.wait_line("adele@lobby>")
            rows = own_rows(ada)
    start = rows.index("* you are in lobby; 1 other is here; 1 new since HH:MM, 1 mentions you")
    assert rows.index("-- new messages --") > start
    assert rows[rows.index("-- new messages --") + 1] == "HH:MM~bob: adele?"


def test_a_name_that_was_made_up_is_there_again(server: str, tmp_path: Path) -> None:
    lines = []
    for _ in range(2):
        with _started(server, tmp_path, LOGNAME="1234") as guest:  # no nick has only digits
            guest.wait("you are in lobby")
            guest.wait_until(lambda: guest.line.endswith("@lobby>"), "a prompt")
            lines.append(guest.line)
            quit_client(guest)
    assert re.fullmatch(r"guest-[0-9a-f]{4}@lobby>", lines[0])
    assert lines[0] == lines[1]
    assert len(list((tmp_path / "chatcore" / "state").iterdir())) == 2  # with its lock


def test_a_first_start_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    with _started(url, tmp_path, CHAT_NICK="ada") as ada:
        assert ada.wait_exit() == 1
    assert not list((tmp_path / "chatcore" / "state").iterdir())
    store(url, tmp_path, {"nick": "adele"})
    with _started(url, tmp_path, CHAT_NICK="ada") as ada:
        assert ada.wait_exit() == 1
    assert load(url, tmp_path).nick == "adele"


def test_what_only_a_second_client_knew_is_there(server: str, tmp_path: Path) -> None:
    with client(server, tmp_path) as ada:
        with client(server, tmp_path, "--room", "attic") as second:
            second.type("half a thought")
            second.wait_line("ada-2@attic> half a thought")
            second.kill(signal.SIGTERM)
            second.wait_exit()
        quit_client(ada)
    with client(server, tmp_path) as ada:
        ada.wait("* your other client was also in attic; /join ROOM goes there")
        ada.type(f"/join attic{ENTER}")
        ada.wait_line("ada@attic> half a thought")


@contextlib.contextmanager
def _started(url: str, state: Path, **env: str) -> Iterator[Pty]:
    env = {"XDG_STATE_HOME": str(state), "CHAT_CLIENT_REMEMBER": "1"} | env
    with in_terminal(CHAT, "client", url, columns=80, rows=24, **env) as terminal:
        yield terminal


def test_rooms_of_the_settings_are_for_the_first_start_and_named_ones_come_first(
    server: str, tmp_path: Path
) -> None:
    def started(*options: str) -> contextlib.AbstractContextManager[Pty]:
        argv = (CHAT, "client", server, "--nick", "ada", *options)
        return in_terminal(*argv, CHAT_ROOM="r1 r2", CHAT_CLIENT_REMEMBER="1", XDG_STATE_HOME=str(tmp_path))

    with started() as ada:
        ada.wait_line("ada@r1>")
        ada.type(f"/join r3{ENTER}/leave r2{ENTER}")
        ada.wait("you left r2")
        quit_client(ada)
    with started() as ada:
        ada.wait_line("ada@r3>")
        ada.wait("also in r1")
        quit_client(ada)
        assert not any("r2" in row for row in ada.everything)
    with started("--room", "r2") as ada:
        ada.wait_line("ada@r2>")
        quit_client(ada)
