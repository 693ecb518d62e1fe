"""TLS as bytes in and bytes out: two sides over a link that a test may cut, slow down and damage."""

import random
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from tests import rows
from tests.transports.key_updates import Sender
from tests.transports.tls import AUTHORITY
from transports import tls
from transports.pins import certificate_pin
from transports.tls import MOST, SLICE, Tls, client_context, server_context

HOST = "chat.example"
MUCH = bytes(range(256)) * 1024
"""More than a few records hold."""


def _server(made: trustme.LeafCert) -> ssl.SSLContext:
    context = server_context()
    made.configure_cert(context)
    return context


def _der(made: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())


CERTIFICATE = AUTHORITY.issue_cert(HOST, "127.0.0.1")
SERVER = _server(CERTIFICATE)
PINNED = client_context(pinned=True)
PIN = certificate_pin(_der(CERTIFICATE))


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A context for clients that trust our authority."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return client_context(ca=path)


class Link:
    """A client and a server. What one has to say reaches the other, a few bytes at a time."""

    def __init__(self, client: Tls | None = None, server: Tls | None = None, *, size: int = 1 << 20) -> None:
        self.client = client or Tls(PINNED, pin=PIN)
        self.server = server or Tls(SERVER)
        self.sent = b""  # by the client, as it was on the wire
        self.size = size

    def to_server(self, secret: bytes) -> bytes:
        """Carry bytes to the server; return what it reads of them."""
        self.sent += secret
        return b"".join(self.server.receive(piece) for piece in self._pieces(secret))

    def to_client(self, secret: bytes) -> bytes:
        """Carry bytes to the client; return what it reads of them."""
        return b"".join(self.client.receive(piece) for piece in self._pieces(secret))

    def settle(self) -> tuple[bytes, bytes]:
        """Carry until neither has anything to say; return what the server and the client have read."""
        to_server = to_client = b""
        while self.client.pending or self.server.pending:
            to_server += self.to_server(self.client.output())
            to_client += self.to_client(self.server.output())
        return to_server, to_client

    def _pieces(self, secret: bytes) -> Iterator[bytes]:
        for start in range(0, len(secret), self.size):
            yield secret[start : start + self.size]


@pytest.fixture
def link() -> Link:
    """A link whose ends have shaken hands."""
    link = Link()
    link.settle()
    assert link.client.ready
    assert link.server.ready
    return link


# --- a conversation ------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "text"), [(1, b"hello"), (7, MUCH[:40_000]), (1 << 20, MUCH)])
def test_however_the_bytes_are_cut_what_was_sent_arrives(size: int, text: bytes) -> None:
    link = Link(size=size)
    link.settle()
    assert link.to_server(link.client.send(b"hello")) == b"hello"
    assert link.to_client(link.server.send(text)) == text
    assert link.to_server(link.client.send(b"") + link.client.send(b"again")) == b"again"


def test_it_is_tls_1_3_with_our_protocol_and_no_tickets() -> None:
    link = Link()
    link.to_server(link.client.output())
    link.to_client(link.server.output())
    link.to_server(link.client.output())
    assert (link.server.ready, link.server.pending) == (True, False)  # tickets would be here
    connection = link.client._ssl
    assert (connection.version(), connection.selected_alpn_protocol()) == ("TLSv1.3", "chat/1")


def test_a_client_that_offers_no_protocol_or_another_one_is_let_in() -> None:
    for protocols in ([], ["h2"]):
        context = client_context(pinned=True)
        context.set_alpn_protocols(protocols)
        link = Link(Tls(context, pin=PIN))
        link.settle()
        assert link.to_server(link.client.send(b"hello")) == b"hello"


def test_what_is_sent_before_the_handshake_is_over_waits_on_both_sides() -> None:
    link = Link()
    hello = link.client.send(b"from the client, ") + link.client.send(b"early")
    assert b"early" not in hello
    assert link.server.send(b"from the server") == b""
    assert link.to_server(hello) == b""
    assert link.settle() == (b"from the client, early", b"from the server")


def test_records_hold_no_more_than_a_slice_each(link: Link) -> None:
    secret = link.server.send(MUCH)
    records = 0
    while secret:
        length = int.from_bytes(secret[3:5], "big")
        assert length <= SLICE + 256
        secret = secret[5 + length :]
        records += 1
    assert records == len(MUCH) / SLICE


class Counted:
    """A connection of OpenSSL's; ``most`` is the largest number of bytes that it was given or asked for."""

    def __init__(self, connection: ssl.SSLObject) -> None:
        self._connection = connection
        self.most = 0

    def write(self, data: bytes) -> int:
        self.most = max(self.most, len(data))
        return self._connection.write(data)

    def read(self, size: int) -> bytes:
        self.most = max(self.most, size)
        return self._connection.read(size)

    def pending(self) -> int:
        return self._connection.pending()


def test_buffers_of_openssl_which_never_shrink_hold_no_more_than_a_slice(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(link.server._ssl)
    monkeypatch.setattr(link.server, "_ssl", counted)
    assert link.to_client(link.server.send(MUCH)) == MUCH
    assert link.to_server(link.client.send(MUCH)) == MUCH
    assert 0 < counted.most <= SLICE


# --- how it ends ---------------------------------------------------------------------------------


def test_a_client_that_has_ended_its_side_is_still_answered(link: Link) -> None:
    assert link.to_server(link.client.send(b"the last") + link.client.end()) == b"the last"
    assert (link.client.finished, link.server.ended, link.server.finished) == (True, True, False)
    link.server.receive_eof()
    assert link.server.error is None
    assert link.to_client(link.server.send(MUCH)) == MUCH
    link.to_client(link.server.end())
    assert (link.client.ended, link.client.error) == (True, None)


def test_a_server_that_has_ended_its_side_still_reads(link: Link) -> None:
    assert link.to_client(link.server.send(b"good-bye") + link.server.end()) == b"good-bye"
    assert link.client.ended
    assert link.to_server(link.client.send(MUCH)) == MUCH
    link.to_server(link.client.end())
    link.server.receive_eof()
    assert (link.server.ended, link.server.error) == (True, None)


def test_after_our_end_nothing_is_sent_any_more(link: Link) -> None:
    assert link.server.end() != b""
    assert (link.server.end(), link.server.send(b"too late"), link.server.output()) == (b"", b"", b"")
    assert link.server.error is None


def test_an_end_before_the_handshake_is_over_waits_for_it() -> None:
    link = Link()
    link.server.send(b"the server closes")
    assert link.server.end() == b""
    assert not link.server.finished
    assert link.settle() == (b"", b"the server closes")
    assert (link.server.finished, link.client.ended) == (True, True)


def test_what_follows_the_end_of_the_peer_is_dropped(link: Link) -> None:
    assert link.to_server(link.client.end() + b"whatever this is" * 10_000) == b""
    assert (link.server.ended, link.server.error) == (True, None)


def test_a_stream_that_is_cut_at_any_byte_is_a_broken_connection() -> None:
    cut = 0
    while not _survives_a_cut(cut):
        cut += 1
    assert cut > 300


def _survives_a_cut(cut: int) -> bool:
    """Cut what a client sends after so many bytes; tell whether its end was among them."""
    link, read = Link(), b""
    secret = link.client.output()
    while secret and len(link.sent) + len(secret) <= cut:
        read += link.to_server(secret)
        link.to_client(link.server.output())
        secret = link.client.output()
        if link.client.ready and not link.client.finished:
            secret += link.client.send(b"one ") + link.client.send(b"two ") + link.client.end()
    read += link.to_server(secret[: cut - len(link.sent)])
    assert b"one two ".startswith(read)
    link.server.receive_eof()
    assert (link.server.error is None) == link.server.ended == (not secret)
    assert not isinstance(link.server.error, ssl.SSLError)
    return link.server.ended


def test_a_broken_connection_says_and_takes_nothing_any_more(link: Link) -> None:
    link.server.receive_eof()
    assert isinstance(link.server.error, ConnectionResetError)
    assert link.to_server(link.client.send(b"still here")) == b""
    assert (link.server.send(b"anybody?"), link.server.end(), link.server.finished) == (b"", b"", False)


# --- hostile peers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n",
        b'{"type":"hello","protocol":1,"nick":"ann"}\n',
        b"\x16\x03\x01\xff\xff",
        bytes(64),
    ],
)
def test_a_peer_that_does_not_speak_tls_is_refused_at_once(data: bytes) -> None:
    server = Tls(SERVER)
    assert server.receive(data) == b""
    assert isinstance(server.error, ssl.SSLError)


def test_a_record_that_is_too_long_is_refused_before_it_has_come(link: Link) -> None:
    assert link.server.receive(b"\x17\x03\x03" + (SLICE + 257).to_bytes(2, "big")) == b""
    assert isinstance(link.server.error, ssl.SSLError)
    link.to_client(link.server.output())
    assert "alert" in str(link.client.error)


def test_tls_1_2_is_refused_with_an_alert() -> None:
    context = client_context(pinned=True)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    link = Link(Tls(context, pin=PIN))
    link.settle()
    assert "UNSUPPORTED_PROTOCOL" in str(link.server.error)
    assert "version" in str(link.client.error)


def test_a_peer_that_reads_nothing_cannot_make_it_hold_more_than_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls, "MOST", 100)
    server = Tls(SERVER)
    server.receive(Link().client.output())
    assert isinstance(server.error, ConnectionAbortedError)


def test_whatever_is_changed_on_the_way_nothing_else_is_read() -> None:
    chance = random.Random(13)
    broken = sum(_is_broken_by_a_change(chance) for _ in range(rows.MUTATIONS))
    assert broken > rows.MUTATIONS * 0.9


def _is_broken_by_a_change(chance: random.Random) -> bool:
    """Change something in what a client sends; the server reads what was sent, or less."""
    link, read = Link(), b""
    flight = chance.choice([0, 1, 2])
    for number in range(3):
        secret = link.client.send(b"secret") if number == 2 else link.client.output()
        secret = _changed(secret, chance) if number == flight else secret
        read += link.to_server(secret)
        link.to_client(link.server.output())
    assert read in (b"", b"secret", b"secretsecret"[:6])
    return link.server.error is not None or not read


def _changed(data: bytes, chance: random.Random) -> bytes:
    where = chance.randrange(len(data))
    match chance.choice(["flip", "cut", "insert", "repeat", "reorder"]):
        case "flip":
            return data[:where] + bytes([data[where] ^ 1 << chance.randrange(8)]) + data[where + 1 :]
        case "cut":
            return data[:where] + data[where + chance.randint(1, 32) :]
        case "insert":
            return data[:where] + chance.randbytes(chance.randint(1, 32)) + data[where:]
        case "repeat":
            return data[: where + 1] + data[max(where - 32, 0) :]
        case _:
            return data[where:] + data[:where]


# --- threads -------------------------------------------------------------------------------------


def test_one_thread_may_read_while_another_writes(link: Link) -> None:
    rounds = 2_000
    to_server = [link.client.send(b"<%d>" % number + b"x" * 50) for number in range(rounds)]
    to_client: list[bytes] = []

    def write() -> None:
        to_client.extend(
            link.server.output() + link.server.send(b"<%d>" % number + b"y" * 50) for number in range(rounds)
        )

    writer = threading.Thread(target=write)
    writer.start()
    read = b"".join(map(link.server.receive, to_server))
    writer.join()
    assert read == b"".join(b"<%d>" % number + b"x" * 50 for number in range(rounds))
    assert link.to_client(b"".join(to_client)) == read.replace(b"x", b"y")


# --- whom a client trusts ------------------------------------------------------------------------


def test_a_client_trusts_an_authority(trusting: ssl.SSLContext) -> None:
    for host in (HOST, f"{HOST}.", "127.0.0.1"):
        link = Link(Tls(trusting, hostname=host))
        assert link.to_server(link.client.send(b"hello")) + link.settle()[0] == b"hello"
        assert link.client.peer_pin == PIN


SELF_MADE = trustme.CA().issue_cert(HOST)
EXPIRED = AUTHORITY.issue_cert(HOST, not_after=datetime(2020, 1, 1), not_before=datetime(2019, 1, 1))  # noqa: DTZ001  # as trustme takes them


@pytest.mark.parametrize(
    ("made", "host", "reason"),
    [
        (CERTIFICATE, "other.example", "not valid for 'other.example'"),
        (CERTIFICATE, "127.0.0.2", "not valid for '127.0.0.2'"),
        (SELF_MADE, HOST, "unable to get local issuer"),
        (EXPIRED, HOST, "expired"),
    ],
)
def test_a_client_sends_nothing_to_a_server_that_it_cannot_verify(
    trusting: ssl.SSLContext, made: trustme.LeafCert, host: str, reason: str
) -> None:
    link = Link(Tls(trusting, hostname=host), Tls(_server(made)))
    assert link.to_server(link.client.send(b"hello")) + link.settle()[0] == b""
    assert isinstance(link.client.error, ssl.SSLCertVerificationError)
    assert reason in str(link.client.error)
    assert link.client.peer_pin == certificate_pin(_der(made))
    assert not link.server.ready


def test_with_another_pin_nothing_but_the_beginning_has_left_the_client() -> None:
    link = Link(Tls(PINNED, hostname=HOST, pin=PIN), Tls(_server(SELF_MADE)))
    link.to_server(link.client.send(b"hello"))
    began = link.sent
    assert link.settle() == (b"", b"")
    assert link.sent == began
    assert isinstance(link.client.error, ssl.SSLCertVerificationError)
    assert link.client.peer_pin == certificate_pin(_der(SELF_MADE))


def test_a_pin_alone_is_enough_whatever_the_certificate_says() -> None:
    for made in (SELF_MADE, EXPIRED):
        pin = certificate_pin(_der(made))
        link = Link(Tls(PINNED, hostname="other.example", pin=pin), Tls(_server(made)))
        link.to_server(link.client.send(b"hello"))
        assert link.settle()[0] == b"hello"


def test_authorities_that_are_none_are_an_os_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(OSError, match="no certificate of an authority"):
        client_context(ca=empty)
    with pytest.raises(FileNotFoundError):
        client_context(ca=tmp_path / "missing.pem")


def test_a_client_whose_server_speaks_no_tls_has_an_error() -> None:
    client = Tls(PINNED, pin=PIN)
    client.receive(b'{"type":"error","code":"bad_frame"}\n')
    assert "WRONG_VERSION_NUMBER" in str(client.error)
    assert client.peer_pin is None


# --- new keys ------------------------------------------------------------------------------------


@pytest.fixture
def updating(tmp_path: Path) -> tuple[Tls, Sender]:
    """A server after the handshake, and what a client can send it from then on."""
    context = client_context(pinned=True)
    context.keylog_filename = str(tmp_path / "keys")
    link = Link(Tls(context, pin=PIN))
    link.settle()
    return link.server, Sender(tmp_path / "keys")


def test_a_peer_may_change_its_key_whenever_it_says_something(updating: tuple[Tls, Sender]) -> None:
    server, sender = updating
    for _ in range(3_000):
        assert server.receive(sender.update() + sender.data(b"x")) == b"x"
        server.output()
    assert server.error is None


def test_a_peer_pays_for_each_new_key_with_what_it_says(updating: tuple[Tls, Sender]) -> None:
    server, sender = updating
    keys = 0
    while server.error is None and keys < MOST:
        server.receive(b"".join(sender.update() for _ in range(4)) + sender.data(b"x"))
        server.output()
        keys += 4
    assert str(server.error) == "the peer sends much, and nothing in it"


def test_lines_may_be_padded(updating: tuple[Tls, Sender]) -> None:
    server, sender = updating
    line = b"a line of some words, as people write them\n"
    for _ in range(1_000):
        assert server.receive(sender.data(line, padding=512 - len(line))) == line
    assert server.error is None


def test_a_peer_that_says_nothing_but_new_keys_is_given_up(updating: tuple[Tls, Sender]) -> None:
    server, sender = updating
    sent = 0
    while server.error is None:
        update = sender.update()
        assert server.receive(update) == b""
        server.output()  # which is read
        sent += len(update)
        assert sent < 2 * MOST
    assert str(server.error) == "the peer sends much, and nothing in it"
    assert server.receive(sender.data(b"x")) == b""


def test_a_peer_that_asks_for_keys_and_reads_none_is_given_up(updating: tuple[Tls, Sender]) -> None:
    server, sender = updating
    for _ in range(MOST):
        server.receive(sender.update() + sender.data(b"x"))
        if server.error is not None:
            break
    assert str(server.error) == "the peer asks for more than it reads"
