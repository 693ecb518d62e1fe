"""What a moderator types and reads, and what the one concerned reads."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import Accounts, DisconnectedError, Hub, Left, RefusedError, new_key
from chatcore.accounts import Administration
from cli.access.keys import KeyFile
from cli.access.links import parse_link
from cli.terminal.completion import candidates
from cli.terminal.input import Command, parse
from cli.terminal.moderation import Deed, describe, parse_deed
from cli.terminal.rooms import Rooms
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal
from transports.threaded_tcp import Chat, connect, serve


@pytest.mark.parametrize(
    ("line", "deed"),
    [
        ("/kick bob", Deed("kick", "bob")),
        ("/admit bob", Deed("admit", "bob")),
        ("/close", Deed("close")),
        ("/open", Deed("open")),
        ("/close lobby", Deed("close", room="lobby")),
        ("/open lobby", Deed("open", room="lobby")),
        ("/admit bob  ops", Deed("admit", "bob", room="ops")),
        ("/mute bob", Deed("mute", "bob")),
        ("/mute bob 10m", Deed("mute", "bob", 600.0)),
        ("/ban bob everywhere", Deed("ban", "bob", everywhere=True)),
        ("/ban bob 7d everywhere sells things", Deed("ban", "bob", 604_800.0, True, "sells things")),
        ("/mute bob 2w", Deed("mute", "bob", 1_209_600.0)),
        ("/BAN  bob  1h  too loud", Deed("ban", "bob", 3_600.0, reason="too loud")),
        ("/ban bob everywhereish", Deed("ban", "bob", reason="everywhereish")),
        ("/lift bob everywhere", Deed("lift", "bob", everywhere=True)),
    ],
)
def test_what_a_line_asks_for(line: str, deed: Deed) -> None:
    command = parse(line)
    assert command is not None
    assert parse_deed(command.verb, command.argument) == deed


@pytest.mark.parametrize(
    "line",
    [
        "/kick",
        "/kick bob now",
        "/mute",
        "/mute bob 10 m",  # not for ever, for a reason that begins with a number
        "/mute bob 0m",
        "/mute bob 10x",
        "/ban bob schön",
        "/lift bob here",
        "/close lobby ops",
        "/admit bob ops now",
        "/device phone",
        "/device forget no",
    ],
)
def test_a_line_with_a_mistake_does_nothing(line: str) -> None:
    command = parse(line)
    assert command is not None
    assert command.verb == "mistake"
    assert command.argument.startswith(f"usage: {line.split()[0]}")


@pytest.mark.parametrize(
    ("deed", "room", "words"),
    [
        (Deed("mute", "bob", 600.0), "ops", "bob can read, but not speak, in ops for 10 minutes"),
        (Deed("mute", "bob", 90.0), None, "bob can read, but not speak, anywhere for 90 seconds"),
        (Deed("ban", "bob", 86_400.0), "ops", "bob cannot enter ops for 1 day"),
        (Deed("ban", "bob", 1_209_600.0), None, "bob cannot use this server for 2 weeks"),
        (Deed("ban", "bob"), None, "bob cannot use this server until you /lift it"),
        (Deed("lift", "bob"), "ops", "bob is no longer muted or banned in ops"),
    ],
)
def test_what_is_said_of_an_act(deed: Deed, room: str | None, words: str) -> None:
    assert describe(deed, room) == words


@pytest.mark.parametrize(
    ("before", "texts"),
    [
        ("/ki", ["/kick "]),
        ("/kick a", ["alice "]),
        ("/ban B", ["bo ", "Bob.2 "]),
        ("/mute alice e", ["everywhere"]),
        ("/mute alice 10m every", ["everywhere"]),
        ("/lift alice e", ["everywhere"]),
        ("/dev", ["/device "]),
        ("/open o", ["ops", "old"]),
    ],
)
def test_tab_completes_commands_nicks_and_everywhere(rooms: Rooms, before: str, texts: list[str]) -> None:
    assert [each.text for each in candidates(before, rooms, "me")] == texts


# --- with a server -------------------------------------------------------------------------------


class Place:
    """A server with accounts, and people who have a key there."""

    def __init__(self, url: str, accounts: Path, folder: Path) -> None:
        self.url = url
        self._accounts = accounts
        self._folder = folder

    def key_file(self, name: str) -> Path:
        """Return the file with a new key of an account."""
        file = KeyFile(self._folder / f"{name}.json")
        with Administration(self._accounts, by="local:test") as administration:
            invite = administration.invite(name=name).secret
        assert invite is not None
        key = file.begin(self.url, invite, new_key, again=True)
        with connect(self.url, nick=name, rooms=(), key=key, invite=invite):
            pass
        file.finish(self.url, name, pin=None, insecure=False)
        return file.path

    def chat(self, name: str) -> Chat:
        """Return a connection of an account, in the lobby."""
        device = KeyFile(self.key_file(name)).entry(self.url).key
        assert device is not None
        return connect(self.url, nick=name, key=device.key, reconnect=False)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    accounts = tmp_path / "accounts.db"
    with Administration(accounts, by="local:test", create=True) as administration:
        for name in ("ada", "bob"):
            administration.add(name)
    with closing(Hub(gate=Accounts(accounts))) as hub, serve("chat://127.0.0.1:0", hub=hub) as server:
        yield Place(str(server.listening[0]), accounts, tmp_path)


@pytest.fixture
def ada(place: Place) -> Iterator[Pty]:
    """The owner's terminal."""
    keys = str(place.key_file("ada"))
    with in_terminal(CHAT, "client", place.url, "--key-file", keys, columns=120) as terminal:
        terminal.wait("you are in lobby")
        yield terminal


def told(terminal: Pty, line: str, answer: str) -> None:
    terminal.type(line + ENTER)
    terminal.wait(answer)


def test_a_moderator_acts_and_reads_what_was_done(place: Place, ada: Pty) -> None:
    with place.chat("bob") as bob:
        told(ada, "/mute bob 10m", "bob can read, but not speak, in lobby for 10 minutes")
        with pytest.raises(RefusedError, match="muted"):
            bob.post("hello")
        told(ada, "/lift bob", "bob is no longer muted or banned in lobby")
        bob.post("hello again")
        ada.wait("hello again")
        told(ada, "/close", "lobby is private now")
        told(ada, "/kick bob", "bob is out of lobby")
        assert next(event for event in bob.events() if isinstance(event, Left)).reason == "expelled"
        with pytest.raises(RefusedError, match="forbidden"):
            bob.join("lobby")
        told(ada, "/admit bob", "bob may enter lobby")
        bob.join("lobby")
        told(ada, "/open", "lobby is open to everybody now")
        told(ada, "/ban bob everywhere", "bob cannot use this server until you /lift it")
        with pytest.raises(DisconnectedError) as error:
            list(bob.events())
        assert error.value.reason == "banned"
    told(ada, "/kick nobody-here", "no such account")


def test_who_is_shut_out_of_the_first_room_stays_and_can_open_it_again(place: Place) -> None:
    with place.chat("ada") as ada:
        ada.moderate("close", room="lobby")
        ada.moderate("kick", room="lobby", nick="bob")
    with in_terminal(CHAT, "client", place.url, "--key-file", str(place.key_file("bob")), columns=120) as bob:
        bob.wait("you are not in a room; join one with /join ROOM")
        told(bob, "/join ops", "you are in ops")
    with in_terminal(
        CHAT, "client", place.url, "--key-file", str(place.key_file("ada")), "--room", "ops", columns=120
    ) as ada_elsewhere:
        ada_elsewhere.wait("you are in ops")
        told(ada_elsewhere, "/admit bob lobby", "bob may enter lobby")
        told(ada_elsewhere, "/open lobby", "lobby is open to everybody now")
        told(ada_elsewhere, "/close lobby", "lobby is private now")


def test_the_one_concerned_reads_what_happened(place: Place) -> None:
    keys = str(place.key_file("bob"))
    with (
        place.chat("ada") as ada,
        in_terminal(CHAT, "client", place.url, "--key-file", keys, columns=120) as bob,
    ):
        bob.wait("you are in lobby")
        ada.moderate("mute", room="lobby", nick="bob")
        bob.type("hello" + ENTER)
        bob.wait("you are muted in this room (forbidden)")
        ada.moderate("kick", room="lobby", nick="bob")
        bob.wait("you were put out of lobby")
        ada.moderate("ban", nick="bob")
        bob.wait("disconnected: you are banned from this server")
        assert bob.wait_exit() == 1


def test_whoever_is_muted_reads_that_when_they_come_in(place: Place) -> None:
    with place.chat("ada") as ada:
        ada.moderate("mute", room="lobby", nick="bob")
    keys = str(place.key_file("bob"))
    with in_terminal(CHAT, "client", place.url, "--key-file", keys, columns=120) as bob:
        bob.wait("you are muted in lobby")


def test_a_link_for_one_more_device_is_shown_and_told_to_the_others(
    place: Place, ada: Pty, tmp_path: Path
) -> None:
    with place.chat("ada") as other:
        told(ada, "/device", "within 10 minutes")
        ada.wait(f"{place.url}/#")
        row = next(row for row in ada.everything if row.startswith(f"{place.url}/#"))
        link = parse_link(row)
        assert next(event for event in other.events() if event.type == "invited").type == "invited"
    with connect(link.url, nick="whoever", rooms=(), key=new_key(), invite=link.invite) as device:
        assert device.account == "ada"


def test_a_request_of_another_device_is_told(place: Place, ada: Pty) -> None:
    with place.chat("ada") as other:
        other.invite_device()
        ada.wait("another of your devices has asked for a link")


def test_this_device_is_forgotten_once_that_is_confirmed(place: Place, tmp_path: Path) -> None:
    file = KeyFile(place.key_file("bob"))
    with in_terminal(CHAT, "client", place.url, "--key-file", str(file.path), columns=120) as bob:
        bob.wait("you are in lobby")
        told(bob, "/device forget", "to do it, type /device forget yes")
        assert file.entry(place.url).key is not None
        told(bob, "/device forget yes", "this device is forgotten")
        assert bob.wait_exit() == 0
        assert not any("disconnected" in row for row in bob.everything)
    assert file.entries() == {}
    with Administration(tmp_path / "accounts.db", by="local:test") as administration:
        assert administration.keys("bob") == []


def test_the_only_key_of_the_only_owner_is_kept_here_too(place: Place, ada: Pty, tmp_path: Path) -> None:
    told(ada, "/device forget yes", "this is the only key of an owner")
    assert KeyFile(tmp_path / "ada.json").entry(place.url).key is not None


def test_without_a_room_an_act_says_what_is_missing(place: Place, ada: Pty) -> None:
    told(ada, "/leave", "you left lobby")
    ada.wait("you are not in a room")
    told(ada, "/ban bob", "you are not in a room")
    told(ada, "/ban bob everywhere", "bob cannot use this server")


def test_a_command_is_what_it_is_called() -> None:
    assert parse("/device") == Command("device")
