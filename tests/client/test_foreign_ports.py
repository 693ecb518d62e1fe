"""What a client says of a port that does not speak its protocol, and that it sends its secret there once."""

import pytest

from chatcore import ProtocolError
from chatcore.client.session import ClientSession
from tests.client.script import Script
from tests.server.driver import Clock

FOREIGN = {
    b"* this is a plain:// port\n": "this is a plain:// port",
    b"* this is": "this is a plain:// port",
    b"bob: hello\n": "plain:// port, or another service",
    b"220 mail.example.org ESMTP\r\n": "plain:// port, or another service",
    b"220 mail": "plain:// port, or another service",
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "plain:// port, or another service",
    b"\n\n* hello\n": "this is a plain:// port",
    b"\x15\x03\x01\x00\x02\x02\x46": "this is a chats:// port",
    b"\x15\x07": "plain:// port, or another service",
    b"[]\n": "plain:// port, or another service",
}


@pytest.mark.parametrize("said", FOREIGN)
@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_foreign_port_is_named_and_left(said: bytes, cut: int) -> None:
    session = ClientSession("ana", reconnect=True, clock=Clock())
    session.connection_made()
    assert b'"hello"' in session.data_to_send()
    for piece in (said[:cut], said[cut:]):
        session.receive_data(piece)
    session.receive_eof()
    assert isinstance(session.error, ProtocolError)
    assert FOREIGN[said] in str(session.error)


@pytest.mark.parametrize("ends", [True, False])
def test_a_secret_is_sent_to_a_foreign_port_once(ends: bool) -> None:
    ana = Script("ana", "lobby")
    ana.cut()
    ana.clock.now = ana.session.dial_at or 0.0
    ana.session.connection_made()
    assert ana.sent()[0]["session"] == "s" * 32
    ana.session.receive_data(b"* who are you?")
    if ends:
        ana.session.receive_eof()
    else:
        ana.clock.now += 60.0
        ana.session.handle_deadline(ana.clock.now)
    assert isinstance(ana.session.error, ProtocolError)
    assert ana.session.dial_at is None


def test_a_server_that_breaks_the_protocol_later_is_not_called_foreign() -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"* hello\n")
    assert isinstance(ana.session.error, ProtocolError)
    assert "not a frame" in str(ana.session.error)
