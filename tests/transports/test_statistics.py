"""What a hub has counted is what peers counted, to the message and the byte, whatever happens to them."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any, Protocol

import pytest

from chatcore.transport import server_statistics
from tests.protocol.frames import Ack, Joined, Message, Welcome
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE, TypedPeer, hello
from tests.transports.servers import House
from tests.transports.web import WebPeer
from transports.pulse import BEAT, Pulse

QUIET = 3_600.0
"""Seconds after which presence is reported: not while a test counts bytes."""

LIMITS: dict[str, Any] = {
    "presence_seconds": QUIET,
    "tail_bytes": 128 * 1024,
    "memory_history_bytes": 64 * 1024 * 1024,
}
TEXT = "x" * 4_000


class CountingPeer(TypedPeer):
    """Counts what it sent and got, by itself."""

    sent = got = messages = 0

    def send_raw(self, data: bytes) -> None:
        self.sent += len(data)
        super().send_raw(data)

    def receive_some(self) -> bytes:
        data = super().receive_some()
        self.got += len(data)
        return data

    def enter(self, nick: str, **position: Any) -> Joined:
        """Say hello, and join the lobby."""
        self.send(hello(nick))
        self.receive(Welcome)
        self.ask("join", room="lobby", **position)
        return self.receive(Joined)

    def read(self, number: int) -> None:
        """Read until it has got so many messages in all, and find that there are no more."""
        self.messages += len(self.receive_many(Message, number - self.messages))
        self.messages += sum(isinstance(frame, Message) for frame in self.settle())


class CountingWebPeer(WebPeer, CountingPeer):
    """The same in a browser."""


class NewPeer(Protocol):
    """Connects a peer that is closed after the test."""

    def __call__(self, **options: Any) -> CountingPeer: ...


@pytest.fixture
def house(serve: Serve) -> House:
    return serve(**LIMITS)


@pytest.fixture
def new_peer(house: House) -> Iterator[NewPeer]:
    with ExitStack() as stack:
        port = house.port("chat")
        kind = CountingWebPeer if house.is_for_browsers(port) else CountingPeer
        yield lambda **options: stack.enter_context(kind(port, **options))


def test_statistics_are_what_peers_counted_through_a_kill_a_reconnect_and_a_slow_reader(
    house: House, new_peer: NewPeer
) -> None:
    ids = map(str, count())
    ann, killed, slow = new_peer(), new_peer(), new_peer(receive_buffer=4_096)
    epoch = ann.enter("ann").epoch
    killed.enter("killed")
    slow.enter("slow")

    def say(number: int) -> None:
        for _ in range(number):
            ann.post(TEXT, next(ids))
            ann.receive(Ack)

    say(20)
    ann.read(20)
    killed.read(20)
    killed.reset()
    while house.hub.statistics().connections > 2:  # else it is handed what it does not get
        ann.settle()
    say(150)
    back = new_peer()
    back.enter("back", after={"epoch": epoch, "seq": 20})
    say(30)
    everybody = [ann, slow, back]
    for peer, number in zip(everybody, (200, 200, 180), strict=True):
        peer.read(number)
    counted = house.hub.statistics()
    assert [peer.messages for peer in (ann, slow, killed, back)] == [200, 200, 20, 180]
    assert counted.deliveries == 200 + 200 + 20 + 180
    assert counted.messages == 200
    assert counted.catch_ups > 2
    assert counted.sent_bytes == sum(peer.got for peer in (*everybody, killed))
    assert counted.received_bytes == sum(peer.sent for peer in (*everybody, killed))
    assert counted.accepted == 4


def test_a_server_notices_every_second_how_late_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    beaten = threading.Event()
    beat = Pulse.beat

    def note(self: Pulse, now: float) -> None:
        beat(self, now)
        counted = self.statistics(now)
        if sum(counted.lag.counts):
            beaten.set()

    monkeypatch.setattr(Pulse, "beat", note)
    assert beaten.wait(DEADLINE)
    counted = server_statistics(house.server)
    assert counted is not None
    assert sum(counted.lag.counts) >= 1


def test_a_pulse_knows_how_late_it_was_and_is() -> None:
    pulse = Pulse(100.0)
    assert pulse.due_in(100.25) == BEAT - 0.25
    pulse.beat(100.5)  # it is not due
    pulse.beat(101.3)
    pulse.beat(102.3)
    counted = pulse.statistics(104.3)
    assert sum(counted.lag.counts) == 2
    assert counted.lag.seconds == pytest.approx(0.3)
    assert counted.late == pytest.approx(1.0)
    assert pulse.due_in(104.3) == 0.0
