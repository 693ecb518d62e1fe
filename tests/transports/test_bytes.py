"""However the bytes are cut, and whatever they are."""

import pytest

from tests.protocol.frames import Ack, Closing, Error, Joined, Message, Pong, Welcome
from tests.transports.conftest import Serve
from tests.transports.peers import hello, line
from tests.transports.servers import Clock, House

FOREIGN = {
    "HTTP": b"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(189),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
}


def test_one_byte_at_a_time_is_the_same_as_one_segment(house: House) -> None:
    ann = house.typed()
    for byte in (
        hello("ann") + line("join", room="lobby") + line("post", room="lobby", id="a-1", text="grüße")
    ):
        ann.send(bytes([byte]))
    assert ann.receive(Welcome).nick == "ann"
    assert ann.receive(Joined).head == 0
    assert ann.receive(Ack).id == "a-1"
    assert ann.receive(Message).text == "grüße"


def test_a_plain_line_one_byte_at_a_time_is_one_line(house: House) -> None:
    ann, script = house.member("ann"), house.plain()
    for byte in "grüße\r\n".encode():
        script.send(bytes([byte]))
    assert ann.receive(Message).text == "grüße"


def test_many_frames_in_one_segment_are_answered_in_sequence(house: House) -> None:
    ann = house.member("ann")
    ann.send(b"".join(line("ping", token=str(number)) for number in range(1_000)))
    assert [pong.token for pong in ann.receive_many(Pong, 1_000)] == [str(number) for number in range(1_000)]


def test_a_whole_conversation_in_one_segment_with_its_end_is_answered(house: House) -> None:
    ann = house.stranger("chat")
    posts = b"".join(line("post", room="lobby", id=f"a-{number}", text="hi") for number in range(100))
    ann.send(hello("ann") + line("join", room="lobby") + posts)
    ann.finish()
    answers = ann.receive_rest()
    assert answers.count(b'"type":"ack"') == answers.count(b'"type":"message"') == 100


def test_a_last_line_without_newline_counts_when_the_stream_ends(house: House) -> None:
    ann, bob = house.member("ann"), house.member("bob")
    ann.send(line("post", room="lobby", id="a-1", text="cut").rstrip())
    ann.finish()
    assert bob.receive(Message).text == "cut"
    assert [frame.id for frame in ann.receive_all() if isinstance(frame, Ack)] == ["a-1"]


def test_a_line_that_is_no_frame_is_refused_and_the_session_continues(house: House) -> None:
    ann = house.member("ann")
    for garbage in (
        b"\n",
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",
        b'{"type":"dance"}\n',
        b'{"type":"ping","token":7}\n',
    ):
        ann.send(garbage)
    assert [error.code for error in ann.receive_many(Error, 4)] == [
        "bad_frame",
        "bad_frame",
        "unknown_type",
        "bad_frame",
    ]
    ann.post("still here", "a-1")
    assert ann.receive(Message).text == "still here"


@pytest.mark.parametrize("scheme", ["chat", "plain"])
@pytest.mark.parametrize("protocol", FOREIGN)
def test_another_protocol_is_refused_in_one_line_and_closed(house: House, scheme: str, protocol: str) -> None:
    stranger = house.stranger(scheme)
    stranger.send(FOREIGN[protocol])
    answer = stranger.receive_rest().splitlines()
    assert protocol.encode() in answer[0]
    assert all(b"closing" in line or b"ends this connection" in line for line in answer[1:])


def test_the_sender_of_a_line_that_is_too_long_is_told(serve: Serve) -> None:
    house = serve(clock=Clock())  # so it listens for as long as the rest takes to be sent
    ann, bob = house.member("ann"), house.member("bob")
    piece = b"x" * 65_536
    for _ in range(32):  # far more than is taken: the peer still sends when it is refused
        ann.send(piece)
    frames = ann.receive_all()
    assert [frame.code for frame in frames if isinstance(frame, Error)] == ["too_long"]
    assert frames[-1] == Closing(reason="protocol")
    bob.post("nobody else noticed", "b-1")
    assert bob.receive(Message).text == "nobody else noticed"


def test_a_plain_line_that_is_too_long_is_refused(house: House) -> None:
    script = house.plain()
    script.send(b"x" * 2_000_000)
    assert b"too long" in script.receive_rest()


def test_urgent_data_disturbs_nobody(house: House) -> None:
    import socket

    ann, bob = house.member("ann"), house.member("bob")
    ann.sock.send(b"!", socket.MSG_OOB)
    ann.settle()
    ann.post("urgent?", "a-1")
    assert bob.receive(Message).text == "urgent?"
