"""No command prints the secret that a server has given it."""

import json

import pytest

from tests.cli.processes import CHAT, chat
from tests.cli.pty import ENTER, in_terminal
from tests.cli.scripted import line, message, scripted_server

SECRET = "s3cret-" + "x" * 40


def welcome(frame: dict[str, object]) -> bytes:
    return line(type="welcome", protocol=1, server="script", session=SECRET, nick=frame["nick"], limits={})


def ack(frame: dict[str, object]) -> bytes:
    return line(type="ack", room=frame["room"], id=frame["id"], seq=1, durability="memory")


def room_list(frame: dict[str, object]) -> bytes:
    return line(
        type="room_list",
        rooms=[{"room": "lobby", "count": 1, "head": 0}],
        more=False,
        token=frame.get("token"),
    )


def found(frame: dict[str, object]) -> bytes:
    """Find nothing."""
    return line(type="found", room=frame.get("room"), messages=[], token=frame.get("token"))


ANSWERS = {"hello": welcome, "post": ack, "rooms": room_list, "search": found}

COMMANDS = {
    "client": (["client", "URL"], "hello\n"),
    "client --json": (["client", "URL", "--json"], '{"room":"lobby","text":"hello"}\n'),
    "send": (["send", "lobby", "hello", "--url", "URL", "--json"], ""),
    "tail": (["tail", "lobby", "--url", "URL", "--json"], ""),
    "rooms": (["rooms", "--url", "URL", "--json"], ""),
    "status": (["status", "URL", "--json"], ""),
    "search": (["search", "hello", "--url", "URL", "--json"], ""),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_output_has_the_secret_in_it_and_none_takes_the_seat_of_another_session(name: str) -> None:
    hellos: list[dict[str, object]] = []

    def note(frame: dict[str, object]) -> bytes:
        hellos.append(frame)
        return welcome(frame)

    argv, stdin = COMMANDS[name]
    with scripted_server(answers=ANSWERS | {"hello": note}) as server:
        argv = [server.url if word == "URL" else word for word in argv]
        done = chat(*argv, stdin=stdin, PYTHONASYNCIODEBUG="1")
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert [hello.get("session") for hello in hellos] == [None]


def test_the_welcome_in_json_has_everything_but_the_secret() -> None:
    with scripted_server(answers=ANSWERS) as server:
        done = chat("client", server.url, "--nick", "ann", "--json")
    frame = json.loads(done.stdout.splitlines()[0])
    assert (frame["type"], frame["nick"], frame["server"]) == ("welcome", "ann", "script")
    assert "session" not in frame


def test_a_terminal_never_shows_the_secret_not_even_when_the_connection_breaks() -> None:
    with (
        scripted_server(answers=ANSWERS) as server,
        in_terminal(CHAT, "client", server.url, "--nick", "ann", PYTHONASYNCIODEBUG="1") as terminal,
    ):
        terminal.wait("you are in lobby")
        server.say(message(1, "hello"))
        terminal.wait("mallory: hello")
        server.say(line(type="welcome", session=SECRET) + b"no frame\n")
        terminal.type(ENTER)
        assert terminal.wait_exit() == 1
        assert SECRET.encode() not in terminal.raw


def test_an_invite_in_json_has_everything_but_the_secret() -> None:
    invited = line(type="invited", invite=SECRET, links=[f"chats://h:1/#{SECRET}"], seconds=600.0)
    joined = line(type="joined", room="lobby", epoch="e", head=0, after=0, count=1)
    with scripted_server(answers=ANSWERS | {"join": lambda _: joined + invited}) as server:
        done = chat("client", server.url, "--nick", "ann", "--json")
    assert {"type": "invited", "seconds": 600.0} in [json.loads(row) for row in done.stdout.splitlines()]
    assert SECRET not in done.stdout + done.stderr
