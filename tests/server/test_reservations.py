"""Reserved nicks are bounded, for an address and in all; the oldest goes first."""

from tests.protocol.frames import Error, Hello, Welcome
from tests.server.driver import Host, Peer


def leave_behind(host: Host, *nicks: str, address: str = "192.0.2.1") -> list[str]:
    """Let connections say hello and break, one after the other; return their secrets."""
    secrets = []
    for nick in nicks:
        peer = come(host, nick, address=address)
        secrets.append(peer.one(Welcome).session)
        peer.lose()
    return secrets


def come(host: Host, nick: str, secret: str | None = None, *, address: str = "192.0.2.9") -> Peer:
    """Connect, and ask for a nick."""
    peer = host.connect(host=address)
    peer.send(Hello(protocol=1, nick=nick, session=secret))
    return peer


def is_reserved(host: Host, nick: str) -> bool:
    """Tell whether a stranger is refused a nick."""
    peer = come(host, nick)
    refused = bool(peer.take_all(Error))
    if not refused:
        peer.eof()
        peer.lose()
    return refused


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def test_one_address_has_so_many_nicks_reserved_and_the_oldest_goes_first() -> None:
    host = Host(reserved_nicks_per_address=3)
    leave_behind(host, *names(5))
    assert [is_reserved(host, nick) for nick in names(5)] == [False, False, True, True, True]


def test_an_address_does_not_take_the_nicks_of_another() -> None:
    host = Host(reserved_nicks_per_address=3)
    leave_behind(host, "ana", address="192.0.2.7")
    leave_behind(host, *names(10))
    assert is_reserved(host, "ana")


def test_all_addresses_together_have_so_many_nicks_reserved() -> None:
    host = Host(reserved_nicks=3)
    for number, nick in enumerate(names(5)):
        leave_behind(host, nick, address=f"192.0.2.{number}")
    assert [is_reserved(host, nick) for nick in names(5)] == [False, False, True, True, True]


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    host = Host(reserved_nicks_per_address=1)
    leave_behind(host, "ana", address="2001:db8::1")
    leave_behind(host, "bob", address="2001:db8::2")
    assert [is_reserved(host, nick) for nick in ("ana", "bob")] == [False, True]


def test_a_nick_that_was_taken_back_counts_no_more() -> None:
    host = Host(reserved_nicks_per_address=2)
    (secret,) = leave_behind(host, "ana")
    ana = come(host, "ana", secret)
    assert ana.one(Welcome).nick == "ana"
    leave_behind(host, "bob", "cleo")
    assert [is_reserved(host, nick) for nick in ("ana", "bob", "cleo")] == [True, True, True]


def test_a_secret_of_a_nick_that_went_first_proves_nothing() -> None:
    host = Host(reserved_nicks_per_address=1)
    secret, _ = leave_behind(host, "ana", "bob")
    thief = come(host, "ana")
    assert thief.one(Welcome).nick == "ana"
    assert come(host, "ana", secret).error().code == "nick_taken"


def test_a_reservation_that_went_first_or_was_taken_back_waits_for_no_time() -> None:
    host = Host(reserved_nicks_per_address=2)
    secrets = leave_behind(host, *names(50))
    assert len(host.endpoint.timers) == 2
    come(host, "n49", secrets[49])
    assert len(host.endpoint.timers) == 2  # that of the nick, and that of the connection
    host.advance(121.0)
    assert not is_reserved(host, "n48")


def test_without_the_limits_nothing_is_forgotten_before_its_time() -> None:
    host = Host(reserved_nicks_per_address=None, reserved_nicks=None)
    leave_behind(host, *names(200))
    assert all(is_reserved(host, nick) for nick in names(200))
