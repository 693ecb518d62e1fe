"""Links: what they are made of, and that one which is wrong is not repeated."""

import pytest

from chatcore import UsageError
from cli.access.links import Link, address, encrypted_address, parse_link

INVITE = "In-vite_" * 4
PIN = "p" * 42 + "A"


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (f"chats://chat.example:7024/#{INVITE}", Link("chats://chat.example:7024", INVITE)),
        (f"chats://chat.example#{INVITE}", Link("chats://chat.example:7024", INVITE)),
        (f"  chats://Chat.Example/#{INVITE}.{PIN}\n", Link("chats://chat.example:7024", INVITE, PIN)),
        (f"chats://[2001:db8::1]:99/#{INVITE}", Link("chats://[2001:db8::1]:99", INVITE)),
        (f"chat://127.0.0.1:7024/#{INVITE}", Link("chat://127.0.0.1:7024", INVITE)),
        (f"https://example.org/chat/#{INVITE}", Link("https://example.org/chat/", INVITE)),
        (f"https://example.org:8443/#{INVITE}", Link("https://example.org:8443/", INVITE)),
    ],
)
def test_a_link_in_its_parts(text: str, link: Link) -> None:
    assert parse_link(text) == link
    assert parse_link(text).is_page == text.startswith("https")
    assert INVITE not in repr(parse_link(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chats://chat.example:7024",
        "chats://chat.example:7024/#",
        f"chats://chat.example:7024/#{INVITE}.short",
        f"chats://chat.example:7024/#{INVITE} and more",
        f"chats://chat.example:7024/#{INVITE}#{INVITE}",
        f"chats://chat.example:70240/#{INVITE}",
        f"chats://chat.example/room#{INVITE}",
        f"plains://chat.example:7024/#{INVITE}",
        f"ftp://chat.example/#{INVITE}",
        f"chat.example/#{INVITE}",
        INVITE,
    ],
)
def test_what_is_not_a_link_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_link(text)
    assert INVITE not in str(error.value)


def test_an_address_is_written_in_full() -> None:
    assert address("chat://LOCALHOST") == "chat://localhost:7024"
    assert encrypted_address("chats://h:1/") == "chats://h:1"
    for url in ("chat://h:1", "plains://h:1", "https://h"):
        with pytest.raises(UsageError):
            encrypted_address(url)
