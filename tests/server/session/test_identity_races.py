"""Devices of one account that do things at one moment, in the order in which they take the hub's lock."""

import threading
from functools import partial

from chatcore.address import Peer as Address
from chatcore.server.session import Session
from tests.protocol.codec import encode
from tests.protocol.frames import Closing, Hello, Join, NickFrame, Welcome
from tests.server.driver import Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateDirectory, LateGate
from tests.server.leftovers import left_in

PHONE, LAPTOP = key_of("ada"), key_of("ada", "laptop")
UNKNOWN = "s" * 32
ROUNDS = 200
DEADLINE = 10.0


class Device:
    """A thread that lets one session after another say hello and join, when a barrier lets it."""

    def __init__(self, start: threading.Barrier, key: str) -> None:
        self._start = start
        self._lines = encode(Hello(protocol=1, nick="ada", key=key)) + encode(Join(room="lobby"))
        self.next: Session | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join(DEADLINE)

    def _run(self) -> None:
        while True:
            self._start.wait(DEADLINE)
            if self.next is None:
                return
            self.next.receive_data(self._lines)
            self._start.wait(DEADLINE)


def test_two_devices_that_say_hello_at_one_moment_are_one_identity() -> None:
    host = Host(gate=KeyGate("ada"), new_rooms_per_minute=None)
    endpoints = [host.endpoint, host.add_endpoint()]
    start = threading.Barrier(3)
    devices = [Device(start, key) for key in (PHONE, LAPTOP)]
    for number in range(ROUNDS):
        host.clock.now += 10.0  # an account has no more hellos than that
        sessions = [
            endpoint.open(Address(f"192.0.2.{n}", 1_000 + number)) for n, endpoint in enumerate(endpoints)
        ]
        for device, session in zip(devices, sessions, strict=True):
            device.next = session
        start.wait(DEADLINE)
        start.wait(DEADLINE)
        (identity,) = {session.identity for session in sessions}
        assert identity is not None
        assert {seat.session for seat in identity.seats} == set(sessions)
        assert host.hub.rooms["lobby"].count == 1
        for session in sessions:
            session.receive_eof()
            while session.data_to_send():
                pass
            session.connection_lost()
        assert host.is_free("ada")
    for device in devices:
        device.next = None
    start.wait(DEADLINE)
    for device in devices:
        device.join()
    assert left_in(host) == {}


def test_a_device_whose_hello_is_under_way_during_a_rename_enters_under_the_new_nick() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    phone = host.hello("ada", key=PHONE)
    gate.work()
    laptop = host.hello("ada", key=LAPTOP)
    phone.send(NickFrame(nick="ada-x"))
    gate.work()
    host.pump()
    assert laptop.one(Welcome).nick == "ada-x"
    assert laptop.session.identity is phone.session.identity


def test_the_second_of_two_devices_with_one_unknown_secret_takes_over_from_the_first() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    first, second = (host.hello("ada", key=key, session=UNKNOWN) for key in (PHONE, LAPTOP))
    gate.work()
    host.pump()
    assert first.one(Welcome).session == second.one(Welcome).session == UNKNOWN
    assert first.one(Closing).reason == "taken_over"
    assert not second.ended


def test_a_takeover_during_the_hello_of_another_device_leaves_both() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    phone = host.hello("ada", key=PHONE)
    gate.work()
    host.pump()
    secret = phone.one(Welcome).session
    laptop, again = host.hello("ada", key=LAPTOP), host.hello("ada", key=PHONE, session=secret)
    gate.work()
    host.pump()
    assert phone.one(Closing).reason == "taken_over"
    assert laptop.session.identity is again.session.identity
    assert not laptop.ended
    assert again.one(Welcome).session == secret


def test_the_last_device_that_leaves_during_the_hello_of_another_forgets_its_nick() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    phone = host.hello("ada", key=PHONE)
    gate.work()
    phone.send(NickFrame(nick="ada-x"))
    laptop = host.hello("ada", key=LAPTOP)
    phone.eof()
    assert phone.closed
    gate.work()
    host.pump()
    assert laptop.one(Welcome).nick == "ada"
    assert host.is_free("ada-x")


def hasty(*late: str) -> tuple[LateDirectory, Host]:
    """Return a directory that decides immediately and answers later, and its host."""
    host = Host(gate=KeyGate("ada"), directory=partial(LateDirectory, late=late, hasty=True))
    assert isinstance(host.hub.directory, LateDirectory)
    return host.hub.directory, host


def test_a_rename_between_the_decision_about_a_device_and_its_answer_is_in_its_welcome() -> None:
    directory, host = hasty("claim")
    phone = host.hello("ada", key=PHONE)
    directory.work(host.hub)
    host.pump()
    laptop = host.hello("ada", key=LAPTOP)
    phone.send(NickFrame(nick="ada-x"))
    directory.work(host.hub)
    host.pump()
    assert laptop.take_all(NickFrame) == []
    assert laptop.one(Welcome).nick == "ada-x"


def test_an_answer_to_a_nick_that_is_another_by_now_is_followed_by_that() -> None:
    directory, host = hasty("rename")
    phone, laptop = host.live("ada", key=PHONE), host.live("ada", key=LAPTOP)
    phone.send(NickFrame(nick="ada-1", token="one"))
    laptop.send(NickFrame(nick="ada-2", token="two"))
    directory.work(host.hub)
    host.pump()
    got = {
        peer: [(frame.nick, frame.token) for frame in peer.take_all(NickFrame)] for peer in (phone, laptop)
    }
    assert ("ada-1", "one") in got[phone]
    assert ("ada-2", "two") in got[laptop]
    assert [nicks[-1][0] for nicks in got.values()] == ["ada-2", "ada-2"]
