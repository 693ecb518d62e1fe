"""What counts as one address: an IPv4 address, or the IPv6 network of one site."""

import pytest

from chatcore.address import Peer
from chatcore.server.hub import address_of


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
