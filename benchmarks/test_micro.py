"""Micro-benchmarks of the core, for pytest-benchmark: no sockets, no threads, no disk.

A change to the core is tried with ``make bench-micro``; it takes half a minute. ``work`` is how many of
``unit`` one call does: the statistics are of calls, and the page of results divides.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol

import pytest

from chatcore import Hub
from chatcore.address import Peer
from chatcore.encoding import encode_acks, encode_message, time_text
from chatcore.limits import Limits
from chatcore.messages import Post
from chatcore.server.endpoint import Endpoint
from chatcore.server.session import Session
from chatcore.wire.ndjson import ndjson

TEXT = "x" * 64
ID = "018f3f5e-5d0c-7c3a-9a43-0d2b6a1c9e10"
AT = datetime(2026, 11, 23, 14, 35, 25, 649329, UTC)
POST = b'{"type":"post","room":"lobby","id":"%s","text":"%s"}\n'
LIMITS = Limits(connections=None, connections_per_address=None, frames_per_second=None, posts_in_flight=1000)


class Benchmark(Protocol):
    """The fixture of pytest-benchmark, which has no types."""

    extra_info: dict[str, Any]

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call it many times, and measure."""

    def pedantic(
        self, target: Callable[..., Any], *, setup: Callable[[], Any], rounds: int, warmup_rounds: int
    ) -> Any:
        """Call it with what ``setup`` makes before each round, and measure."""


# --- the codec ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("posts", [1, 64], ids="posts {}".format)
def test_decode(benchmark: Benchmark, posts: int) -> None:
    benchmark.extra_info.update(unit="post", work=posts)
    data = POST % (ID.encode(), TEXT.encode()) * posts
    decoder = ndjson.codec(Peer("", 0), LIMITS)
    items = benchmark(decoder.receive_data, data, 0.0)
    assert [type(item) for item in items] == [Post] * posts


def test_encode_a_message(benchmark: Benchmark) -> None:
    stamp = time_text(AT)
    line = benchmark(encode_message, "lobby", 512, 511, ID, "ada", TEXT, stamp)
    assert line.endswith(b'"at":"2026-11-23T14:35:25.649329Z"}\n')


@pytest.mark.parametrize("acks", [1, 64], ids="acks {}".format)
def test_encode_acks(benchmark: Benchmark, acks: int) -> None:
    benchmark.extra_info.update(unit="ack", work=acks)
    stored = [(ID, seq) for seq in range(acks)]
    assert benchmark(encode_acks, "lobby", "synced", stored).count(b"\n") == acks


# --- the room ----------------------------------------------------------------------------------------


class Crowd:
    """A hub with members in one room, driven as a transport would; what they are sent is only counted."""

    def __init__(self, hub: Hub, members: int) -> None:
        self.endpoint: Endpoint = hub.endpoint(lambda: None)
        self.sessions: list[Session] = []
        self.numbers = count()
        for number in range(members):
            session = self.endpoint.open(Peer("192.0.2.1", number))
            session.receive_data(
                b'{"type":"hello","protocol":1,"nick":"m%d"}\n{"type":"join","room":"lobby"}\n' % number
            )
            self.sessions.append(session)
        self.deliver()

    def post(self, posts: int) -> int:
        """Let one of them post, and everyone be sent what is new; return how many bytes that was."""
        lines = [POST % (b"%d" % next(self.numbers), TEXT.encode()) for _ in range(posts)]
        self.sessions[0].receive_data(b"".join(lines))
        return self.deliver()

    def deliver(self) -> int:
        """Hand out everything there is."""
        size = 0
        while self.endpoint.busy:
            size += sum(len(session.data_to_send()) for session in self.endpoint.ready())
            size += sum(len(data) for _, data in self.endpoint.fan_out())
        return size


@pytest.mark.parametrize("posts", [1, 64], ids="posts {}".format)
@pytest.mark.parametrize("members", [1, 100, 1000], ids="members {}".format)
def test_deliver(benchmark: Benchmark, members: int, posts: int) -> None:
    benchmark.extra_info.update(unit="delivery", work=posts * members)
    with closing(Hub(limits=LIMITS)) as hub:
        crowd = Crowd(hub, members)
        assert benchmark(crowd.post, posts) > members * posts * len(TEXT)
        crowd.endpoint.close()


@pytest.mark.parametrize("members", [100, 1000], ids="members {}".format)
def test_join_and_leave(benchmark: Benchmark, members: int) -> None:
    benchmark.extra_info.update(unit="member", work=members)
    with closing(Hub(limits=LIMITS)) as hub:

        def come_and_go() -> int:
            crowd = Crowd(hub, members)
            here = len(crowd.endpoint)
            for session in crowd.sessions:
                session.receive_eof()
                session.connection_lost()
            crowd.endpoint.close()
            return here

        assert benchmark(come_and_go) == members
