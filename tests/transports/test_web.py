"""Browsers: files and sockets on one port, over both transports, beside peers of the other wires."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from chatcore.limits import Limits
from chatcore.server.endpoint import REFUSED
from chatcore.site import Site
from chatcore.transport import Listen
from tests.protocol.frames import Closing, Error, Gap, Joined, Message, Welcome
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE, Peer, hello, line
from tests.transports.servers import Clock, House
from tests.transports.tls import certificate, fresh_context
from tests.transports.web import WebPeer, ask_for
from tests.wire.websocket import request

WEB = "http://127.0.0.1:0"
BOTH = ("chat://127.0.0.1:0", WEB)


@pytest.fixture
def house(serve: Serve) -> House:
    """A house with a door for browsers."""
    return serve(urls=BOTH)


def web(house: House, nick: str | None = None, *rooms: str, **options: Any) -> WebPeer:
    """Connect a browser."""
    peer = WebPeer(house.port("http"), nick, *rooms, **options)
    house.visitors.append(peer)
    return peer


def test_browsers_and_clients_are_in_the_same_rooms(house: House) -> None:
    ada, ben = web(house, "ada", "lobby"), house.member("ben")
    ada.post("from a browser", "1")
    ben.post("from a terminal", "2")
    for peer in (ada, ben):
        assert {each.text for each in peer.receive_many(Message, 2)} == {"from a browser", "from a terminal"}


def test_a_long_backlog_comes_whole_in_few_messages(house: House) -> None:
    ben = house.member("ben")
    for number in range(600):
        ben.post("x" * 200, str(number))
    ben.receive(Message, where=lambda message: message.id == "599")
    ada = web(house, "ada")
    ada.ask("join", room="lobby", history=600)
    ada.receive(Joined)
    assert [each.id for each in ada.receive_many(Message, 600)] == [str(number) for number in range(600)]
    assert not any(isinstance(frame, Gap) for frame in ada.inbox)


def test_without_a_page_files_are_not_found_and_the_connection_ends(house: House) -> None:
    status, head, _ = ask_for(house.port("http"), "/nothing.js")
    assert status == 404
    assert "Connection: close" in head


def test_a_large_file_comes_whole(serve: Serve) -> None:
    content = bytes(range(256)) * 4_000
    site = Site.of({"big.bin": content, "index.html": b"<!doctype html>"})
    house = serve(urls=(), listens=(Listen("http", "127.0.0.1", 0, site=site),))
    assert ask_for(house.port("http"), "/any/prefix/big.bin")[2] == content
    assert ask_for(house.port("http"), "/")[0] == 200
    assert ask_for(house.port("http"), "/", method="HEAD")[2] == b""


def test_a_goodbye_frees_the_nick(house: House) -> None:
    ada = web(house, "ada", "lobby")
    ada.say_goodbye()
    ada.receive_all()
    assert ada.code == 1000
    assert web(house, "ada").reader.welcome is not None


@pytest.mark.parametrize("way", ["a reload", "a crash", "an end without a word"])
def test_after_a_loss_the_nick_waits_for_its_owner(house: House, way: str) -> None:
    ada = web(house, "ada", "lobby")
    welcome = ada.reader.welcome
    assert welcome is not None
    leave(ada, way)
    watcher = house.typed("ben", "lobby")
    watcher.wait_until_alone()
    stranger = web(house)
    stranger.send(hello("ada"))
    assert stranger.receive(Error).code == "nick_taken"
    again = web(house)
    again.send(line("hello", protocol=1, nick="ada", session=welcome.session))
    assert again.receive(Welcome).nick == "ada"


def leave(peer: WebPeer, way: str) -> None:
    match way:
        case "a reload":
            peer.say_goodbye(1001)
            peer.receive_all()
            assert peer.code == 1001
        case "a crash":
            peer.reset()
        case _:
            Peer.finish(peer)
            peer.receive_all()


def test_a_browser_continues_after_its_position(house: House) -> None:
    ada, ben = web(house, "ada"), house.member("ben")
    ada.ask("join", room="lobby")
    joined = ada.receive(Joined)
    ada.post("1", "1")
    message = ada.receive(Message)
    ada.say_goodbye()
    ada.receive_all()
    ben.post("2", "2")
    ben.receive(Message, where=lambda message: message.id == "2")
    again = web(house, "ada")
    again.ask("join", room="lobby", after={"epoch": joined.epoch, "seq": message.seq})
    assert again.receive(Message).text == "2"


def test_a_drain_is_told_with_a_code_that_says_restart(house: House) -> None:
    ada = web(house, "ada", "lobby")
    house.server.close()
    assert ada.reason_of_end() == "drain"
    assert ada.code == 1012


def test_a_full_server_says_so_once_the_socket_is_open(serve: Serve) -> None:
    house = serve(urls=BOTH, connections=1)
    house.member("ben")
    ada = web(house)
    assert ada.head.startswith(b"HTTP/1.1 101")
    error, *rest = ada.receive_all()
    assert isinstance(error, Error)
    assert (error.code, rest) == ("limit_exceeded", [])
    assert ada.code == 1013


def test_a_full_server_still_answers_requests_and_waits_for_none_for_long(serve: Serve) -> None:
    house = serve(urls=BOTH, connections=1)
    house.member("ben")
    assert ask_for(house.port("http"), "/nothing")[0] == 404
    with Peer(house.port("http")) as silent:
        assert silent.receive_rest().startswith(b"HTTP/1.1 503 ")


def test_strangers_whom_a_full_server_refuses_are_not_kept(serve: Serve) -> None:
    house = serve(urls=BOTH, clock=Clock(), connections=1, connections_per_address=None)
    house.member("ben")
    with ExitStack() as stack:  # whose time never comes, since the clock stands
        silent = [stack.enter_context(Peer(house.port("http"))) for _ in range(REFUSED + 5)]
        for peer in silent[:5]:
            assert peer.receive_rest().startswith(b"HTTP/1.1 503 ")
        late = web(house)
        error, *_ = late.receive_all()
        assert isinstance(error, Error)
        assert (error.code, late.code) == ("limit_exceeded", 1013)


def test_a_request_that_does_not_come_times_out(serve: Serve) -> None:
    clock = Clock()
    house = serve(urls=BOTH, clock=clock, handshake_seconds=0.2)
    with Peer(house.port("http")) as slow:
        slow.send(b"GET / HTTP/1.1\r\n")
        silent = web(house)  # which has asked in time, and came after the other
        clock.advance(0.2)
        assert slow.receive_rest().startswith(b"HTTP/1.1 408 ")
    assert silent.reason_of_end() == "timeout"
    assert silent.code == 4002


@pytest.mark.parametrize("path", ["/nothing", "/ws"])
def test_a_request_that_comes_byte_by_byte_is_answered(house: House, path: str) -> None:
    with Peer(house.port("http")) as slow, house.member("ben") as ben:
        for byte in request(path=path):
            slow.send(bytes([byte]))
            ben.settle()  # so the server has read that one
        assert slow.receive_line().split()[1] == (b"101" if path == "/ws" else b"404")


def test_a_foreign_page_and_a_foreign_name_are_refused(house: House) -> None:
    port = house.port("http")
    assert ask_for(port, "/ws", "Origin: https://evil.example")[0] == 403
    with Peer(port) as peer:
        peer.send(b"GET /ws HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert peer.receive_rest().startswith(b"HTTP/1.1 421 ")


def test_a_chat_client_learns_that_this_port_is_another(house: House) -> None:
    with Peer(house.port("http")) as peer:
        peer.send(hello("ada"))
        answer = peer.receive_rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"chat://" in answer


def test_a_stream_out_of_step_costs_only_its_sender(house: House) -> None:
    ada, ben = web(house, "ada", "lobby"), web(house, "ben", "lobby")
    ada.send_raw(b"\x81\x02{}")
    *_, error, closing = ada.receive_all()
    assert isinstance(error, Error)
    assert isinstance(closing, Closing)
    assert (error.code, closing.reason, ada.code) == ("bad_frame", "protocol", 1002)
    ben.post("still here", "1")
    assert ben.receive(Message).text == "still here"


def test_an_encrypted_door_for_browsers_offers_http(serve: Serve) -> None:
    listens = [replace(Listen.parse("https://127.0.0.1:0"), channel=certificate().web_channel)]
    house = serve(urls=(), listens=listens)
    port = house.port("http")
    context = fresh_context()
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as plain:
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(plain) as encrypted:
            assert encrypted.selected_alpn_protocol() == "http/1.1"
    ada = web(house, "ada", "lobby")
    ada.post("hi", "1")
    assert ada.receive(Message).text == "hi"
    ada.say_goodbye()
    ada.receive_all()
    assert ada.code == 1000


# --- behind a proxy ------------------------------------------------------------------------------


@pytest.fixture
def proxied(serve: Serve) -> Callable[..., House]:
    """Open a house that trusts this machine to say for whom it speaks."""

    def open_house(**limits: Any) -> House:
        site = Site.of(proxies=["127.0.0.1"])
        listen = Listen("http", "127.0.0.1", 0, site=site)
        return serve(urls=("chat://127.0.0.1:0",), listens=(listen,), **limits)

    return open_house


def test_limits_for_an_address_are_for_those_behind_a_proxy(proxied: Callable[..., House]) -> None:
    house = proxied(connections_per_address=2)
    for number in range(4):
        web(house, f"n{number}", headers=(f"X-Forwarded-For: 192.0.2.{number}",))
    web(house, "second", headers=("X-Forwarded-For: 192.0.2.1",))
    third = web(house, headers=("X-Forwarded-For: 192.0.2.1",))
    error, *_ = third.receive_all()
    assert isinstance(error, Error)
    assert (error.code, third.code) == ("limit_exceeded", 1013)
    statistics = house.hub.statistics()
    assert (statistics.connections, statistics.turned_away) == (5, 1)


def test_new_connections_through_a_proxy_do_not_wait_for_each_other(proxied: Callable[..., House]) -> None:
    few = Limits().connections_per_address
    house = proxied(connections_per_address=few, new_connections_burst=1, new_connections_per_second=0.01)
    for number in range(5):
        web(house, f"n{number}", headers=(f"X-Forwarded-For: 192.0.2.{number}",))
    turned_away = web(house, headers=("X-Forwarded-For: 192.0.2.1",))
    assert isinstance(turned_away.receive_all()[0], Error)


def test_nobody_else_is_asked_for_whom_it_speaks(serve: Serve) -> None:
    house = serve(urls=BOTH, connections_per_address=1)
    web(house, "ada", headers=("X-Forwarded-For: 192.0.2.1",))
    assert isinstance(web(house, headers=("X-Forwarded-For: 192.0.2.2",)).receive_all()[0], Error)
