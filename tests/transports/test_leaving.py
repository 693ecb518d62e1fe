"""Peers end in every way, and no other peer notices."""

import threading
from pathlib import Path

import pytest

from chatcore import SqliteJournal
from tests.protocol.frames import Ack, Members, Message, Presence
from tests.transports.conftest import Serve
from tests.transports.peers import line
from tests.transports.servers import House


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "sqlite"])
def test_a_peer_that_ends_its_stream_still_gets_its_answers_and_its_room(
    serve: Serve, tmp_path: Path, durable: bool
) -> None:
    house = serve(journal=SqliteJournal(tmp_path / "journal.db") if durable else None)
    ann = house.member("ann")
    for number in range(50):
        ann.post("x" * 10_000, f"a-{number}")
    ann.ask("who", room="lobby")
    ann.finish()
    frames = ann.receive_all()
    assert [frame.id for frame in frames if isinstance(frame, Ack)] == [f"a-{number}" for number in range(50)]
    assert [frame.seq for frame in frames if isinstance(frame, Message)] == list(range(1, 51))
    assert [frame.nicks for frame in frames if isinstance(frame, Members)] == [("ann",)]


def test_the_last_line_of_a_plain_peer_needs_no_newline(house: House) -> None:
    ann, script = house.member("ann"), house.plain()
    script.send(b"last words")
    script.finish()
    assert ann.receive(Message).text == "last words"
    assert script.receive_rest() == b""


def test_a_nick_is_free_after_a_goodbye(house: House) -> None:
    ann = house.member("ann")
    ann.finish()
    ann.wait_for_end()
    assert house.member("ann").receive(Presence).count == 1


def test_a_nick_is_reserved_after_a_broken_connection(house: House) -> None:
    bob, ann = house.member("bob"), house.member("ann")
    bob.receive(Presence, where=lambda presence: "ann" in presence.joined)
    ann.reset()
    bob.receive(Presence, where=lambda presence: "ann" in presence.left)
    stranger = house.typed()
    stranger.send(line("hello", protocol=1, nick="ann"))
    assert b"nick_taken" in stranger.receive_rest()


def test_a_reset_in_the_middle_of_a_broadcast_disturbs_nobody(house: House) -> None:
    ann, bob = house.member("ann"), house.member("bob")
    vanishing = [house.member(f"v{number}", receive_buffer=4_096) for number in range(10)]
    text = "x" * 16_000
    for number in range(300):
        ann.post(text, f"a-{number}")
        ann.receive(Ack)
        if number % 30 == 15:
            vanishing.pop().reset()
        assert bob.receive(Message).seq == number + 1
    ann.reset()
    bob.wait_until_alone()


def test_a_reset_in_the_middle_of_a_line_disturbs_nobody(house: House) -> None:
    bob, ann = house.member("bob"), house.member("ann")
    bob.receive(Presence, where=lambda presence: "ann" in presence.joined)
    ann.send(b'{"type":"post","room":"lobby","id":"a-1","te')
    ann.reset()
    bob.receive(Presence, where=lambda presence: "ann" in presence.left)
    bob.post("who was that?", "b-1")
    assert bob.receive(Message).seq == 1


def test_peers_that_come_and_go_leave_nobody_in_the_room(house: House) -> None:
    ann = house.member("ann")
    for number in range(100):
        peer = house.stranger(("chat", "plain")[number % 2])
        if number % 3:
            peer.send(line("hello", protocol=1, nick=f"n{number}") + line("join", room="lobby"))
        if number % 2:
            peer.reset()
        else:
            peer.close()
    ann.wait_until_alone()


@pytest.mark.parametrize("visitors", [0, 3])
def test_a_server_may_be_closed_twice_and_from_several_threads(serve: Serve, visitors: int) -> None:
    house = serve()
    for number in range(visitors):
        house.member(f"n{number}").finish()
    threads = [threading.Thread(target=house.server.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.server.close()
