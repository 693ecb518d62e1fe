"""Servers that ``chat.toml`` names: where a name may be given, and what its table sets."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from chatcore import Hub, UsageError
from cli.app import app
from cli.settings.file import ConfigFile
from cli.settings.options import settings_of
from tests.cli.conftest import Inside
from tests.cli.scripted import ScriptedServer, line, scripted_server
from tests.cli.timeouts import begin_with_a_refusal
from transports.threaded_tcp import connect, serve

SETTINGS = settings_of(app.registered_commands)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a test's file."""
    return tmp_path / "chat.toml"


def named(server: ScriptedServer, path: Path, *lines: str, above: str = "") -> Path:
    """Write a file that names a server ``work``, whose table has some more lines."""
    path.write_text("\n".join([above, "[servers.work]", f'url = "{server.url}"', *lines]))
    return path


class Heard:
    """What a server was sent: its answers to a hello, a join and a post."""

    def __init__(self) -> None:
        self.nicks: list[str] = []
        self.rooms: list[str] = []

    def welcome(self, frame: dict[str, Any]) -> bytes:
        self.nicks.append(frame["nick"])
        return line(type="welcome", protocol=1, server="x", session="s", nick=frame["nick"], limits={})

    def joined(self, frame: dict[str, Any]) -> bytes:
        self.rooms.append(frame["room"])
        return line(type="joined", room=frame["room"], epoch="e", head=0, after=0, count=1)

    def ack(self, frame: dict[str, Any]) -> bytes:
        return line(type="ack", room=frame["room"], id=frame["id"], seq=1, durability="synced")

    @property
    def answers(self) -> dict[str, Any]:
        return {"hello": self.welcome, "join": self.joined, "post": self.ack}


@pytest.mark.parametrize(
    ("above", "args", "variables", "nick"),
    [
        ("", [], {}, "server"),
        ('nick = "top"', [], {}, "server"),
        ('[send]\nnick = "command"', [], {}, "server"),
        ('nick = "top"', [], {"CHAT_NICK": "variable"}, "variable"),
        ("", ["--nick", "flag"], {"CHAT_NICK": "variable"}, "flag"),
    ],
)
def test_a_flag_wins_over_the_environment_that_over_the_server_and_that_over_the_rest(
    path: Path, inside: Inside, above: str, args: list[str], variables: dict[str, str], nick: str
) -> None:
    heard = Heard()
    with scripted_server(answers=heard.answers) as server:
        named(server, path, 'nick = "server"', above=above)
        done = inside("--config", str(path), "send", "ops", "hello", "--to", "work", *args, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert heard.nicks == [nick]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["send", "lobby", "hello", "--to", "work"], ["1"]),
        (["send", "lobby", "hello", "--to", "work", "--nick", "ada", "--timeout", "0.2"], ["nick_taken"]),
        (["client", "work"], []),
        (["client", "work", "--nick", "ada"], ["nick_taken"]),
    ],
)
def test_a_nick_of_the_settings_gets_a_number_where_it_is_in_use_and_one_that_was_typed_does_not(
    path: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch, args: list[str], words: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    begin_with_a_refusal(monkeypatch)
    with contextlib.closing(Hub()) as hub, serve("chat://127.0.0.1:0", hub=hub) as running:
        url = str(running.listening[0])
        path.write_text(f'[servers.work]\nurl = "{url}"\nnick = "ada"')
        with connect(url, nick="ada"):
            done = inside("--config", str(path), *args)
    assert (done.returncode == 0) == ("nick_taken" not in words), done.stderr
    assert all(word in done.stdout + done.stderr for word in words)


@pytest.mark.parametrize(
    ("args", "variables"),
    [
        (["client", "work"], {}),
        (["client"], {"CHAT_URL": "work"}),
        (["tail", "--url", "work"], {}),
        (["tail", "--to", "work"], {}),
        (["rooms", "--to", "work"], {}),
        (["status", "work"], {}),
        (["client"], {"default": "work"}),
    ],
)
def test_a_name_may_stand_wherever_an_address_may(
    path: Path,
    inside: Inside,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    variables: dict[str, str],
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    heard = Heard()
    listed = {"rooms": lambda frame: line(type="room_list", rooms=[], more=False, token=frame["token"])}
    above = f'url = "{default}"' if (default := variables.pop("default", None)) else ""
    with scripted_server(answers={**heard.answers, **listed}) as server:
        named(server, path, 'nick = "worker"', 'room = ["ops"]', above=above)
        done = inside("--config", str(path), *args, **variables)
    assert done.returncode == 0, done.stderr
    assert heard.rooms == ([] if args[0] in ("rooms", "status") else ["ops"])
    assert ("worker" in heard.nicks) == (args[0] == "client")  # two connections cannot have one nick


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'wrok' is not an address, such as chat://HOST:PORT, and FILE names no servers"),
        (
            '[servers.wrook]\nurl = "chat://h"',
            "'wrok' is not a server in FILE, nor an address; did you mean wrook?",
        ),
        (
            '[servers.a]\nurl = "chat://h"\n[servers.b]\nurl = "chats://h"',
            "'wrok' is not a server in FILE, nor an address; the names are a, b",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_the_names_that_there_are(
    path: Path, inside: Inside, text: str, words: str
) -> None:
    path.write_text(text)
    done = inside("--config", str(path), "tail", "ops", "--url", "wrok")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.replace(str(path), "FILE") == f"chat: {words}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("servers = 1", "line 1: servers is not a setting"),
        ("[servers]\nwork = 1", "line 2: servers.work is not a server; write it as a table"),
        ('[servers."two words"]', "line 1: servers.two words is not a name"),
        ("[servers.work]", 'line 1: servers.work needs an address: url = "chats://HOST:PORT"'),
        ('[servers.work]\nnick = "a"\nurl = "home"', "line 3: servers.work.url needs an address"),
        ('[servers.work]\nurl = "plain://h:1"', "line 2: servers.work.url needs an address"),
        ("[servers.work]\nurl = 7", "line 2: servers.work.url must be text in quotes, not 7"),
        (
            '[servers.work]\nnik = "a"',
            "line 2: servers.work.nik is not a setting of a server; did you mean nick?",
        ),
        (
            "[servers.work]\nhistory = 1",
            "line 2: servers.work.history is not a setting of a server; the settings are url, nick, room",
        ),
        ('[servers.work]\nroom = "ops"', "line 2: servers.work.room must be a list"),
    ],
)
def test_a_mistake_in_a_table_is_reported_with_its_line(path: Path, text: str, words: str) -> None:
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        ConfigFile(str(path), SETTINGS)
    assert str(caught.value).startswith(f"{path}, {words}")


def test_config_prints_them_such_that_they_can_be_read_again(path: Path, inside: Inside) -> None:
    path.write_text('[servers."a.b"]\nurl = "chat://h"\nnick = "ada"\n[servers.c]\nurl = "chats://h"\n')
    printed = inside("--config", str(path), "config").stdout
    before = ConfigFile(str(path), SETTINGS).servers
    path.write_text(printed)
    assert ConfigFile(str(path), SETTINGS).servers == before
    assert json.dumps(before) == json.dumps(
        {"a.b": {"url": "chat://h", "nick": "ada"}, "c": {"url": "chats://h"}}
    )
