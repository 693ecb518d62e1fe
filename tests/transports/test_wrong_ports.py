"""A client on the port of the other wire learns quickly what port that is, and nobody else notices."""

from tests.protocol.frames import Ack, Message, Page
from tests.transports.peers import hello, line
from tests.transports.servers import House

SECRET = "s" * 32


def test_a_typed_client_on_the_plain_port_posts_nothing_and_is_refused(house: House) -> None:
    ann, lost = house.member("ann"), house.stranger("plain")
    lost.send(line("hello", protocol=1, nick="bob", session=SECRET) + line("join", room="lobby"))
    first, *rest = lost.receive_rest().decode().splitlines()
    assert first.startswith("* this port speaks lines of text")
    assert "chat://" in first
    assert all(row.startswith("* ") for row in rest)
    ann.send(line("post", room="lobby", id="a-1", text="the next"))
    assert ann.receive(Message).text == "the next"
    ann.send(line("history", room="lobby"))
    assert [message.text for message in ann.receive(Page).messages] == ["the next"]


def test_a_script_that_sends_text_on_the_typed_port_is_answered_although_it_sends_no_newline(
    house: House,
) -> None:
    ann, script = house.member("ann"), house.stranger("chat")
    script.send(b"Bob")
    answer = script.receive_rest()
    assert answer.endswith(b"\n")
    assert b"plain://" in answer
    ann.send(line("post", room="lobby", id="a-1", text="undisturbed"))
    assert ann.receive(Ack).id == "a-1"


def test_a_typed_client_that_pauses_in_its_hello_is_let_in(house: House) -> None:
    script, slow = house.stranger("chat"), house.typed()
    slow.send(hello("slow")[:1])
    script.send(b"Bob")
    script.receive_rest()  # the silence that ended that one has passed for both
    slow.send(hello("slow")[1:] + line("ping", token="t"))
    assert slow.receive_frame().type == "welcome"
