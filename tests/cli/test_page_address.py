"""What a server says to open in a browser."""

import socket

import pytest

from chatcore.transport import Listen
from cli import page_address as module
from cli.page_address import invitation, page_address


@pytest.mark.parametrize("url", ["http://127.0.0.1:8024", "https://chat.example:99", "http://[::1]:8024"])
def test_an_address_that_can_be_opened_stays_what_it_is(url: str) -> None:
    assert page_address(Listen.parse(url)) == url


@pytest.mark.parametrize(
    ("url", "own", "address"),
    [
        ("http://0.0.0.0", "192.0.2.7", "http://192.0.2.7:8024"),
        ("https://[::]:99", "2001:db8::7", "https://[2001:db8::7]:99"),
    ],
)
def test_all_addresses_are_opened_by_one(
    url: str, own: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_own_address", lambda family, far_away: own)
    assert page_address(Listen.parse(url)) == address


def test_a_machine_without_a_network_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> str:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(module, "_own_address", unreachable)
    assert page_address(Listen.parse("http://0.0.0.0")) is None


def test_a_machine_knows_its_address_for_whoever_it_can_reach() -> None:
    assert module._own_address(socket.AF_INET, "127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize(
    ("public", "words"),
    [
        (None, "open it in a browser"),
        ([], "to have links that open it, add --public-url http://127.0.0.1:8024"),
        (
            ["chats://chat.example:7024/"],
            "to have links that open it, add --public-url http://127.0.0.1:8024",
        ),
        (
            ["chats://chat.example:7024/", "https://chat.example/"],
            "open a link of `chat invite` in a browser",
        ),
    ],
)
def test_what_to_do_with_an_address_depends_on_who_may_enter(public: list[str] | None, words: str) -> None:
    assert invitation(Listen.parse("http://127.0.0.1"), public) == words


def test_all_addresses_are_named_by_the_one_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = Listen.parse("http://0.0.0.0")
    monkeypatch.setattr(module, "_own_address", lambda family, far_away: "192.0.2.7")
    assert invitation(everywhere, None) == "open http://192.0.2.7:8024 in a browser"
    assert invitation(everywhere, []) == "to have links that open it, add --public-url http://192.0.2.7:8024"
