"""How addresses are written, and which peers count as one address."""

import pytest

from chatcore import UsageError
from chatcore.address import DEFAULT_PORT, Peer, address_of, parse_url


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


def test_the_port_is_not_part_of_an_address() -> None:
    assert address_of(Peer("192.0.2.7", 1)) == address_of(Peer("192.0.2.7", 2))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("chat://127.0.0.1:7025", ("chat", "127.0.0.1", 7025)),
        ("plain://chat.example.org/", ("plain", "chat.example.org", DEFAULT_PORT)),
        ("chat://[::1]:0", ("chat", "::1", 0)),
    ],
)
def test_an_address_has_a_scheme_a_host_and_a_port(url: str, parts: tuple[str, str, int]) -> None:
    assert parse_url(url, ("chat", "plain")) == parts


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("localhost", "'localhost' is not an address; write chat://localhost:7024"),
        ("localhost:7025", "'localhost:7025' is not an address; write chat://localhost:7025"),
        ("", "'' is not an address here; write chat://HOST:PORT or plain://HOST:PORT"),
        ("http://a", "'http://a' is not an address here; write chat://HOST:PORT or plain://HOST:PORT"),
        (
            "chat://a:65536",
            "'chat://a:65536' is not an address (Port out of range 0-65535); write chat://HOST:PORT ",
        ),
        ("chat://[::1", "'chat://[::1' is not an address (Invalid IPv6 URL); write chat://HOST:PORT "),
        ("chat://a:1/path", "'chat://a:1/path' has more than a host and a port; write chat://HOST:PORT "),
        ("chat://", "'chat://' has no host; write chat://HOST:PORT "),
    ],
)
def test_an_invalid_address_says_what_to_write(url: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(url, ("chat", "plain"))
    assert str(caught.value).startswith(advice)
