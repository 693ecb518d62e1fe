"""Commands that are given several addresses: which they use, what belongs to the list, and what they say."""

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from chatcore import Hub
from cli.access.keys import Entry, KeyFile
from cli.access.links import address, link_of, parse_link
from cli.access.login import login_for
from cli.access.trust import Ca
from cli.state.remembered import UnsentLine
from cli.state.slots import Slots
from tests.cli.conftest import Inside
from tests.cli.processes import chat_server, line_of, spawn, watched
from tests.cli.pty import ENTER
from tests.cli.terminal.remembering import client, load, quit_client
from transports.certificates import Certificate
from transports.threaded_tcp import connect, serve

PIN, OTHER = "p" * 42 + "A", "q" * 42 + "A"
INVITE = "i" * 32


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@contextmanager
def gone() -> Iterator[str]:
    """A place at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def server() -> Iterator[str]:
    """The place of a server."""
    with closing(Hub()) as hub, serve("chat://127.0.0.1:0", hub=hub) as running:
        yield str(running.listening[0]).removeprefix("chat://")


# --- what belongs to the list --------------------------------------------------------------------


def test_a_key_is_for_the_list_in_any_order_and_for_no_part_of_it(file: KeyFile) -> None:
    url = address("chats://b,a:7025,c")
    file.begin(url, INVITE, lambda: "k1")
    file.finish(url, "ada", pin=None, insecure=False)
    for same in ("chats://b,a:7025,c", "chats://c:7024,b,a:7025", "chats://A:7025,C,B/"):
        assert login_for(same, str(file.path), Ca()).key == "k1"
    for other in ("chats://b", "chats://a:7025,b", "chat://b,a:7025,c", "chats://a:7025,b,c,d"):
        assert login_for(other, str(file.path), Ca()).key is None


def test_a_pin_is_of_one_node_and_counts_in_each_list_that_has_it(file: KeyFile) -> None:
    file.trust(address("chats://b"), PIN)
    path = str(file.path)
    login = login_for("chats://a,b", path, Ca("ca.pem"))
    assert (login.ca, login.pin) == ("ca.pem", {"chats://b:7024": PIN})
    assert login_for("chats://a,c", path, Ca()).pin is None
    assert login_for("chats://a,b", path, Ca("ca.pem", typed=True)).pin is None


def test_a_pin_of_the_list_is_of_each_node_that_has_none_of_its_own(file: KeyFile) -> None:
    file.trust(address("chats://b,a"), PIN)
    file.trust(address("chats://b"), OTHER)
    assert login_for("chats://a,b", str(file.path), Ca()).pin == {
        "chats://a:7024": PIN,
        "chats://b:7024": OTHER,
    }


def test_what_clients_remember_belongs_to_the_list_in_any_order(tmp_path: Path) -> None:
    slot = Slots(tmp_path, address("chat://b,a"), "ada", account=False).take()
    slot.write(UnsentLine("1", "ops", None, "hello", 5.0).record())
    slot.close()
    again = Slots(tmp_path, address("chat://a:7024,b"), "ada", account=False).take()
    assert set(again.remembered.unsent) == {"1"}
    again.close()


def test_a_link_may_have_several_addresses() -> None:
    url = link_of("chats://b,a:7025", INVITE, PIN)
    assert url == f"chats://b:7024,a:7025/#{INVITE}.{PIN}"
    assert parse_link(url).url == "chats://b:7024,a:7025"
    assert parse_link(url).pin == PIN


# --- another address of the same server ----------------------------------------------------------


def test_the_key_and_what_is_remembered_are_taken_along(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    keys = tmp_path / "keys.json"
    file = KeyFile(keys)
    old = address("chats://a")
    file.begin(old, INVITE, lambda: "k1")
    file.finish(old, "ada", pin=PIN, insecure=False)
    directory = tmp_path / "chatcore" / "state"
    slot = Slots(directory, old, "ada", account=True).take()
    slot.write(UnsentLine("1", "ops", None, "hello", 5.0).record())
    slot.close()
    done = inside("trust", "chats://c,a", "--same-as", "chats://a", "--key-file", str(keys))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "chats://a:7024,c:7024 is the same server as chats://a:7024 from now on",
        "your key is for both addresses",
        "what clients remember, rooms and lines that were not sent, has moved there",
    ]
    login = login_for("chats://a,c", str(keys), Ca())
    assert (login.key, login.account, login.pin) == ("k1", "ada", {"chats://a:7024": PIN})
    moved = Slots(directory, address("chats://a,c"), "ada", account=True).take()
    assert set(moved.remembered.unsent) == {"1"}
    moved.close()
    again = inside("trust", "chats://c,a", "--same-as", "chats://a", "--key-file", str(keys))
    assert again.returncode == 0


def test_another_key_is_not_replaced(inside: Inside, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    for url, key in (("chats://a", "k1"), ("chats://a,b", "k2")):
        KeyFile(keys).begin(address(url), INVITE, lambda key=key: key)  # type: ignore[misc]
        KeyFile(keys).finish(address(url), "ada", pin=None, insecure=False)
    before = KeyFile(keys).entries()
    done = inside("trust", "chats://a,b", "--same-as", "chats://a", "--key-file", str(keys))
    assert done.returncode == 2
    assert "there is a key for chats://a:7024,b:7024 already" in done.stderr
    assert KeyFile(keys).entries() == before


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("chats://a", "--same-as", "chats://a:7024"), "are the same address already"),
        (("chats://a", "--same-as", "chat://a"), "whether they are encrypted"),
        (("chats://a", "--same-as", "chats://b", "--forget"), "or --same-as URL"),
        (("chats://a", f"sha256:{PIN}", "--same-as", "chats://b"), "or --same-as URL"),
        (("chats://a,", "--same-as", "chats://b"), "a comma too many"),
    ],
)
def test_what_is_no_other_address_is_refused(
    inside: Inside, tmp_path: Path, args: tuple[str, ...], why: str
) -> None:
    done = inside("trust", *args, "--key-file", str(tmp_path / "keys.json"))
    assert done.returncode == 2
    assert why in done.stderr
    assert KeyFile(tmp_path / "keys.json").entries() == {}


def test_nothing_is_taken_from_where_nothing_is(inside: Inside, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    done = inside("trust", "chats://a,b", "--same-as", "chats://a", "--key-file", str(keys))
    assert (done.returncode, done.stdout) == (0, "nothing of chats://a:7024 is stored\n")
    assert KeyFile(keys).entry("chats://a:7024,b:7024") == Entry()


# --- the commands --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [("send", "lobby", "hi"), ("status",), ("rooms",), ("tail", "lobby"), ("search", "hi")],
    ids=lambda command: command[0],
)
def test_each_command_uses_the_address_that_answers(
    inside: Inside, server: str, command: tuple[str, ...]
) -> None:
    with gone() as nobody:
        done = inside(*command, CHAT_URL=f"chat://{nobody},{server}")
    assert (done.returncode, [line for line in done.stderr.splitlines() if "cannot" in line]) == (0, [])


def test_where_nobody_answers_the_whole_list_is_named(inside: Inside) -> None:
    with gone() as one, gone() as two:
        done = inside("send", "lobby", "hi", "--url", f"chat://{one},{two}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"chat: no server at chat://{one},{two}; start one with")


def test_a_list_in_the_settings_is_one_server(inside: Inside, server: str, tmp_path: Path) -> None:
    settings = tmp_path / "chat.toml"
    with gone() as nobody:
        settings.write_text(f'[servers.work]\nurl = "chat://{nobody},{server}"\n')
        assert inside("--config", str(settings), "send", "--url", "work", "lobby", "hi").stdout == "1\n"


def test_a_wrong_certificate_is_one_warning_and_another_node_is_used(inside: Inside, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    with ExitStack() as stack:
        places, pins = list[str](), list[str]()
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            made = Certificate.auto(tmp_path / name / "server.pem")
            hub = stack.enter_context(closing(Hub()))
            running = stack.enter_context(serve("chats://127.0.0.1:0", hub=hub, cert=made))
            places.append(str(running.listening[0]))
            pins.append(made.pin)
        KeyFile(keys).trust(address(places[0]), OTHER)
        KeyFile(keys).trust(address(places[1]), pins[1])
        url = f"{places[0]},{places[1].removeprefix('chats://')}"
        done = inside("send", "lobby", "hi", "--url", url, "--key-file", str(keys))
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert len(re.findall(r"^chat: ", done.stderr, re.MULTILINE)) == 1
    assert f"{places[0]} has another certificate than the one that you trust" in done.stderr


def test_a_filter_and_a_reader_move_when_their_node_is_killed(tmp_path: Path) -> None:
    with chat_server() as one, chat_server() as two:
        url = f"{one.url},{two.url.removeprefix('chat://')}"
        with spawn("tail", "lobby", "-f", "--json", "--url", url) as reader, watched(reader):
            assert '"joined"' in line_of(reader.stdout)
            assert "nothing was ever said in lobby" in line_of(reader.stderr)
            one.signal(signal.SIGKILL)
            assert line_of(reader.stderr) == "chat: the connection ended (lost); reconnecting\n"
            assert line_of(reader.stderr) == f"chat: reconnected, to {two.url}\n"


@pytest.mark.parametrize("transport", ["asyncio", "threaded"])
def test_a_person_sees_one_line_when_a_node_is_killed_and_goes_on(transport: str, tmp_path: Path) -> None:
    options = ("--transport", transport)
    with chat_server(*options) as one, chat_server(*options) as two:
        url = f"{one.url},{two.url.removeprefix('chat://')}"
        with client(url, tmp_path) as ada, connect(two.url, nick="bob") as bob:
            ada.wait(f"at {one.url}; /help for help")
            ada.type(f"before{ENTER}")
            ada.wait(" ada: before")  # what is typed is on the screen too, before the server has it
            one.signal(signal.SIGKILL)
            ada.wait(f"moved to {two.url}: the connection was lost")
            ada.type(f"after{ENTER}")
            assert next(message.text for message in bob if message.nick == "ada") == "after"
            said = "\n".join(ada.everything)
            assert "disconnected" not in said
            assert "reconnected" not in said
            quit_client(ada)
        assert load(f"chat://{','.join(each.url[7:] for each in (two, one))}", tmp_path).rooms


def test_a_person_sees_one_line_when_a_node_drains(tmp_path: Path) -> None:
    with chat_server() as one, chat_server() as two:
        url = f"{one.url},{two.url.removeprefix('chat://')}"
        with client(url, tmp_path) as ada:
            one.signal(signal.SIGTERM)
            ada.wait(f"moved to {two.url}: ")
            assert "disconnected" not in "\n".join(ada.everything)
            quit_client(ada)
