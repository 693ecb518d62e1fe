"""``chat status``: whether a server answers, and what it says of itself."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chatcore import Hub, Limits
from tests.cli.commands.test_guests import Place
from tests.cli.conftest import Inside
from tests.cli.scripted import line, scripted_server
from tests.protocol.frames import Presence
from tests.transports.peers import TypedPeer
from transports.threaded_tcp import serve

LATER = """
import sys
from cli.app import app
try:
    app(["status", "chat://127.0.0.1:1"], prog_name="chat")
except SystemExit as end:
    assert end.code == 1, end.code
print("prompt_toolkit" in sys.modules, "chatcore.server" in sys.modules)
"""


def test_a_server_says_what_it_is(inside: Inside) -> None:
    with serve("chat://127.0.0.1:0") as server:
        port = server.listening[0].port
        with TypedPeer(port, "ann", "lobby", "ops"), TypedPeer(port, "bob", "ops"):
            done = inside("status", f"chat://127.0.0.1:{port}")
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(each.split(maxsplit=1) for each in done.stdout.replace("round trip", "trip").splitlines())
    assert list(rows) == ["answer", "trip", "server", "durability", "rooms", "members"]
    assert rows["answer"].endswith(" ms")
    assert rows["trip"].endswith(" ms")
    assert rows["server"].startswith("chatcore/")
    assert (rows["durability"], rows["rooms"], rows["members"]) == ("memory", "2", "3")


def test_the_same_is_one_json_object(inside: Inside) -> None:
    with serve("chat://127.0.0.1:0") as server:
        url = str(server.listening[0])
        with TypedPeer(server.listening[0].port, "ann", "lobby"):
            done = inside("status", "--json", CHAT_STATUS_URL=url, CHAT_URL="chat://nowhere.invalid")
    told = json.loads(done.stdout)
    assert 0 < told.pop("round_trip_seconds") < told.pop("answer_seconds") + 30
    assert told.pop("server").startswith("chatcore/")
    assert told == {"url": url, "durability": "memory", "rooms": 1, "members": 1, "more": False}


def test_nobody_sees_it_and_no_nick_is_taken(inside: Inside) -> None:
    with Hub(limits=Limits(presence_seconds=1e-6)) as hub, serve("chat://127.0.0.1:0", hub=hub) as server:
        port = server.listening[0].port
        with TypedPeer(port, "ann", "lobby") as ann:
            ann.receive(Presence)  # of herself
            done = inside("status", f"chat://127.0.0.1:{port}", CHAT_NICK="ann")
            with TypedPeer(port, "bob", "lobby"):
                assert ann.receive(Presence).joined == ("bob",)
    assert done.returncode == 0, done.stderr


def test_a_server_that_wants_a_key_is_there_and_refuses(inside: Inside, tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = Place(tmp_path, ["lobby"], stack)
        done = inside("status", place.url, "--json", XDG_DATA_HOME=str(tmp_path))
        assert done.returncode == 3
        assert done.stderr.startswith("chat: the server refused: ")
        assert "(unauthorized); this server needs a key" in done.stderr
        told = json.loads(done.stdout)
        assert told.pop("answer_seconds") > 0
        assert told == {"url": place.url, "refused": "unauthorized"}
        told_to_people = inside("status", place.url, XDG_DATA_HOME=str(tmp_path)).stdout
        assert (told_to_people.split()[0], told_to_people.count("\n")) == ("answer", 1)


def test_an_account_is_let_in_under_a_nick_of_its_own(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        place = Place(tmp_path, ["priv"], stack)
        place.join(monkeypatch)
        done = inside("status", place.url, "--key-file", str(place.keys), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["rooms"], told["members"]) == (0, 1, 1)


@pytest.mark.parametrize(("account", "nick"), [("ada", "ada-status"), ("a" * 30, "a" * 30)])
def test_the_nick_is_one_of_the_account(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, account: str, nick: str
) -> None:
    from cli.access.login import Login

    monkeypatch.setattr("cli.access.login.login_for", lambda *_: Login(account=account, key="k" * 43))
    nicks: list[str] = []

    def welcome(frame: dict[str, Any]) -> bytes:
        nicks.append(frame["nick"])
        return line(type="welcome", protocol=1, server="x", session="s", nick=frame["nick"], limits={})

    def rooms(frame: dict[str, Any]) -> bytes:
        return line(type="room_list", rooms=[], more=False, token=frame["token"])

    with scripted_server(answers={"hello": welcome, "rooms": rooms}) as server:
        done = inside("status", server.url)
    assert done.returncode == 0, done.stderr
    assert nicks == [nick]
    assert "durability  -\n" in done.stdout  # an older server does not say


def test_a_server_without_end_of_rooms_is_not_asked_without_end(inside: Inside) -> None:
    asked: list[str | None] = []

    def rooms(frame: dict[str, Any]) -> bytes:
        asked.append(frame.get("after"))
        entry = {"room": f"room-{len(asked):03}", "count": 2, "head": 0}
        return line(type="room_list", rooms=[entry], more=True, token=frame["token"])

    with scripted_server(answers={"rooms": rooms}) as server:
        done = inside("status", server.url)
    assert asked == [None, *(f"room-{number:03}" for number in range(1, 20))]
    assert "rooms       20 or more\n" in done.stdout
    assert "members     40 or more\n" in done.stdout


@pytest.mark.parametrize("silent", ["hello", "ping", "rooms"])
def test_a_server_that_does_not_answer_is_exit_1(inside: Inside, silent: str) -> None:
    with scripted_server(answers={silent: lambda _: b"", "rooms": lambda _: b""}) as server:
        done = inside("status", server.url, "--timeout", "0.2")
        server.close()  # else the command's thread would wait for longer
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"cannot reach {server.url}: " in done.stderr
    assert "0.2 s" in done.stderr


def test_no_server_is_exit_1_and_a_wrong_option_exit_2(inside: Inside) -> None:
    gone = inside("status", "chat://127.0.0.1:1")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "no server at chat://127.0.0.1:1" in gone.stderr
    assert inside("status", "http://127.0.0.1:1").returncode == 2
    assert inside("status", "chat://127.0.0.1:1", CHAT_STATUS_TIMEOUT="x").returncode == 2


def test_it_loads_no_terminal_and_no_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATER], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False False\n"
