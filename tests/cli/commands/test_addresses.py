"""An address that nothing can have is one line and exit code 2, in every command that takes an address."""

import re

import pytest

from tests.cli.conftest import Inside

COMMANDS = {
    "server": ["server", "--journal", "memory", "--listen"],
    "client": ["client"],
    "bench": ["bench"],
    "send": ["send", "lobby", "hi", "--url"],
    "tail": ["tail", "lobby", "--url"],
}

ADDRESSES = {
    "open bracket": "chat://[::1",
    "zone": "chat://[::1%nope]:1",
    "port": "chat://127.0.0.1:70000",
    "word": "chat://127.0.0.1:smtp",
    "no host": "chat://:1",
    "empty label": "chat://a..b:1",
    "long label": f"chat://{'a' * 70}.example:1",
    "long name": f"chat://{'.'.join(['a' * 50] * 6)}:1",
    "folded": "chat://ex\u2100mple:1",
    "space": "chat://a b:1",
    "byte": "chat://\udcff:1",
    "number": "chat://1.2.3.400:1",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_impossible_address_is_one_line(inside: Inside, command: list[str], address: str) -> None:
    done = inside(*command, address)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("chat: 'chat://")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["client", "send", "tail"])
def test_the_environment_is_read_as_carefully(inside: Inside, command: str) -> None:
    arguments = {"client": [], "send": ["lobby", "hi"], "tail": ["lobby"]}[command]
    done = inside(command, *arguments, CHAT_URL="chat://a..b:1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


CLIENTS = {
    **{name: arguments for name, arguments in COMMANDS.items() if name != "server"},
    "rooms": ["rooms", "--url"],
    "search": ["search", "hi", "--url"],
    "status": ["status"],
    "trust": ["trust"],
}


@pytest.mark.parametrize("scheme", ["http", "plain"])
@pytest.mark.parametrize("command", CLIENTS.values(), ids=CLIENTS)
def test_what_is_advised_is_an_address_for_that_command(
    inside: Inside, command: list[str], scheme: str
) -> None:
    done = inside(*command, f"{scheme}://127.0.0.1:1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    advised = re.findall(r"(\w+)://HOST:PORT", done.stderr)
    assert advised
    for each in advised:
        assert "HOST:PORT" not in inside(*command, f"{each}://127.0.0.1:1").stderr
