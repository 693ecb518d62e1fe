"""How fast connections begin: so many from one address together, then at its rate, then none."""

import pytest

from chatcore.address import Peer
from chatcore.limits import Limits
from chatcore.server.arrivals import LONGEST_WAIT, Arrivals
from tests.server.driver import Clock, Host

HERE, THERE = "192.0.2.1", "192.0.2.2"


def arrivals(burst: int = 3, per_second: float | None = 10.0, per_address: int | None = 128) -> Arrivals:
    """Return the rate of some limits."""
    return Arrivals(
        Limits(
            new_connections_burst=burst,
            new_connections_per_second=per_second,
            connections_per_address=per_address,
        )
    )


def test_a_burst_begins_together_and_the_rest_one_after_the_other() -> None:
    rate = arrivals()
    waits = [rate.take(HERE, 5.0) for _ in range(6)]
    assert waits == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2, 0.3])
    assert rate.take(THERE, 5.0) == 0.0


def test_the_rate_is_kept_in_the_long_run() -> None:
    rate = arrivals()
    times = [number / 100 for number in range(10_000)]
    begun = [now + wait for now in times if (wait := rate.take(HERE, now)) is not None]
    assert begun == sorted(begun)
    assert sum(when <= 100.0 for when in begun) == pytest.approx(3 + 100 * 10, abs=2)


def test_whoever_would_wait_too_long_is_turned_away_and_pays_nothing() -> None:
    rate = arrivals(burst=1, per_second=1.0)
    while (last := rate.take(HERE, 0.0)) is not None:
        assert last <= LONGEST_WAIT
    assert [rate.take(HERE, 0.0) for _ in range(100)] == [None] * 100
    assert rate.take(HERE, 1.0) == LONGEST_WAIT


def test_with_the_defaults_five_hundred_behind_one_address_are_back_in_five_seconds() -> None:
    rate = Arrivals(Limits(connections_per_address=500))
    waits = [rate.take(HERE, 0.0) for _ in range(500)]
    assert max(wait for wait in waits if wait is not None) <= 5.0
    assert None not in waits


@pytest.mark.parametrize("limits", [{"per_second": None}, {"per_address": None}])
def test_nobody_waits_when_the_limit_or_addresses_are_off(limits: dict[str, None]) -> None:
    rate = arrivals(burst=1, **limits)
    assert [rate.take(HERE, 0.0) for _ in range(1_000)] == [0.0] * 1_000


def test_addresses_are_forgotten_once_they_have_paid() -> None:
    rate = arrivals()
    for number in range(10_000):
        rate.take(f"192.0.2.{number}", number * 0.05)
    assert len(rate) <= 6


def test_those_of_one_site_pay_together_and_are_counted_when_turned_away() -> None:
    host = Host(clock=Clock(), new_connections_burst=1, new_connections_per_second=1.0)
    waits = [host.endpoint.delay(Peer(f"2001:db8:1:2::{number:x}", 1)) for number in range(1, 9)]
    assert waits == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, None, None]
    assert host.endpoint.delay(Peer("2001:db8:1:3::1", 1)) == 0.0
    assert host.hub.statistics().turned_away == 2
