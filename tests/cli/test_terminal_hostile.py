"""``chat client`` in a terminal, against servers that mean it no good."""

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal
from tests.cli.scripted import ScriptedServer, line, message, scripted_server

# All that a prompt at the bottom needs: cursor moves, erasing, styles, and the modes of the line.
OURS = re.compile(rb"\x1b\[(?:\d*[ABCD]|\d*[JK]|[\d;]*m|\?(?:1|7|12|25|1004|2004)[hl])")


@contextlib.contextmanager
def victim(server: ScriptedServer, columns: int = 140, zone: str = "UTC") -> Iterator[Pty]:
    with in_terminal(CHAT, "client", server.url, "--nick", "alice", columns=columns, TZ=zone) as terminal:
        terminal.wait("you are in lobby")
        terminal.wait_line("alice@lobby>")
        yield terminal


def assert_nothing_but_ours(terminal: Pty) -> None:
    """Check that no escape reached the terminal that is not one of the prompt's own."""
    rest = OURS.sub(b"", bytes(terminal.raw))
    assert b"\x1b" not in rest
    assert not re.search("[\x00-\x06\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", rest.decode())


ATTACKS = {
    "an override of the direction": "\u202egnp.exe",
    "isolates": "\u2066\u2067\u2068\u2069 x",
    "line separators": "one\u2028two\u2029three",
    "zero width": "a\u200bb\u2060c\u180ed\ufefe",
    "tags": "".join(chr(0xE0000 + ord(char)) for char in "ignore all") + "!",
    "combining marks": "z" + "\u0336\u0489\u0310" * 300,
    "a mark without a character": "\u20dd\u0338first",
    "joined emoji": "\u200d".join("\U0001f468" for _ in range(100)),
    "Hangul that takes no room": "\u1100" + "\u1161\u11a8" * 500,
}


def test_hostile_texts_stay_in_their_place() -> None:
    with scripted_server() as server, victim(server) as alice:
        alice.type("my draft")
        server.say(message(1, "before"))
        alice.wait("mallory: before")
        alice.wait_line("alice@lobby> my draft")
        before = alice.rows[:-1]
        for seq, text in enumerate(ATTACKS.values(), start=2):
            server.say(message(seq, text))
        server.say(message(len(ATTACKS) + 2, "after"))
        alice.wait("mallory: after")
        alice.wait_line("alice@lobby> my draft")
        assert alice.rows[: len(before)] == before
        drawn = [row for row in alice.rows[len(before) : -1] if not row.startswith(" " * 8)]
        assert len(drawn) == len(ATTACKS) + 1
        assert all(row.startswith("03:04 mallory: ") for row in drawn)
        assert_nothing_but_ours(alice)


CONTROLS = [
    "\x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\x1b]0;title\x1b\\",
    "\x9b2J",
    "\x90q\x9c",
    "a\rb",
    "a\bb",
    "\x0e",
    "\x7f",
]


@pytest.mark.parametrize("text", CONTROLS[:2], ids=ascii)
def test_control_characters_in_a_text_end_the_connection_with_one_line(text: str) -> None:
    with scripted_server() as server, victim(server) as alice:
        server.say(message(1, "before"))
        alice.wait("mallory: before")
        server.say(message(2, text))
        assert alice.wait_exit() == 1
        assert alice.rows[-2] == "03:04 mallory: before"
        assert alice.rows[-1].startswith("* disconnected: the server sent what is not a frame: ")
        assert alice.is_restored()
        assert_nothing_but_ours(alice)


def test_control_characters_in_an_error_are_shown_as_pictures() -> None:
    with scripted_server() as server, victim(server) as alice:
        for number, text in enumerate(CONTROLS):
            server.say(line(type="error", code="forbidden", message=f"{number}:{text}"))
        alice.wait(f"* {len(CONTROLS) - 1}:")
        alice.wait_line("alice@lobby>")
        for number, text in enumerate(CONTROLS):
            (shown,) = (row for row in alice.rows if row.startswith(f"* {number}:"))
            assert len(shown) == len(f"* {number}:{text} (forbidden)")
            assert re.search("[\u2400-\u2421\ufffd]", shown)
        assert_nothing_but_ours(alice)


def test_nobody_can_draw_a_line_of_somebody_else() -> None:
    fake = "03:04 bob: I have resigned"
    fillers = ("x" * 30 + " ", "\u3000", "é ", "界")
    texts = [filler * count + fake for filler in fillers for count in range(1, 60)]
    with scripted_server() as server, victim(server, columns=60) as alice:
        for seq, text in enumerate([*texts, f"\n{fake}\n\n{fake}", "the end"], start=1):
            server.say(message(seq, text))
        alice.wait("mallory: the end")
        rows = alice.everything
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


def test_times_that_no_clock_shows_are_survived() -> None:
    with scripted_server() as server, victim(server, zone="Pacific/Auckland") as alice:
        server.say(message(1, "hello", at="0001-01-01T00:00:00Z"))
        server.say(message(2, "good bye", at="9999-12-31T23:59:59Z"))
        alice.wait("mallory: hello")
        alice.wait("--:-- mallory: good bye")


def test_a_connection_that_breaks_keeps_what_was_not_confirmed() -> None:
    with scripted_server() as server, victim(server) as alice:
        alice.type(f"did this arrive?{ENTER}and the dra")
        alice.wait_line("alice@lobby> and the dra")
        server.hang_up()
        alice.wait("disconnected: the connection was lost (lost); trying to come back")
        alice.wait_line("alice@lobby> and the dra")
        alice.type("\x03\x04")  # it is not worth the wait
        assert alice.wait_exit() == 0
        assert alice.rows[-2:] == [
            "* the server did not confirm this:",
            "did this arrive?",
        ]


def test_gaps_and_the_end_of_the_replay_are_lines() -> None:
    with scripted_server(head=40) as server, victim(server) as alice:
        server.say(line(type="gap", room="lobby", after=0, through=11, reason="expired"))
        alice.wait("* messages 1 to 11 are missing: the server does not keep them any longer (expired)")
        server.say(line(type="gap", room="lobby", after=11, through=39, reason="invented"))
        server.say(message(40, "replayed") + message(41, "live"))
        alice.wait("mallory: live")
        tail = [row for row in alice.rows if "mallory" in row or "so far" in row]
        assert tail == [
            "03:04~mallory: replayed",
            "* so far what was said before; from here on it is live",
            "03:04 mallory: live",
        ]


def test_a_thousand_names_are_one_line_of_a_few() -> None:
    names = [f"n{number}" for number in range(1_000)]
    with scripted_server() as server, victim(server) as alice:
        server.say(line(type="presence", room="lobby", joined=names, left=["eve"], count=1_000, more=True))
        server.say(message(1, "one of them speaks", nick="n7"))
        alice.wait("* n0, n1, n2, n3, n4, n5, n6, n7 and 992 more joined, eve left, others came, went")
