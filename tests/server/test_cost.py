"""What things cost, counted in function calls rather than seconds, so that the machine does not matter.

A bound here fails when the work for each member, or for each message, grows or appears where there was
none.
"""

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any, ClassVar

import pytest

from chatcore.address import Peer
from chatcore.gate import Gate, OpenGate
from chatcore.limits import Limits
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson
from chatcore.wire.websocket import WebSocket
from tests.wire.websocket import request, text

OPEN = Limits(connections=None, connections_per_address=None, frames_per_second=None, members_per_room=None)


class Crowd:
    """Members of one room, and a transport that discards its output."""

    def __init__(
        self, size: int, limits: Limits = OPEN, gate: Gate | None = None, *, browsers: bool = False
    ) -> None:
        self.now = 0.0
        self._wire: Wire = WebSocket() if browsers else ndjson
        self._written_as = text if browsers else bytes
        self._opening = request() if browsers else b""
        self.endpoint = Hub(limits=limits, gate=gate, clock=lambda: self.now).endpoint(lambda: None)
        self.sessions: list[Session] = []
        self.written = 0
        self._posts = 0
        for _ in range(size):
            self.join()
        self.settle()

    def join(self) -> None:
        """Add a member."""
        number = len(self.sessions)
        session = self.endpoint.open(Peer("192.0.2.1", number), self._wire)
        if self._opening:
            session.receive_data(self._opening)
        session.receive_data(self._written_as(b'{"type":"hello","protocol":1,"nick":"n%d"}\n' % number))
        session.receive_data(self._written_as(b'{"type":"join","room":"here"}\n'))
        self.sessions.append(session)

    def post(self, number: int) -> None:
        """Let the first member post, all in one segment."""
        lines = []
        for _ in range(number):
            self._posts += 1
            line = b'{"type":"post","room":"here","id":"%d","text":"hi"}\n' % self._posts
            lines.append(self._written_as(line))
        self.sessions[0].receive_data(b"".join(lines))

    def ask(self) -> None:
        """Let every member ask for something."""
        for session in self.sessions:
            session.receive_data(b'{"type":"ping"}\n')

    def settle(self) -> None:
        """Let the presence interval end."""
        self.now += OPEN.presence_seconds
        self.endpoint.handle_deadlines(self.now)
        self.serve()

    def serve(self) -> None:
        """Do what a transport does."""
        while self.endpoint.busy:
            for session in self.endpoint.ready():
                self.written += bool(session.data_to_send())
            self.written += len(self.endpoint.fan_out())


def profile(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> Counter[str]:
    """Count, by name, the Python and C functions that ``work`` calls the second time."""
    before()
    work()
    before()
    counts: Counter[str] = Counter()

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "call":
            counts[frame.f_code.co_name] += 1
        elif event == "c_call":
            counts[function.__name__] += 1

    gc.disable()  # a collection calls what other packages registered with it, at any moment
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counts


def calls(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> int:
    """Count the calls that ``work`` makes the second time."""
    return profile(work, before).total()


def fan_out_calls(members: int, posts: int, *, browsers: bool = False) -> int:
    crowd = Crowd(members, browsers=browsers)
    return calls(crowd.serve, before=lambda: crowd.post(posts))


def test_delivery_costs_a_member_few_calls_and_one_write_however_many_messages() -> None:
    for posts in (1, 64):
        more = fan_out_calls(400, posts) - fan_out_calls(100, posts)
        assert 300 <= more <= 7 * 300
    crowd = Crowd(100)
    crowd.post(64)
    crowd.written = 0
    crowd.serve()
    assert crowd.written == 100  # that of the member who posted has its acknowledgements too


def test_a_browser_costs_a_delivery_what_others_do_and_its_header_is_for_all() -> None:
    for posts in (1, 64):
        more = fan_out_calls(400, posts) - fan_out_calls(100, posts)
        assert fan_out_calls(400, posts, browsers=True) - fan_out_calls(100, posts, browsers=True) == more
        assert 0 < fan_out_calls(100, posts, browsers=True) - fan_out_calls(100, posts) < 100


class Counted(OpenGate):
    """Counts each name of it that is used."""

    used: ClassVar[Counter[str]] = Counter()

    def __getattribute__(self, name: str) -> Any:
        Counted.used[name] += 1
        return super().__getattribute__(name)


def test_ten_thousand_deliveries_and_a_thousand_posts_ask_the_gate_nothing() -> None:
    crowd, alone = Crowd(100, gate=Counted()), Crowd(1, gate=Counted())
    assert Counted.used["is_muted"] == 101
    Counted.used.clear()
    crowd.written = 0
    for _ in range(100):
        crowd.post(1)
        crowd.serve()
    assert crowd.written >= 10_000
    alone.post(1_000)
    assert Counted.used == Counter()


def test_a_post_costs_the_same_in_a_small_and_a_large_room() -> None:
    small, large = Crowd(2), Crowd(300)
    cost = calls(lambda: small.post(64))
    assert calls(lambda: large.post(64)) == cost
    assert cost < 64 * 36


def test_posts_in_one_segment_cost_less_than_posts_sent_one_by_one() -> None:
    crowd = Crowd(2)
    one, many = calls(lambda: crowd.post(1)), calls(lambda: crowd.post(64))
    assert many < 64 * one * 2 / 3


def test_a_message_is_decoded_and_encoded_once_for_all_members() -> None:
    crowd = Crowd(50)
    counts = profile(crowd.serve, before=lambda: crowd.post(64))
    assert counts["to_json"] == 0
    counts = profile(lambda: crowd.post(64))
    assert counts["encode_message"] == 64
    assert counts["encode_acks"] == 2  # by the codec, and in its module: once for the run
    assert counts["to_json"] == 0
    assert counts["validate_json"] == 64


def test_a_join_costs_the_same_in_a_small_and_a_large_room() -> None:
    small, large = Crowd(2), Crowd(300)
    assert calls(large.join) == calls(small.join)


def test_reporting_presence_costs_few_calls_per_member() -> None:
    def settle_calls(members: int) -> int:
        crowd = Crowd(members)
        return calls(crowd.settle, before=crowd.join)

    assert settle_calls(400) - settle_calls(100) <= 7 * 300


def test_that_addresses_take_turns_costs_few_calls_however_many_sessions_wait() -> None:
    def turn_calls(members: int) -> int:
        crowd, free = (
            Crowd(members, OPEN.model_copy(update={"connections_per_address": members})),
            Crowd(members),
        )
        return calls(crowd.serve, before=crowd.ask) - calls(free.serve, before=free.ask)

    assert turn_calls(400) - turn_calls(100) <= 10 * 300


def test_keeping_deadlines_costs_nothing_while_a_peer_talks() -> None:
    crowd = Crowd(300)
    ping = b'{"type":"ping"}\n'
    one = calls(lambda: crowd.sessions[1].receive_data(ping))
    assert calls(lambda: crowd.sessions[2].receive_data(ping)) == one
    assert len(crowd.endpoint.timers) <= 301


@pytest.mark.parametrize(("browsers", "most"), [(False, 2_700), (True, 4_400)], ids=["typed", "browsers"])
def test_an_idle_member_uses_little_memory(browsers: bool, most: int) -> None:
    Crowd(10, browsers=browsers)
    gc.collect()
    tracemalloc.start()
    try:
        crowd = Crowd(100, browsers=browsers)
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / len(crowd.sessions) < most


def test_a_subscription_adds_nothing_to_a_delivery_and_little_to_a_post() -> None:
    alone, watched = Crowd(100), Crowd(100)
    with watched.endpoint.hub.subscribe("here") as subscription:
        subscription.receive(0.0)

        def delivery(crowd: Crowd) -> int:
            return calls(crowd.serve, before=lambda: crowd.post(64))

        assert delivery(watched) == delivery(alone)
        # A wake-up for each segment, and nothing for each message or member.
        assert 0 < calls(lambda: watched.post(64)) - calls(lambda: alone.post(64)) <= 10


def round_in_rooms(rooms: int, served: int) -> Callable[[], None]:
    """Fill rooms, each with two members; return what posts in some of them, one each, and serves them."""
    limits = OPEN.model_copy(update={"rooms": None, "new_rooms_per_minute": None})
    endpoint = Hub(limits=limits, clock=lambda: 0.0).endpoint(lambda: None)
    posters: list[Session] = []
    for number in range(2 * rooms):
        session = endpoint.open(Peer("192.0.2.1", number))
        session.receive_data(b'{"type":"hello","protocol":1,"nick":"n%d"}\n' % number)
        session.receive_data(b'{"type":"join","room":"r%d"}\n' % (number % rooms))
        posters.append(session)
    rounds = count()

    def post_and_serve() -> None:
        number = next(rounds)
        for room, session in enumerate(posters[:served]):
            session.receive_data(b'{"type":"post","room":"r%d","id":"%d","text":"hi"}\n' % (room, number))
        while endpoint.busy:
            for ready in endpoint.ready():
                ready.data_to_send()
            endpoint.fan_out()

    post_and_serve()
    return post_and_serve


def test_a_post_costs_the_same_however_many_rooms_there_are() -> None:
    cost = calls(round_in_rooms(20, served=1))
    assert calls(round_in_rooms(200, served=1)) == cost
    assert calls(round_in_rooms(200, served=100)) <= 100 * cost


class Halls:
    """Rooms, each with a member, and somebody who is in none of them and asks for lists."""

    def __init__(self, rooms: int) -> None:
        limits = OPEN.model_copy(update={"rooms": None, "new_rooms_per_minute": None})
        self.endpoint = Hub(limits=limits, clock=lambda: 0.0).endpoint(lambda: None)
        for first in range(0, rooms, 50):
            joins = (b'{"type":"join","room":"r%05d"}\n' % n for n in range(first, first + 50))
            self.connect(first).receive_data(b"".join(joins))
        self.session = self.connect(rooms)
        self.answer = b""
        self.take()

    def connect(self, number: int) -> Session:
        """Connect a session that has said hello."""
        session = self.endpoint.open(Peer("192.0.2.1", number))
        session.receive_data(b'{"type":"hello","protocol":1,"nick":"n%d"}\n' % number)
        return session

    def take(self) -> None:
        """Take all that is to be written."""
        self.answer = b"".join(iter(self.session.data_to_send, b""))

    def list(self, after: int, limit: int = 10) -> None:
        """Ask for a page after a room, and take it."""
        self.session.receive_data(b'{"type":"rooms","after":"r%05d","limit":%d}\n' % (after, limit))
        self.take()
        assert self.answer.startswith(b'{"type":"room_list"')
        assert self.answer.count(b'{"room":') == limit


def test_a_page_of_rooms_costs_its_own_size_however_many_rooms_are_in_use() -> None:
    few, many = Halls(100), Halls(10_000)
    cost = calls(lambda: few.list(50))
    assert calls(lambda: many.list(50)) == cost
    assert calls(lambda: many.list(9_000)) == cost
    assert calls(lambda: many.list(9_000, limit=20)) <= cost * 2
