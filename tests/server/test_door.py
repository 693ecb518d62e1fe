"""Which addresses may connect, and what is logged about those that may not."""

import logging
from collections.abc import Callable, Iterator

import pytest

from chatcore.address import Peer
from chatcore.gate import OpenGate, Person, Refusal
from chatcore.server.directory import LocalDirectory
from chatcore.wire.plain import plain
from tests.protocol.frames import Hello, Welcome
from tests.server.driver import Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateGate

HERE, THERE = "203.0.113.7", "203.0.113.8"


class Doorway:
    """A server with accounts, and those who come to its door."""

    def __init__(self, **limits: float | None) -> None:
        self.gate = KeyGate("ada", needs_keys=True)
        self.host = Host(None, clock=None, gate=self.gate, directory=LocalDirectory, **limits)

    def admits(self, address: str = HERE) -> bool:
        """Tell whether a new connection from an address may begin."""
        return self.host.endpoint.delay(Peer(address, 1)) is not None

    def fail(self, address: str = HERE, *, key: str = "x" * 43, nick: str = "ada", times: int = 1) -> None:
        """Say hello with a wrong key, each time on a connection of its own."""
        for _ in range(times):
            peer = self.host.connect(host=address)
            peer.send(Hello(protocol=1, nick=nick, key=key))
            assert peer.ended

    def enter(self, address: str = HERE) -> None:
        """Say hello with a good key."""
        peer = self.host.connect(host=address)
        peer.send(Hello(protocol=1, nick="ada", key=key_of("ada")))
        assert len(peer.take_all(Welcome)) == 1
        peer.lose()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What the door has logged."""
    caplog.set_level(logging.DEBUG, "chat.door")
    yield lambda: caplog.messages
    assert {record.name for record in caplog.records} <= {"chat.door"}
    assert {record.levelname for record in caplog.records} <= {"WARNING"}


# --- failures ------------------------------------------------------------------------------------


def test_ten_refused_hellos_shut_the_door_to_their_address_and_to_no_other() -> None:
    door = Doorway()
    door.fail(times=9)
    assert door.admits()
    door.fail()
    assert not door.admits()
    assert door.admits(THERE)
    door.enter(THERE)
    assert door.host.hub.statistics().turned_away == 1


@pytest.mark.parametrize(("failures", "seconds"), [(10, 6.0), (15, 36.0), (128, 66.0)])
def test_the_door_opens_again_after_a_minute_or_so_however_many_failed(failures: int, seconds: float) -> None:
    door = Doorway()
    door.fail(times=failures)
    door.host.advance(seconds - 0.1)
    assert not door.admits()
    door.host.advance(0.1)
    assert door.admits()


def test_in_the_long_run_an_address_may_fail_ten_times_a_minute() -> None:
    door, failed = Doorway(), 0
    for _ in range(6_000):
        door.host.advance(0.1)
        if door.admits():
            door.fail()
            failed += 1
    assert failed == pytest.approx(100 + 9, abs=2)


def test_connections_that_are_there_already_are_left_alone() -> None:
    door = Doorway()
    peer = door.host.connect(host=HERE)
    door.fail(times=10)
    peer.send(Hello(protocol=1, nick="ada", key=key_of("ada")))
    assert len(peer.take_all(Welcome)) == 1


def test_whoever_asks_for_a_nick_of_somebody_else_counts_as_one_with_a_wrong_key() -> None:
    door = Doorway()
    door.fail(key=key_of("ada"), nick="bob", times=10)
    assert not door.admits()


def test_one_refusal_counts_once_also_if_it_is_answered_twice_or_too_late() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate, refusals_per_minute=2)
    host.hello("ada")
    gate.work(times=2)
    assert host.endpoint.delay(Peer("192.0.2.1", 1)) is not None
    gone = host.hello("ada")
    gone.lose()
    gate.work()
    assert host.endpoint.delay(Peer("192.0.2.1", 1)) is not None
    host.hello("ada")
    gate.work()
    assert host.endpoint.delay(Peer("192.0.2.1", 1)) is None


def test_what_says_nothing_about_a_key_does_not_count() -> None:
    door = Doorway(refusals_per_minute=1, handshake_seconds=10.0)
    host = door.host
    host.connect(host=HERE).send(Hello(protocol=0, nick="ada", key=key_of("ada")))
    host.connect(host=HERE).feed(b"GET / HTTP/1.1\r\n\r\n")
    host.connect(host=HERE).eof()
    host.connect(host=HERE).feed(b'{"type":"join","room":"lobby"}\n' * 3)
    host.connect(host=HERE).send(Hello(protocol=1, nick="root", key=key_of("ada")))
    host.connect(host=HERE)
    host.advance(20.0)
    door.enter()
    assert door.admits()


def test_a_site_fails_together_and_its_neighbour_does_not() -> None:
    door = Doorway()
    for number in range(10):
        door.fail(f"2001:db8:1:2::{number:x}")
    assert not door.admits("2001:db8:1:2:ffff::1")
    assert door.admits("2001:db8:1:3::1")
    door.fail("::ffff:203.0.113.7", times=10)
    assert not door.admits(HERE)


@pytest.mark.parametrize("limits", [{"refusals_per_minute": None}, {"connections_per_address": None}])
def test_nobody_is_turned_away_where_the_limit_or_addresses_are_off(limits: dict[str, None]) -> None:
    door = Doorway(new_connections_per_second=None, **limits)
    door.fail(times=50)
    assert door.admits()
    assert not len(door.host.hub.door)


def test_what_is_remembered_is_bounded_and_who_fails_now_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatcore.server.door.ADDRESSES", 50)
    door = Doorway()
    door.fail(times=9)
    for number in range(300):
        door.fail(f"198.51.{number // 250}.{number % 250}")
        if number % 20 == 0:
            door.fail(times=1)
    assert len(door.host.hub.door) == 50
    assert not door.admits()


# --- what a gate forbids -------------------------------------------------------------------------


def test_a_gate_closes_connections_of_an_address_before_they_begin() -> None:
    door = Doorway()
    door.gate.ban_address(HERE)
    assert not door.admits()
    assert door.admits(THERE)
    assert door.host.hub.statistics().turned_away == 1


def test_a_gate_that_cannot_say_lets_a_connection_begin_and_is_asked_at_hello(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(OpenGate):
        def may_connect(self, peer: Peer) -> bool:
            raise RuntimeError("no idea")

        def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
            raise RuntimeError("no idea")

    host = Host(gate=Broken())
    assert host.endpoint.delay(Peer(HERE, 1)) == 0.0
    assert host.hello("zoe").error().code == "unavailable"
    assert len(caplog.records) == 2


# --- the log -------------------------------------------------------------------------------------


def test_an_address_is_logged_once_a_minute_with_what_was_refused_since(
    lines: Callable[[], list[str]],
) -> None:
    door = Doorway()
    door.fail(times=9)
    assert lines() == []
    door.fail(times=3)
    assert lines() == [f"10 refused from {HERE}"]
    for _ in range(30):
        door.admits()
    door.host.advance(59.9)
    assert len(lines()) == 1
    door.host.advance(0.1)
    assert lines()[1:] == [f"32 refused from {HERE}"]
    door.fail()
    door.host.advance(59.9)
    assert len(lines()) == 2
    door.host.advance(600.0)
    assert lines()[2:] == [f"1 refused from {HERE}"]


def test_whoever_stays_below_the_limit_is_logged_too_within_a_minute(lines: Callable[[], list[str]]) -> None:
    door = Doorway()
    for _ in range(20):
        door.host.advance(10.0)
        assert door.admits()
        door.fail()
    door.host.advance(60.0)
    assert lines() == [f"6 refused from {HERE}"] * 3 + [f"2 refused from {HERE}"]


def test_what_is_refused_last_is_logged_at_the_end(lines: Callable[[], list[str]]) -> None:
    door = Doorway()
    other = door.host.add_endpoint()
    door.fail(times=3)
    door.fail(THERE)
    door.host.endpoint.close()
    assert lines() == [f"3 refused from {HERE}", f"1 refused from {THERE}"]
    other.close()
    assert len(lines()) == 2


def test_an_address_is_logged_before_it_is_forgotten(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.server.door.ADDRESSES", 2)
    door = Doorway()
    for number in range(4):
        door.fail(f"198.51.0.{number}", times=2)
    assert lines() == ["2 refused from 198.51.0.0", "2 refused from 198.51.0.1"]
    door.host.advance(60.0)
    assert lines()[2:] == ["2 refused from 198.51.0.2", "2 refused from 198.51.0.3"]


@pytest.mark.logs("door.refused")
def test_a_site_is_logged_as_what_a_firewall_can_refuse(lines: Callable[[], list[str]]) -> None:
    door = Doorway(refusals_per_minute=1)
    door.fail("2001:db8:1:2::7")
    assert lines() == ["1 refused from 2001:db8:1:2::/64"]


def test_a_forbidden_address_is_logged_when_it_knocks(lines: Callable[[], list[str]]) -> None:
    door = Doorway()
    door.gate.ban_address(HERE)
    for _ in range(12):
        door.admits()
        door.host.advance(10.0)
    assert lines() == [f"{number} refused from {HERE}" for number in (1, 5, 6)]


def test_nothing_in_a_line_was_chosen_by_a_peer(lines: Callable[[], list[str]]) -> None:
    door = Doorway()
    for _ in range(10):
        peer = door.host.connect(host=HERE)
        hello = b'{"type":"hello","protocol":1,"nick":"from","client":"9 refused from 1.1.1.1","key":"%s"}\n'
        peer.feed(hello % (b"q" * 43))
    assert lines() == [f"10 refused from {HERE}"]


def test_people_on_the_plain_wire_who_have_no_key_count_too(lines: Callable[[], list[str]]) -> None:
    door = Doorway(refusals_per_minute=3)
    for _ in range(3):
        door.host.connect(plain, host=HERE).feed(b"/login " + b"x" * 43 + b"\n")
    assert not door.admits()
    assert lines() == [f"3 refused from {HERE}"]
