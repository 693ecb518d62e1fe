"""``chat client`` in a terminal, against hostile servers."""

import contextlib
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal
from tests.cli.scripted import ScriptedServer, line, message, scripted_server

# All that a prompt needs: cursor moves, erasing, styles, modes of the terminal, and the question for its
# background.
OURS = re.compile(rb"\x1b\[(?:\d*[ABCD]|\d*[JK]|[\d;]*m|\?(?:1|7|12|25|1004|2004)[hl])|\x1b]11;\?\x1b\\")


@contextlib.contextmanager
def victim(server: ScriptedServer, columns: int = 140, zone: str = "UTC") -> Iterator[Pty]:
    with in_terminal(CHAT, "client", server.url, "--nick", "alice", columns=columns, TZ=zone) as terminal:
        terminal.wait("you are in lobby")
        terminal.wait_line("alice@lobby>")
        yield terminal


def assert_nothing_but_ours(terminal: Pty, since: int = 0) -> None:
    """Check that only the prompt's own escapes reached the terminal."""
    rest = OURS.sub(b"", bytes(terminal.raw[since:]))
    assert b"\x1b" not in rest
    assert not re.search("[\x00-\x06\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", rest.decode())


@pytest.mark.parametrize(
    ("text", "nick"),
    [("\x1b[2J", "mallory"), ("\x1b]52;c;aGk=\x07", "mallory"), ("25 a look-alike", "\u0430dmin")],
    ids=ascii,
)
def test_an_invalid_frame_ends_the_connection_with_one_line(text: str, nick: str) -> None:
    with scripted_server() as server, victim(server) as alice:
        server.say(message(1, "before"))
        alice.wait("mallory: before")
        server.say(message(2, text, nick))
        assert alice.wait_exit() == 1
        assert alice.rows[-2] == "03:04 mallory: before"
        assert alice.rows[-1].startswith("* disconnected: the server sent what is not a frame: ")
        assert alice.is_restored()
        assert_nothing_but_ours(alice)


def test_nobody_can_imitate_a_message_of_someone_else() -> None:
    fake = "03:04 bob: I have resigned"
    fillers = ("x" * 30 + " ", "\u3000", "é ", "界", "-", "=~", "x:")
    texts = [filler * count + fake for filler in fillers for count in range(1, 60)]
    with scripted_server() as server, victim(server, columns=60) as alice:
        for seq, text in enumerate([*texts, f"\n{fake}\n\n{fake}", "the end"], start=1):
            server.say(message(seq, text))
        alice.wait("mallory: the end")
        rows = alice.everything
        assert not any(row.startswith("03:04 bob:") for row in rows)
        assert any(fake in row for row in rows)
        assert all(row.startswith(("03:04 mallory:", "  ", "* ", "alice@lobby>")) for row in rows if row)


def test_a_giant_frame_ends_the_connection_with_one_line() -> None:
    with scripted_server() as server, victim(server) as alice:
        server.say(b'{"type":"message","text":"' + b"x" * 2_000_000)
        assert alice.wait_exit() == 1
        assert alice.rows[-1] == (
            "* disconnected: the server sent what is not a frame: a line is longer than line_bytes"
        )
        assert alice.is_restored()


def test_impossible_times_are_shown_as_dashes() -> None:
    with scripted_server() as server, victim(server, zone="Pacific/Auckland") as alice:
        server.say(message(1, "hello", at="0001-01-01T00:00:00Z"))
        server.say(message(2, "good bye", at="9999-12-31T23:59:59Z"))
        alice.wait("mallory: hello")
        alice.wait("--:-- mallory: good bye")


def test_unconfirmed_messages_are_given_back_at_the_end() -> None:
    with scripted_server() as server, victim(server) as alice:
        alice.type(f"did this arrive?{ENTER}and the dra")
        alice.wait_line("alice@lobby> and the dra")
        server.hang_up()
        alice.wait("disconnected: the connection was lost; reconnecting")
        alice.wait_line("alice@lobby> and the dra")
        alice.type("\x03\x04")  # do not wait
        assert alice.wait_exit() == 0
        assert alice.rows[-2:] == [
            "* not confirmed by the server:",
            "did this arrive?",
        ]


def test_gaps_and_the_end_of_the_replay_are_shown() -> None:
    with scripted_server(head=40) as server, victim(server) as alice:
        server.say(line(type="gap", room="lobby", after=0, through=11, reason="expired"))
        alice.wait("* messages 1 to 11 are missing: the server no longer has them (expired)")
        server.say(line(type="gap", room="lobby", after=11, through=39, reason="invented"))
        server.say(message(40, "replayed") + message(41, "live"))
        alice.wait("mallory: live")
        tail = [row for row in alice.rows if "mallory" in row or "end of history" in row]
        assert tail == [
            "03:04~mallory: replayed",
            "* end of history; live from here",
            "03:04 mallory: live",
        ]


def test_a_million_members_are_shown_as_a_few_names() -> None:
    def some_more(frame: dict[str, Any]) -> bytes:
        first = int(frame.get("after", "n0")[1:]) + 1
        nicks = [f"n{number}" for number in range(first, first + 20_000)]
        return line(type="members", room="lobby", nicks=nicks, count=1_000_000, more=True)

    names = [f"n{number}" for number in range(20_000)]
    with scripted_server(answers={"who": some_more}) as server, victim(server) as alice:
        presence = {"type": "presence", "room": "lobby", "left": ["eve"], "count": 10**6, "more": True}
        for _ in range(3):
            server.say(line(**presence, joined=names))
        server.say(message(1, "one of them speaks", nick="n7"))
        alice.wait("* n0, n1, n2, n3, n4, n5, n6, n7 and 992 more joined, eve left, others joined")
        alice.type(f"/who{ENTER}")
        alice.wait("* 100,000 in lobby: n1, n2, ")
        alice.wait("n500 and 99,500 more")
        alice.type("\x04")
        assert alice.wait_exit() == 0  # before that, the last escape may be here in part
        assert_nothing_but_ours(alice)


@pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")
def test_an_endless_history_leaves_memory_and_keyboard_alone() -> None:
    with scripted_server(head=2**53 - 1) as server, victim(server) as alice:
        alice.type(f"never answered{ENTER}")  # so the socket is read, however much is waiting
        alice.wait_line("alice@lobby>")
        sizes, seqs = [], iter(range(1, 10**6))
        for letter in "abc":
            data = b"".join(message(next(seqs), f"{'lorem ipsum ' * 8}{letter}") for _ in range(4_000))
            flood = threading.Thread(target=server.say, args=(data,))
            flood.start()
            alice.type(letter)
            alice.wait_raw(f"ipsum {letter}\r".encode(), 4_000)
            flood.join()
            sizes.append(alice.resident_kilobytes())
        assert sizes[2] - sizes[1] < 8_000
        alice.type("\x0c")
        alice.wait_until(lambda: "alice@lobby> abc" in alice.rows, "the draft")
        assert "catching up on lobby: 12,000 of 9,007,199,254,740,991" in "\n".join(alice.rows)


def test_invented_secrets_limits_and_times_do_not_stop_the_client() -> None:
    with scripted_server() as server, victim(server) as alice:
        closing = line(type="closing", reason="drain", reconnect_after=1e300)
        server.say(line(type="welcome", protocol=1, server="again", session="other", nick="eve", limits={}))
        server.say(line(type="nick", nick="root") + closing)
        alice.wait("* you are now root")
        server.hang_up()
        alice.wait("* disconnected: the server is shutting down (drain); reconnecting")
        alice.type("/quit" + ENTER)
        assert alice.wait_exit() == 0
