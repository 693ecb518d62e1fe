"""Encrypted addresses are served over TLS or not at all."""

import asyncio
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import Hub, UsageError
from chatcore.transport import Listen, Peer, Transport, check_listens
from tests.protocol.frames import Message
from tests.stone_age.drums import Drums
from tests.system.channels import Clear
from tests.transports.conftest import Serve
from tests.transports.leftovers import Census
from tests.transports.peers import Peer as RawPeer
from tests.transports.peers import TypedPeer, hello
from tests.transports.tls import OverTls, TlsSocket, certificate, new_certificate, note_scheme
from transports import asyncio_tcp, threaded_tcp
from transports.asyncio_tcp.secured import PIECE, SLICE, TURN, Handshakes, Secured
from transports.certificates import Certificate
from transports.threaded_tcp.server_connection import SecuredConnection
from transports.tls import Tls

URL = "chats://127.0.0.1:0"


def test_an_encrypted_address_without_a_certificate_is_a_usage_error_and_leaves_nothing(
    transport: Transport,
) -> None:
    census = Census()
    with (
        Hub() as hub,
        pytest.raises(UsageError, match="needs a certificate; give one, or listen on plain://"),
    ):
        transport.start(hub, [Listen.parse(url) for url in ("chat://127.0.0.1:0", "plains://127.0.0.1:0")])
    census.assert_unchanged()


def test_a_transport_that_applies_no_channels_is_not_asked_to(transport: Transport) -> None:
    listens = [Listen.parse(url, certificate().channel) for url in (URL, "plain://127.0.0.1:0")]
    check_listens(transport, listens)
    with pytest.raises(UsageError, match="the transport drums applies no channels"):
        check_listens(Drums(), listens)
    with pytest.raises(UsageError, match="needs a certificate"):
        check_listens(transport, [Listen.parse(URL)])


@pytest.mark.parametrize("listen", [Listen.parse(URL), Listen.parse(URL, certificate().channel)])
def test_the_wire_of_an_encrypted_address_is_not_given_without_its_channel(listen: Listen) -> None:
    with pytest.raises(UsageError, match=r"applies no channels, so it cannot serve chats://127\.0\.0\.1"):
        _ = listen.wire
    with pytest.raises(UsageError):
        _ = replace(Listen.parse("chat://127.0.0.1:0"), channel=certificate().channel).wire


def test_a_channel_is_only_for_encrypted_addresses() -> None:
    assert Listen.parse("chat://127.0.0.1:0", certificate().channel).channel is None
    assert str(Listen.parse("plains://[::1]:1", certificate().channel)) == "plains://[::1]:1"


def test_a_server_takes_a_certificate_by_its_path(tmp_path: Path) -> None:
    path = new_certificate(tmp_path)
    with threaded_tcp.serve(URL, cert=path) as server:
        _talk(server.listening[0])
    with threaded_tcp.serve(URL, cert=str(path), cert_key=path) as server:
        _talk(server.listening[0])
    with (
        pytest.raises(OSError, match="cannot read the key"),
        threaded_tcp.serve(URL, cert=path, cert_key="no"),
    ):
        pass


def test_two_servers_share_a_certificate(tmp_path: Path) -> None:
    shared = Certificate.load(new_certificate(tmp_path))

    async def main() -> None:
        async with asyncio_tcp.serve(URL, cert=shared) as server:
            await asyncio.to_thread(_talk, server.listening[0])

    asyncio.run(main())
    with threaded_tcp.serve(URL, "chat://127.0.0.1:0", cert=shared) as server:
        for listen in server.listening:
            _talk(listen)


def _talk(listen: Listen) -> None:
    note_scheme(listen.scheme, listen.port)
    with TypedPeer(listen.port, f"ann-{listen.port}", "lobby") as ann:
        ann.post("hi", f"a-{listen.port}")
        assert ann.receive(Message).text == "hi"
        assert isinstance(ann.sock, TlsSocket) == (listen.scheme == "chats")


# --- strangers at the wrong door -----------------------------------------------------------------


def test_a_peer_that_speaks_no_tls_is_closed_at_once_and_nobody_notices(
    transport: Transport, serve: Serve
) -> None:
    house = serve(transport=OverTls(transport), handshake_seconds=60.0)
    ann, port = house.member("ann"), house.port("chat")
    note_scheme("chat", port)
    with RawPeer(port) as stranger:
        stranger.send(hello("bob"))
        assert b"error" not in stranger.receive_rest()
    note_scheme("chats", port)
    ann.post("nobody came", "a-1")
    assert ann.receive(Message).text == "nobody came"


def test_a_stream_that_is_cut_is_no_goodbye(transport: Transport, serve: Serve) -> None:
    house = serve(transport=OverTls(transport))
    ann = house.typed("ann")  # in no room: nothing is written to it, so nothing else shows that it is gone
    assert isinstance(ann.sock, TlsSocket)
    ann.sock.cut()
    ann.wait_for_end()
    with closing(house.typed()) as again:
        again.send(hello("ann"))
        assert b"nick_taken" in again.receive_line()


def test_an_end_of_tls_without_an_end_below_is_a_goodbye(transport: Transport, serve: Serve) -> None:
    house = serve(transport=OverTls(transport))
    ann = house.member("ann")
    assert isinstance(ann.sock, TlsSocket)
    ann.sock.say_end()
    ann.wait_for_end()
    assert house.member("ann").who() == ("ann",)


def test_a_crowd_shakes_hands_one_after_the_other_and_each_is_served(
    transport: Transport, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = serve(transport=OverTls(transport))
    ann = house.member("ann")
    together, most = 0, 0
    receive, counting = Tls.receive, threading.Lock()

    def counted(channel: Tls, data: bytes) -> bytes:
        nonlocal together, most
        if channel.ready:
            return receive(channel, data)
        with counting:
            together += 1
            most = max(most, together)
        try:
            return receive(channel, data)
        finally:
            with counting:
                together -= 1

    monkeypatch.setattr(Tls, "receive", counted)
    crowd = [house.stranger("chat") for _ in range(50)]
    threads = [threading.Thread(target=peer.send, args=(hello(f"n{n}"),)) for n, peer in enumerate(crowd)]
    for thread in threads:
        thread.start()
    ann.settle()
    for thread, peer in zip(threads, crowd, strict=True):
        thread.join()
        assert b'"welcome"' in peer.receive_line()
    assert most == 1


def test_in_a_loop_the_handshakes_of_a_crowd_take_turns_with_all_else() -> None:
    async def main() -> None:
        turns: list[str] = []

        class Waiting(Secured):
            def take_turn(self) -> None:
                turns.append("handshake")

        loop = asyncio.get_running_loop()
        handshakes = Handshakes(loop)
        for _ in range(5 * SLICE):
            handshakes.add(Waiting(certificate().channel(), asyncio.Protocol()))
        while turns.count("handshake") < 5 * SLICE:
            turns.append("turn")
            await asyncio.sleep(0)
        turn = ["turn", *["handshake"] * SLICE]
        assert turns == turn * 5

    asyncio.run(main())


class Hollow(Clear):
    """A channel in which nothing is for the session; ``sizes`` are those of the pieces that it was given."""

    def __init__(self, is_alone: Callable[[], bool] = lambda: False) -> None:
        self.sizes: list[int] = []
        self.alone: list[bool] = []  # whether a lock was held then
        self._is_alone = is_alone

    def receive(self, data: bytes) -> bytes:
        self.sizes.append(len(data))
        self.alone.append(self._is_alone())
        return b""


class Below(asyncio.Transport):
    """A transport that writes nothing, and knows whether it is read."""

    reading = True

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def test_in_a_loop_what_is_nothing_for_the_session_is_read_in_turns() -> None:
    async def main() -> None:
        channel, below = Hollow(), Below()
        secured = Secured(channel, asyncio.Protocol(), Handshakes(asyncio.get_running_loop()))
        secured.connection_made(below)
        secured.data_received(bytes(PIECE + 5 * TURN))
        for turns in range(6):
            assert channel.sizes == [PIECE, *[TURN] * turns]
            assert below.reading == (turns == 5)
            await asyncio.sleep(0)

    asyncio.run(main())


def test_of_threads_one_reads_what_is_nothing_for_the_session() -> None:
    lock = threading.Lock()
    channel = Hollow(lock.locked)
    with socket.socket() as sock, selectors.DefaultSelector() as selector, Hub() as hub:
        session = hub.endpoint(lambda: None).open(Peer("127.0.0.1", 1))
        connection = SecuredConnection(sock, session, selector, channel, lambda _: None, lock)
        for _ in range(3):
            assert connection._receive(bytes(1_000))
        connection._writer.detach()
        hub.endpoint(lambda: None).close()
        session.connection_lost()
    assert channel.alone == [False, True, True]


def test_a_server_drains_although_a_peer_never_shakes_hands(transport: Transport, serve: Serve) -> None:
    house = serve(transport=OverTls(transport), closing_seconds=0.2)
    ann = house.member("ann")
    silent = house.stranger("chat")
    ann.settle()
    house.server.close()
    silent.wait_for_end()


def test_a_server_tells_a_peer_that_shakes_hands_late_that_it_closes(
    transport: Transport, serve: Serve
) -> None:
    house = serve(transport=OverTls(transport))
    late, ann = house.typed(), house.member("ann")  # the second is in, so the first is too
    closing = threading.Thread(target=house.server.close)
    closing.start()
    ann.wait_for_end()
    assert late.reason_of_end() == "drain"
    late.close()
    ann.close()
    closing.join()
