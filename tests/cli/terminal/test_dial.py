"""Starting while the server is away, or says nothing: what a person sees, and what is kept for them."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatcore import Hub
from cli.state.remembered import Draft
from tests.cli.late_gate import LateGate
from tests.cli.processes import CHAT
from tests.cli.pty import Pty, in_terminal, without_waits
from tests.cli.scripted import line, scripted_server
from tests.cli.terminal.remembering import client, load, quit_client, store
from tests.cli.terminal.test_unsent_lines import DAY, unsent
from tests.ports import fixed_port
from transports.threaded_tcp import serve


@pytest.fixture
def hub() -> Iterator[Hub]:
    with contextlib.closing(Hub()) as hub:
        yield hub


@contextlib.contextmanager
def starting(url: str, state: Path, *options: str) -> Iterator[Pty]:
    """Start a client that remembers, and that may not get in."""
    argv = (CHAT, "client", url, "--nick", "ada", *options)
    with in_terminal(
        *argv, XDG_STATE_HOME=str(state), CHAT_CLIENT_REMEMBER="1", columns=120, rows=40
    ) as terminal:
        yield terminal


def keep(url: str, state: Path) -> None:
    """Leave seven lines and a draft behind, one of which would do something to a terminal."""
    lines = [unsent(str(number), f"text {number}\x1b[2J\nmore", DAY) for number in range(7)]
    store(url, state, *(each.record() for each in lines), Draft("lobby", "half a").record())


def test_a_server_that_we_know_is_awaited_and_what_is_kept_is_shown(hub: Hub, tmp_path: Path) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    with serve(url, hub=hub), client(url, tmp_path) as ada:
        quit_client(ada)
    keep(url, tmp_path)
    with starting(url, tmp_path) as ada:
        ada.wait(f"* cannot connect to {url}: no server is there; trying again (Ctrl-C to quit)")
        ada.wait("* and 2 more")
        rows = ada.everything[-8:-1]
        assert (
            rows[0]
            == "* kept until you are connected: 7 messages that the server has not confirmed and 1 draft"
        )
        assert [row.partition(" in lobby: ")[2] for row in rows[1:]] == [
            *(f"text {number}␛[2J more" for number in range(5)),
            "half a",
        ]
        with serve(url, hub=hub):
            ada.wait("* you are in lobby")
            ada.wait_line("ada@lobby> half a")
            assert sum("cannot connect" in row for row in ada.everything) == 1


def test_ctrl_c_ends_the_wait_and_loses_nothing(hub: Hub, tmp_path: Path) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    with serve(url, hub=hub), client(url, tmp_path) as ada:
        quit_client(ada)
    keep(url, tmp_path)
    with starting(url, tmp_path) as ada:
        ada.wait("trying again")
        ada.kill(signal.SIGINT)  # what Ctrl-C is while there is no prompt
        assert ada.wait_exit() == 130
        assert ada.is_restored()
    remembered = load(url, tmp_path)
    assert (len(remembered.unsent), list(remembered.rooms)) == (7, ["lobby"])


@pytest.mark.parametrize("options", [(), ("--forget",)])
def test_where_nothing_is_remembered_the_first_failure_counts(tmp_path: Path, options: tuple[str]) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    with starting(url, tmp_path, *options) as ada:
        ada.wait(f"chat: no server at {url}; start one with `chat server`, or give another address")
        assert ada.wait_exit() == 1


def test_a_server_that_lets_nobody_in_yet_is_awaited_though_we_do_not_know_it(tmp_path: Path) -> None:
    with (
        contextlib.closing(Hub(gate=LateGate(2))) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as server,
        starting(str(server.listening[0]), tmp_path) as ada,
    ):
        ada.wait("* the server lets nobody in yet: not yet; trying again (Ctrl-C to quit)")
        ada.wait("* you are in lobby")
        assert sum("lets nobody in" in row for row in ada.everything) == 1


def test_who_is_not_let_in_again_sees_what_is_kept(tmp_path: Path) -> None:
    def refuse(frame: dict[str, Any]) -> bytes:
        return line(type="error", code="forbidden", message="not you")

    with scripted_server(answers={"hello": refuse}) as server:
        keep(server.url, tmp_path)
        with starting(server.url, tmp_path) as ada:
            assert ada.wait_exit() == 3
            first, *_ = without_waits(ada.everything)
            assert first.startswith("* kept until you are connected: 7 messages")
            assert ada.rows[-1] == "chat: the server refused: not you (forbidden)"


def test_a_server_that_stalls_while_we_enter_is_shown() -> None:
    lets_in = threading.Event()

    def joined(frame: dict[str, Any]) -> bytes:
        assert lets_in.wait(20)
        return line(type="joined", room=frame["room"], epoch="e", head=0, after=0, count=1)

    with (
        scripted_server(answers={"join": joined}) as server,
        in_terminal(CHAT, "client", server.url, "--nick", "ada") as ada,
    ):
        ada.wait("* entering lobby ...")
        ada.wait("* the server does not answer")
        lets_in.set()
        ada.wait("* you are in lobby")
