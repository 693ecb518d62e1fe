"""How addresses are written, and which peers count as one address."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatcore import UsageError
from chatcore.address import DEFAULT_PORT, Peer, address_of, is_loopback, parse_list, parse_url


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::1", "::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::"),
        ("fe80::2%25", "fe80::"),
        ("", ""),
        ("/run/chat.sock", "/run/chat.sock"),
        ("localhost", "localhost"),
    ],
)
def test_the_hosts_of_one_site_count_as_one_address(host: str, address: str) -> None:
    assert address_of(Peer(host, 40_000)) == address


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("128.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("fe80::1%lo", False),
        ("2130706433", False),
        ("localhost", False),
        ("/run/chat.sock", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_port_is_not_part_of_an_address() -> None:
    assert address_of(Peer("192.0.2.7", 1)) == address_of(Peer("192.0.2.7", 2))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("chat://127.0.0.1:7025", ("chat", "127.0.0.1", 7025)),
        ("plain://chat.example.org/", ("plain", "chat.example.org", DEFAULT_PORT)),
        ("chat://[::1]:0", ("chat", "::1", 0)),
        ("chat://[FE80::1%Eth0]:1", ("chat", "fe80::1%Eth0", 1)),
        ("chat://Chat.Example.org.:1", ("chat", "chat.example.org.", 1)),
        ("chat://a_b-c:", ("chat", "a_b-c", DEFAULT_PORT)),
        ("chat://müller.example", ("chat", "müller.example", DEFAULT_PORT)),
        ("http://127.0.0.1", ("http", "127.0.0.1", 8024)),
        ("https://chat.example/", ("https", "chat.example", 8024)),
    ],
)
def test_an_address_has_a_scheme_a_host_and_a_port(url: str, parts: tuple[str, str, int]) -> None:
    assert parse_url(url, ("chat", "plain", "http", "https")) == parts


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("localhost", "'localhost' is not an address; write chat://localhost:7024"),
        ("localhost:7025", "'localhost:7025' is not an address; write chat://localhost:7025"),
        ("", "'' is not an address here; write chat://HOST:PORT or plain://HOST:PORT"),
        ("irc://a", "'irc://a' is not an address here; write chat://HOST:PORT or plain://HOST:PORT"),
        ("http://a", "'http://a' is for browsers; write chat://HOST:PORT or plain://HOST:PORT"),
        (
            "chat://a:65536",
            "'chat://a:65536' is not an address (Port out of range 0-65535); write chat://HOST:PORT ",
        ),
        ("chat://[::1", "'chat://[::1' is not an address (Invalid IPv6 URL); write chat://HOST:PORT "),
        ("chat://a:1/path", "'chat://a:1/path' has more than a host and a port; write chat://HOST:PORT "),
        ("chat://", "'chat://' has no host; write chat://HOST:PORT "),
        ("chat://:1", "'chat://:1' has no host; write "),
        ("chat:///", "'chat:///' has no host; write "),
        ("chat://ada@a", "'chat://ada@a' has more than a host and a port; write "),
        ("chat://a:smtp", "'chat://a:smtp' is not an address ('smtp' is not a port); write "),
        ("chat://a:１", "'chat://a:１' is not an address ('１' is not a port); write "),
        ("chat://a:+1", "'chat://a:+1' is not an address ('+1' is not a port); write "),
        ("chat://::1", "'chat://::1' is not an address (a host with colons needs [ and ]); write "),
        ("chat://[::1]x:1", "'chat://[::1]x:1' is not an address (Invalid IPv6 URL); write "),
        ("chat://[]:1", "'chat://[]:1' is not an address ('' is not an IPv6 address); write "),
        ("chat://[1.2.3.4]", "'chat://[1.2.3.4]' is not an address ('1.2.3.4' is not an IPv6 address); "),
        ("chat://[::1%lo]", "'chat://[::1%lo]' is not an address (only a link-local address has a zone); "),
        ("chat://[fe80::1%]", "'chat://[fe80::1%]' is not an address (only a link-local address has a zone)"),
        ("chat://1.2.3.400", "'chat://1.2.3.400' is not an address ('1.2.3.400' is not an IPv4 address); "),
        ("chat://127.1", "'chat://127.1' is not an address ('127.1' is not an IPv4 address); write "),
        ("chat://a..b", "'chat://a..b' is not an address (its host is not a name); write "),
        ("chat://a b", "'chat://a b' is not an address (its host is not a name); write "),
        ("chat://a\nb", "'chat://a\\nb' is not an address (its host is not a name); write "),
        ("chat://*", "'chat://*' is not an address (its host is not a name); write "),
        ("chat://ex\u2100mple", "'chat://ex\u2100mple' is not an address (its host is not a name); write "),
        ("chat://\udcff", "'chat://\\udcff' is not an address (its host is not a name); write "),
    ],
)
def test_an_invalid_address_says_what_to_write(url: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url, ("chat", "plain"))
    assert str(caught.value).startswith(advice)


@pytest.mark.parametrize(
    "url", ["chat://a:1/#{}", "chat://a#{}", "other://a/#{}", "a:1#{}", "#{}", "chat://a?b#{}"]
)
def test_an_error_does_not_repeat_the_secret_of_a_link(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url.format("secret"), ("chat", "plain"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("label", ["a" * 63, "a" * 64, "ü" * 58, "ü" * 60])
def test_a_label_may_be_as_long_as_names_allow(label: str) -> None:
    try:
        encoded = label.encode("idna")
    except UnicodeError:
        with pytest.raises(UsageError, match="not a name"):
            parse_url(f"chat://{label}.example", ("chat",))
    else:
        assert len(encoded) <= 63
        assert parse_url(f"chat://{label}.example", ("chat",))[1] == f"{label}.example"


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match="not a name"):
        parse_url(f"chat://{'.'.join(['a' * 50] * 5)}", ("chat",))


@given(st.text(st.sampled_from("ab.:[]%/?#@ 0129-_ü\u2100\u3002\udcff\0\n１"), max_size=12))
@example("a" * 300)
@example("[fe80::1%0]:65535")
def test_whatever_is_written_a_socket_can_take_it_or_it_is_refused(rest: str) -> None:
    try:
        _, host, port = parse_url(f"chat://{rest}", ("chat",))
    except UsageError:
        return
    assert host.encode("idna").isascii()  # as sockets do, whose error would not be about the network
    assert "\0" not in host
    assert 0 <= port <= 65535


CLIENTS = ("chat", "chats")


@pytest.mark.parametrize(
    ("url", "in_full"),
    [
        ("chat://a", "chat://a:7024"),
        ("chat://a,b:7025,c", "chat://a:7024,b:7025,c:7024"),
        ("chats://A,[::1]:7,192.0.2.7/", "chats://a:7024,[::1]:7,192.0.2.7:7024"),
        ("chat://c,a,c:7024", "chat://c:7024,a:7024"),
    ],
)
def test_a_list_is_read_and_prints_itself_back_in_full(url: str, in_full: str) -> None:
    assert str(parse_list(url, CLIENTS)) == in_full
    assert str(parse_list(in_full, CLIENTS)) == in_full


def test_a_list_has_each_address_by_itself() -> None:
    assert parse_list("chats://b,a:7", CLIENTS).urls == ("chats://b:7024", "chats://a:7")


def test_the_name_of_a_list_is_the_same_in_any_order_and_that_of_one_address_is_itself() -> None:
    assert parse_list("chat://b,a:7,a", CLIENTS).name == parse_list("chat://a,b,a:7", CLIENTS).name
    assert parse_list("chat://b", CLIENTS).name == "chat://b:7024"
    assert parse_list("chats://a,b", CLIENTS).name != parse_list("chat://a,b", CLIENTS).name


@pytest.mark.parametrize(
    "url",
    [
        "chat://a,",
        "chat://,a",
        "chat://a,,b",
        "chat://a,chat://b",
        "chat://a,b:x",
        "chat://a,b/c",
        "http://a,b",
    ],
)
def test_what_is_not_a_list_says_so(url: str) -> None:
    with pytest.raises(UsageError):
        parse_list(url, CLIENTS)


def test_a_secret_after_a_list_is_not_repeated() -> None:
    with pytest.raises(UsageError) as failed:
        parse_list("chat://a,b/#secret", CLIENTS)
    assert "secret" not in str(failed.value)


def test_a_list_of_very_many_addresses_is_refused() -> None:
    with pytest.raises(UsageError, match="33"):
        parse_list("chat://" + ",".join(f"h{number}" for number in range(33)), CLIENTS)
