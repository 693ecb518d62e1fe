"""What is asked for faster than it may be waits; none of it is lost, doubled or disordered."""

from collections.abc import Callable

from tests.protocol.frames import Ack, Error, Message
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import line
from tests.transports.servers import House

LINES = 1_500


def test_a_long_paste_is_stored_once_and_in_sequence(serve: Serve, connect: Callable[..., Visitor]) -> None:
    house = serve(frames_per_second=4_000.0, frames_burst=40)
    reader = house.member("reader")
    ann = connect(house.url, nick="ann")
    pasted = [f"line {number}" for number in range(LINES)]
    acks = [ann.post_nowait(text) for text in pasted]
    assert [ack.result(20).seq for ack in acks] == list(range(1, LINES + 1))
    assert [message.text for message in reader.receive_many(Message, LINES)] == pasted


def test_no_later_post_overtakes_a_refused_one(serve: Serve) -> None:
    house = serve(frames_per_second=0.1, frames_burst=12)
    ann = house.member("ann")  # that takes two frames of the twelve
    ann.send(b"".join(line("post", room="lobby", id=f"a-{number}", text="hi") for number in range(20)))
    assert [ack.id for ack in ann.receive_many(Ack, 10)] == [f"a-{number}" for number in range(10)]
    errors = ann.receive_many(Error, 10)
    assert [(error.code, error.id) for error in errors] == [
        ("rate_limited", f"a-{number}") for number in range(10, 20)
    ]
    assert all(error.retry_after for error in errors)


def test_a_post_sent_again_is_acknowledged_again_and_stored_once(house: House) -> None:
    ann, bob = house.member("ann"), house.member("bob")
    for _ in range(3):
        ann.post("once", "a-1")
    ann.post("twice?", "a-1")
    assert [ack.seq for ack in ann.receive_many(Ack, 3)] == [1, 1, 1]
    assert ann.receive(Error).code == "conflict"
    ann.post("another", "a-2")
    assert [message.text for message in bob.receive_many(Message, 2)] == ["once", "another"]
