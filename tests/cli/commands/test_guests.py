"""A guest's first commands: `chat join`, and `chat client` without a room, against a server with accounts."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore import Accounts, Hub
from chatcore.accounts import Administration, Role
from cli.access.keys import KeyFile
from cli.access.trust import Ca
from cli.commands.join import run as join
from tests.cli.processes import CHAT, chat
from tests.cli.pty import in_terminal
from transports.threaded_tcp import connect, serve


class Place:
    """A server with an owner, and a guest called gus who has joined, admitted to some rooms."""

    def __init__(self, folder: Path, rooms: Sequence[str], stack: ExitStack, role: Role = "guest") -> None:
        accounts = folder / "accounts.db"
        with Administration(accounts, by="local:test", create=True) as book:
            book.add("ada")
            secrets = [book.invite(name="ada").secret, book.invite(role=role, room=rooms[0]).secret]
        hub = stack.enter_context(closing(Hub(gate=Accounts(accounts))))
        self.url = str(stack.enter_context(serve("chat://127.0.0.1:0", hub=hub)).listening[0])
        self.keys = folder / "gus.json"
        self.link = f"{self.url}/#{secrets[1]}"
        self._rooms = rooms
        self.ada = stack.enter_context(
            connect(self.url, nick="ada", rooms=rooms, key="k" * 43, invite=secrets[0])
        )

    def join(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Join as the guest, and be admitted to all of the rooms."""
        monkeypatch.setattr("sys.stdin", io.StringIO(self.link))
        join("gus", str(self.keys), Ca(), replace=False, insecure=False)
        for room in self._rooms[1:]:
            self.ada.moderate("admit", room=room, nick="gus")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_who_may_enter_one_room_gets_the_command_for_it(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, ["Priv"], stack)
    place.join(monkeypatch)
    assert f"now run: chat client {place.url} --room priv\n" in capfd.readouterr().out
    assert KeyFile(place.keys).entry(place.url).account == "gus"


def test_who_may_enter_several_reads_their_names(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, ["one", "two"], stack)
    place.join(monkeypatch)
    place.join(monkeypatch)  # the same link, now that there are two rooms
    output = capfd.readouterr().out
    assert "as a guest, you may enter one, two\n" in output
    assert output.endswith(f"now run: chat client {place.url} --room ROOM\n")


def test_who_may_enter_the_lobby_needs_no_room(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, ["one", "lobby"], stack)
    place.join(monkeypatch)
    place.join(monkeypatch)
    assert capfd.readouterr().out.endswith(f"now run: chat client {place.url}\n")


def test_a_room_that_nobody_has_used_is_asked_for(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, ["one"], stack)
    place.ada.leave("one")
    place.join(monkeypatch)
    output = capfd.readouterr().out
    assert "ask which\n" in output
    assert output.endswith(" --room ROOM\n")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_in_a_pipe_the_only_room_is_entered(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    place = Place(tmp_path, ["priv"], stack)
    place.join(monkeypatch)
    line = json.dumps({"type": "post", "room": "priv", "id": "1", "text": "hello"}) if options else "hello"
    done = chat("client", place.url, "--key-file", str(place.keys), *options, stdin=f"{line}\n")
    assert done.returncode == 0, done.stderr
    assert "so you are in priv" in done.stderr
    assert next(iter(place.ada)).text == "hello"


@pytest.mark.parametrize(
    ("rooms", "words"), [(["one", "two"], "you may enter one, two; name one with --room"), (["one"], "ask")]
)
def test_in_a_pipe_there_is_no_choice_between_rooms(
    tmp_path: Path,
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    rooms: list[str],
    words: str,
) -> None:
    place = Place(tmp_path, rooms, stack)
    place.join(monkeypatch)
    if len(rooms) == 1:
        place.ada.leave("one")
    done = chat("client", place.url, "--key-file", str(place.keys))
    assert (done.returncode, done.stdout) == (3, "")
    assert words in done.stderr


def test_a_room_that_was_named_is_no_matter_of_choice(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, ["priv"], stack)
    place.join(monkeypatch)
    done = chat("client", place.url, "--key-file", str(place.keys), "--room", "lobby")
    assert (done.returncode, done.stderr.count("priv")) == (3, 0)


def test_a_member_who_is_shut_out_of_the_lobby_is_not_sent_elsewhere(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, ["ops"], stack, role="member")
    place.ada.moderate("close", room="lobby")
    place.join(monkeypatch)
    assert capfd.readouterr().out.endswith(f"now run: chat client {place.url}\n")
    done = chat("client", place.url, "--key-file", str(place.keys))
    assert (done.returncode, done.stderr.count("ops")) == (3, 0)
    assert "this room is private" in done.stderr


@pytest.mark.parametrize("rooms", [["priv"], ["one", "two"]], ids=["one", "several"])
def test_in_a_terminal_the_only_room_is_entered_and_several_are_named(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, rooms: list[str]
) -> None:
    place = Place(tmp_path, rooms, stack)
    place.join(monkeypatch)
    with in_terminal(CHAT, "client", place.url, "--key-file", str(place.keys), columns=120) as terminal:
        if len(rooms) == 1:
            terminal.wait("you are in priv")
        else:
            terminal.wait("as a guest, you may enter one, two")
            terminal.wait("you are not in a room; join one")
        assert not any("forbidden" in row for row in terminal.everything)
