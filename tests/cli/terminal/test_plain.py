"""``chat client --plain``: a conversation as plain lines of text."""

import contextlib
import re
import signal
from collections.abc import Iterator

from chatcore import Hub
from tests.cli.processes import CHAT
from tests.cli.pty import Pty, in_terminal, without_waits
from tests.ports import fixed_port
from transports.threaded_tcp import connect, serve

CTRL_D = "\x04"


@contextlib.contextmanager
def plain(url: str, *options: str, term: str = "xterm") -> Iterator[Pty]:
    argv = (CHAT, "client", url, "--nick", "alice", *options)
    with in_terminal(*argv, columns=100, TERM=term) as terminal:
        terminal.wait("you are in lobby")
        yield terminal


def transcript(terminal: Pty) -> list[str]:
    """Return the rows with a fixed time of day."""
    return [re.sub(r"^\d\d:\d\d ", "10:24 ", row) for row in without_waits(terminal.rows)]


def test_everything_is_a_line() -> None:
    with contextlib.closing(Hub()) as hub, contextlib.ExitStack() as first:
        url = f"chat://127.0.0.1:{fixed_port()}"
        first.enter_context(serve(url, hub=hub))
        with connect(url, nick="bob", rooms=["lobby", "ops"]) as bob:
            bob.post("said before")
            with plain(url, "--plain", "--quiet") as alice:
                alice.wait("live")
                bob.post("alice: are\n* you there?")
                alice.wait("you there")
                alice.type("yes, bob\n")
                alice.wait("alice: yes")
                alice.type("/join ops\n")
                alice.wait("you are in ops")
                bob.post("nods", kind="action")
                alice.wait("1 new message in lobby")
                alice.type("/1\n")
                alice.wait("nods")
                first.close()
                alice.wait("; reconnecting")
                alice.type("is anybody there?\n")
                alice.wait("when back")
                with serve(url, hub=hub):
                    alice.wait("alice: is anybody there?")
                    alice.type("/quit\n")
                    assert alice.wait_exit() == 0
                rows = transcript(alice)
                assert rows == [
                    f"* connected to {rows[0].split()[3]} at {url}; /help for help",
                    "* you are in lobby; 1 other is here",
                    "10:24 bob (replayed): said before",
                    "* end of history; live from here",
                    "10:24 bob (mentions you): alice: are",
                    "        * you there?",
                    "yes, bob",  # echoed by the system
                    "10:24 alice: yes, bob",
                    "/join ops",
                    "* you are in ops; 1 other is here",
                    "* 1 new message in lobby (/1)",
                    "/1",
                    "* you are in lobby; 1 new message",
                    "* new messages",
                    "10:24 * bob nods",
                    "* disconnected: the server is shutting down (drain); reconnecting",
                    "is anybody there?",
                    "* no connection; this is sent to lobby when back, or offered if that is late",
                    "* reconnected",
                    "10:24 alice: is anybody there?",
                    "/quit",
                ]
                assert b"\x1b" not in alice.raw
                assert alice.raw.count(b"\a") == 1


def test_a_dumb_terminal_gets_lines() -> None:
    with serve("chat://127.0.0.1:0") as server, plain(str(server.listening[0]), term="dumb") as alice:
        alice.type("the last words")  # without Enter: two of these keys send it
        alice.type(CTRL_D + CTRL_D)
        assert alice.wait_exit() == 0
        assert alice.rows[-1].endswith("alice: the last words")
        assert b"\x1b" not in alice.raw
        assert alice.is_restored()


def test_an_interrupt_ends_it_cleanly() -> None:
    with serve("chat://127.0.0.1:0") as server, plain(str(server.listening[0]), "--plain") as alice:
        alice.kill(signal.SIGINT)  # as the system does for Ctrl-C
        assert alice.wait_exit() == 130
        assert not any("Traceback" in row for row in alice.rows)
