"""Where a server listens."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from chatcore import Hub, UsageError
from chatcore.transport import Listen, Transport, check_listens
from tests.ports import fixed_port
from tests.protocol.frames import Message
from tests.stone_age.drums import Drums
from tests.transports.conftest import Serve
from tests.transports.leftovers import Census
from tests.transports.peers import TypedPeer
from tests.transports.servers import House
from tests.transports.tls import note_scheme
from transports import acceptor
from transports.asyncio_tcp import AsyncioTransport


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


def test_a_socket_that_is_bound_already_is_served_beside_other_addresses(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound, Hub() as hub:
        port, census = bound.getsockname()[1], Census()
        handed = os.dup(bound.fileno())
        server = transport.start(
            hub, [Listen("chat", "chat.invalid", port, addresses=("127.0.0.2",), descriptors=(handed,))]
        )
        with closing(server):
            (listening,) = server.listening
            note_scheme(listening.scheme, listening.port)
            for host in ("127.0.0.1", "127.0.0.2"):
                with TypedPeer(port, "ann", "lobby", host=host) as ann:
                    assert ann.who() == ("ann",)
                    ann.finish()
                    ann.wait_for_end()
        census.assert_unchanged()


def test_a_descriptor_of_another_kind_is_refused_and_closed(transport: Transport) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, Hub() as hub:
        census = Census()
        listen = Listen("chat", "127.0.0.1", 0, descriptors=(os.dup(datagrams.fileno()),))
        with pytest.raises(UsageError, match="is of no TCP socket"):
            transport.start(hub, [listen])
        census.assert_unchanged()


def test_a_transport_that_takes_no_descriptors_gets_none(transport: Transport) -> None:
    listen = Listen("chat", "127.0.0.1", 7024, descriptors=(9,))
    with pytest.raises(UsageError, match="the transport drums takes no sockets that were bound for it"):
        check_listens(Drums(), [listen])


TWO = ("127.0.0.1", "127.0.0.2")


@pytest.fixture
def name_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a name for some addresses."""

    def make(*addresses: str) -> str:
        def look_up(host: str, port: int, **options: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr("socket.getaddrinfo", look_up)
        return "chat.example"

    return make


@pytest.fixture(scope="module", autouse=True)
def _two_addresses() -> None:
    try:
        with socket.socket() as probe:
            probe.bind((TWO[1], 0))
    except OSError:
        pytest.skip("this system has one loopback address only")


def test_addresses_that_were_looked_up_are_not_looked_up_again(
    transport: Transport,
) -> None:
    listen = Listen("chat", "no-such-host.invalid", 0, addresses=("127.0.0.1",))
    with closing(Hub()) as hub, closing(transport.start(hub, [listen])) as server:
        (listening,) = server.listening
        assert listening.host == "no-such-host.invalid"
        with TypedPeer(listening.port, "ann", "lobby") as ann:
            assert ann.who() == ("ann",)


@pytest.mark.logs("listener.incomplete")
def test_an_address_in_use_leaves_the_others_of_its_name(
    serve: Serve, name_of: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server((TWO[0], 0)) as other:
        port = other.getsockname()[1]
        house = serve(urls=[f"chat://{name_of(*TWO)}:{port}"])
        with TypedPeer(port, "ann", "lobby", host=TWO[1]) as ann:
            assert ann.who() == ("ann",)
    (listen,) = house.server.listening
    assert str(listen) == f"{listen.scheme}://chat.example:{port}"
    assert caplog.messages == [
        f"cannot listen on {TWO[0]}, only on the other addresses of {listen}: {os.strerror(errno.EADDRINUSE)}"
    ]


@pytest.mark.parametrize("addresses", [("198.51.100.1", *TWO), (*TWO, "198.51.100.1")], ids=["first", "last"])
def test_a_foreign_address_leaves_the_others_of_its_name(
    serve: Serve, name_of: Callable[..., str], addresses: tuple[str, ...]
) -> None:
    house = serve(urls=[f"chat://{name_of(*addresses)}:0"])
    for host in TWO:
        with TypedPeer(house.port("chat"), host, "lobby", host=host) as peer:
            peer.settle()


def test_a_name_without_an_address_of_ours_is_an_os_error_and_leaves_nothing(
    transport: Transport, name_of: Callable[..., str]
) -> None:
    census = Census()
    with pytest.raises(OSError, match="assign"):
        House(transport, urls=[f"chat://{name_of('198.51.100.1', '203.0.113.1')}:0"])
    census.assert_unchanged()


def test_port_0_is_a_port_that_is_free_at_every_address(
    serve: Serve,
    name_of: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken: list[int] = []
    working = socket.socket.bind

    def bind(sock: socket.socket, address: tuple[str, int]) -> None:
        if address[0] == TWO[1] and len(taken) < 3:
            taken.append(address[1])
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        if address == (TWO[0], 0):  # each time another: the system might choose the same again
            address = (TWO[0], fixed_port())
        working(sock, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    house = serve(urls=[f"chat://{name_of(*TWO)}:0"])
    for host in TWO:
        with TypedPeer(house.port("chat"), f"at-{host[-1]}", "lobby", host=host) as peer:
            peer.settle()
    assert len(set(taken)) == 3
    assert not caplog.messages


def test_ipv6_addresses_work(serve: Serve) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this system has no IPv6")
    house = serve(urls=["chat://[::1]:0"], connections_per_address=1)
    (listen,) = house.server.listening
    assert str(listen) == f"{listen.scheme}://[::1]:{listen.port}"
    with TypedPeer(listen.port, "ann", "lobby", host="::1") as ann:
        assert ann.who() == ("ann",)
        with TypedPeer(listen.port, host="::1") as second:
            assert second.receive_line().startswith(b'{"type":"error","code":"limit_exceeded"')


def test_a_server_reports_the_listens_it_was_given(house: House) -> None:
    assert [(listen.scheme.removesuffix("s"), listen.host) for listen in house.server.listening] == [
        ("chat", "127.0.0.1"),
        ("plain", "127.0.0.1"),
    ]
    assert all(isinstance(listen, Listen) for listen in house.server.listening)


class _LikeWindows(asyncio.SelectorEventLoop):
    """A loop that watches no sockets for others, as Windows' own."""

    def add_reader(self, fd: object, callback: object, *args: object) -> None:
        raise NotImplementedError

    def remove_reader(self, fd: object) -> bool:
        raise NotImplementedError


def test_a_loop_that_watches_no_sockets_is_served_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "PAUSE", 0.01)
    failures = [errno.EMFILE, errno.ECONNABORTED]
    working = socket.socket.accept

    def accept(sock: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise OSError(failures.pop(), "not now")
        return working(sock)

    monkeypatch.setattr(socket.socket, "accept", accept)
    with closing(House(AsyncioTransport(_LikeWindows))) as house:
        ann, script = house.member("ann"), house.plain()
        script.say("hello")
        assert ann.receive(Message).text == "hello"
    assert not failures
