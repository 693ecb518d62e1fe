"""Commands that ask a server for something: what is sent, and what a person sees of the answer."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal
from tests.cli.scripted import ScriptedServer, line, message, scripted_server

Frame = dict[str, Any]

EPOCH = "e"


@contextlib.contextmanager
def client(server: ScriptedServer, *options: str) -> Iterator[Pty]:
    """Run a client in a terminal, until it has its prompt."""
    argv = (CHAT, "client", server.url, "--nick", "alice", *options)
    with in_terminal(*argv, columns=100, TZ="UTC") as terminal:
        terminal.wait("you are in lobby")
        terminal.wait_line("alice@lobby>")
        yield terminal


def answered(frame: Frame) -> bytes:
    """Store a post: acknowledge it, and show it to its author as to all others."""
    said = {name: value for name, value in frame.items() if name in ("room", "id", "kind", "text")}
    stored = {"seq": 1, "prev": 0, "nick": "alice", "at": "2026-01-02T03:04:05Z"}
    ack = line(type="ack", room=frame["room"], id=frame["id"], seq=1, durability="synced")
    return ack + line(type="message", **said, **stored)


def page(frame: Frame, base: int, *messages: bytes, more: bool = False, gaps: Any = None) -> bytes:
    """Answer a request for history."""
    found = [json.loads(each) for each in messages]
    fields = {"room": "lobby", "epoch": EPOCH, "base": base, "more": more, "token": frame["token"]}
    return line(type="page", **fields, gaps=gaps, messages=found)


def test_me_posts_an_action_and_shows_it() -> None:
    asked: list[Frame] = []

    def post(frame: Frame) -> bytes:
        asked.append(frame)
        return answered(frame)

    with scripted_server(answers={"post": post}) as server, client(server) as alice:
        alice.type(f"/me looks around{ENTER}")
        alice.wait("03:04 * alice looks around")
    assert [(frame["kind"], frame["text"]) for frame in asked] == [("action", "looks around")]


def test_a_line_of_a_room_that_we_are_out_of_is_offered() -> None:
    def refuse(frame: Frame) -> bytes:
        return line(type="error", code="not_joined", message="no member", room="lobby", id=frame["id"])

    with scripted_server(answers={"post": refuse}) as server, client(server) as alice:
        alice.type(f"hello{ENTER}")
        alice.wait("* no member (not_joined); join it with /join ROOM")
        alice.wait(": hello; /resend 1, /drop 1")
        assert not any("twice" in row for row in alice.rows)


def test_an_action_that_is_not_confirmed_is_given_back_as_it_was_typed() -> None:
    with scripted_server() as server, client(server) as alice:
        alice.type(f"/me looks around{ENTER}")
        alice.wait("  sending: /me looks around")
        server.hang_up()
        alice.wait("; reconnecting")
        alice.type("\x04")
        assert alice.wait_exit() == 0
        assert alice.rows[-2:] == ["* not confirmed by the server:", "/me looks around"]


def test_rooms_lists_ours_then_the_others_and_tab_knows_them() -> None:
    def room_list(frame: Frame) -> bytes:
        rooms = [
            {"room": "lobby", "count": 1, "head": 0},
            {"room": "ops", "count": 3, "head": 512, "at": "2026-01-02T03:04:05Z"},
            {"room": "staff", "count": 0, "head": 0, "private": True},
        ]
        start = frame.get("prefix", "")
        listed = [entry for entry in rooms if str(entry["room"]).startswith(start)]
        return line(type="room_list", rooms=listed, more=False, token=frame["token"])

    with scripted_server(answers={"rooms": room_list}) as server, client(server) as alice:
        alice.type(f"/rooms{ENTER}")
        alice.wait("  staff, private, nobody is there")
        start = alice.rows.index("* /1 lobby, you are here, 1 member")
        assert alice.rows[start + 1 : start + 4] == [
            "* other rooms:",
            "  ops, 3 are there, last message 2026-01-02 03:04",
            "  staff, private, nobody is there",
        ]
        alice.type("/join st\t")
        alice.wait_line("alice@lobby> /join staff")
        alice.type(f"\x03/rooms x{ENTER}")
        alice.wait("* no other room begins with x")


def test_commands_without_a_connection_say_that_they_wait_and_local_ones_are_done() -> None:
    with scripted_server() as server, client(server) as alice:
        server.hang_up()
        alice.wait("; reconnecting")
        alice.type(f"/rooms{ENTER}/who{ENTER}/search this{ENTER}")
        alice.wait("* not connected; no match in what has been shown")
        start = alice.rows.index("* /1 lobby, you are here, 1 member")
        assert alice.rows[start + 1 : start + 3] == [
            "* not connected; /rooms will be asked when back",
            "* not connected; /who will be asked when back",
        ]
        later = ["/join ops", "/leave", "/nick al"]
        alice.type("".join(f"{command}{ENTER}" for command in later))
        alice.wait("* not connected; /nick al will be asked when back")
        alice.type("\x04")
        alice.wait_exit()
        assert alice.rows[-5:] == [f"* not done: {command}" for command in ("/rooms", "/who", *later)]


def test_back_shows_gaps_in_their_place_and_where_the_stored_ones_begin() -> None:
    pages = {
        41: lambda frame: page(
            frame,
            29,
            message(30, "thirty"),
            more=True,
            gaps=[{"after": 30, "through": 40, "reason": "damaged"}],
        ),
        30: lambda frame: page(
            frame, 25, more=True, gaps=[{"after": 25, "through": 29, "reason": "damaged"}]
        ),
        26: lambda frame: page(frame, 25, gaps=[{"after": 0, "through": 25, "reason": "expired"}]),
    }
    answers = {"history": lambda frame: pages[frame["before"]](frame)}
    with scripted_server(head=40, after=40, answers=answers) as server, client(server) as alice:
        alice.type(f"/back{ENTER}")
        alice.wait("* older messages are no longer kept")
        start = alice.rows.index("* older messages:")
        assert [row for row in alice.rows[start + 1 :] if "2026-01-02" not in row][:4] == [
            "* messages 26 to 29 are missing: the server can no longer read them (damaged)",
            "03:04~mallory: thirty",
            "* messages 31 to 40 are missing: the server can no longer read them (damaged)",
            "* older messages are no longer kept",
        ]


def test_back_takes_a_local_time() -> None:
    asked: list[Frame] = []

    def history(frame: Frame) -> bytes:
        asked.append(frame)
        return page(frame, 38, message(39, "since then"), message(40, "and then"))

    server = scripted_server(head=40, after=40, answers={"history": history})
    with server as running, client(running) as alice:
        alice.type(f"/back 2026-01-02 03:00{ENTER}")
        alice.wait("03:04~mallory: and then")
        alice.wait("* /back shows older messages")
        alice.type(f"/back 24:00{ENTER}")
        alice.wait("* there is no such time as 24:00")
    assert [(frame["after_at"], frame["before"]) for frame in asked] == [("2026-01-02T03:00:00Z", 41)]


def test_news_of_oneself_is_shown() -> None:
    with scripted_server(head=9) as server, client(server) as alice:
        server.say(line(type="gap", room="lobby", after=0, through=8, reason="skipped", count=5))
        alice.wait("* 5 messages were skipped here (1 to 8)")
        server.say(line(type="nick", nick="al"))
        alice.wait("* you are now al")
        alice.wait_line("al@lobby>")
        server.say(line(type="left", room="lobby", reason="expelled"))
        alice.wait("* you were put out of lobby")
        alice.wait("* you are not in a room; join one with /join ROOM")
        server.say(line(type="closing", reason="banned"))
        server.hang_up()
        alice.wait("* disconnected: you are banned from this server")
        assert alice.wait_exit() == 1


def test_being_put_out_right_after_joining_does_not_stop_the_next_command() -> None:
    with scripted_server() as server, client(server) as alice:
        server.put_out("ops")
        alice.type(f"/join ops{ENTER}/nick no!{ENTER}")
        alice.wait("* you were put out of ops")
        alice.wait("* a nick is 1 to 32")
        server.say(message(1, "still here"))
        alice.wait("mallory: still here")
        alice.wait_line("alice@lobby>")
