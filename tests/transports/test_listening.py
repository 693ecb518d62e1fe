"""Where a server listens."""

import socket

import pytest

from chatcore.transport import Listen, Transport
from tests.transports.conftest import Serve
from tests.transports.leftovers import Census
from tests.transports.peers import TypedPeer
from tests.transports.servers import House


def test_port_0_is_a_free_port_that_the_server_reports(serve: Serve) -> None:
    house = serve(urls=["chat://127.0.0.1:0", "chat://127.0.0.1:0", "plain://127.0.0.1:0"])
    ports = [listen.port for listen in house.server.listening]
    assert len(set(ports)) == 3
    assert 0 not in ports
    with TypedPeer(ports[0], "ann", "lobby") as ann, TypedPeer(ports[1], "bob", "lobby") as bob:
        assert bob.who() == ann.who() == ("ann", "bob")


def test_a_taken_port_is_an_os_error_and_leaves_nothing(transport: Transport, house: House) -> None:
    taken = f"chat://127.0.0.1:{house.port('chat')}"
    census = Census()
    with pytest.raises(OSError, match="in use"):
        House(transport, hub=house.hub, urls=["chat://127.0.0.1:0", taken])
    census.assert_unchanged()
    assert house.member("ann").who() == ("ann",)


def test_a_foreign_address_is_an_os_error_and_leaves_nothing(transport: Transport) -> None:
    census = Census()
    with pytest.raises(OSError, match="assign"):
        House(transport, urls=["chat://192.0.2.1:0"])
    census.assert_unchanged()


def test_a_name_is_listened_on_at_all_its_addresses(serve: Serve) -> None:
    house = serve(urls=["chat://localhost:0"])
    (listen,) = house.server.listening
    found = socket.getaddrinfo("localhost", listen.port, type=socket.SOCK_STREAM)
    for _, _, _, _, address in found:
        with TypedPeer(listen.port, "ann", "lobby", host=str(address[0])) as ann:
            assert ann.who() == ("ann",)
            ann.finish()
            ann.wait_for_end()


def test_ipv6_addresses_work(serve: Serve) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this system has no IPv6")
    house = serve(urls=["chat://[::1]:0"], connections_per_address=1)
    (listen,) = house.server.listening
    assert str(listen) == f"chat://[::1]:{listen.port}"
    with TypedPeer(listen.port, "ann", "lobby", host="::1") as ann:
        assert ann.who() == ("ann",)
        with TypedPeer(listen.port, host="::1") as second:
            assert second.receive_line().startswith(b'{"type":"error","code":"limit_exceeded"')


def test_a_server_reports_the_listens_it_was_given(house: House) -> None:
    assert [(listen.scheme, listen.host) for listen in house.server.listening] == [
        ("chat", "127.0.0.1"),
        ("plain", "127.0.0.1"),
    ]
    assert all(isinstance(listen, Listen) for listen in house.server.listening)
