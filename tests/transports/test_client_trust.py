"""Both clients over TLS: whom they trust, what they say to others, and that it is nothing of their own."""

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from chatcore import Backoff, DisconnectedError, Offline, Online, UsageError, new_key
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer
from tests.transports.impostor import Impostor, handshake_records, server_context
from tests.transports.peers import DEADLINE
from tests.transports.tls import AUTHORITY, authority_file, new_certificate
from tests.transports.turned_away import turning_away
from transports.certificates import Certificate

Connect = Callable[..., Visitor]

KEY, INVITE = "key-" * 11, "the-invite"
OTHER_PIN = "A" * 43
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate of our authority, for the address of the server."""
    return new_certificate(tmp_path)


def _of_another_host(folder: Path) -> Path:
    return new_certificate(folder, "elsewhere.example")


def _expired(folder: Path) -> Path:
    made = AUTHORITY.issue_cert("127.0.0.1", not_before=YESTERDAY - timedelta(days=1), not_after=YESTERDAY)
    made.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "server.pem"


def _self_made(folder: Path) -> Path:
    return Certificate.auto(folder / "server.pem").cert


Case = tuple[Callable[[Path], Path], Callable[[], dict[str, Any]], str]

UNTRUSTED: dict[str, Case] = {
    "of another host": (_of_another_host, lambda: {"ca": authority_file()}, "is for another name"),
    "expired": (_expired, lambda: {"ca": authority_file()}, "is not valid at this time"),
    "self-made": (_self_made, lambda: {"ca": authority_file()}, "no authority that you trust vouches for"),
    "of an unknown authority": (new_certificate, dict, "no authority that you trust vouches for"),
    "of another pin": (new_certificate, lambda: {"pin": OTHER_PIN}, "has another certificate than"),
}


@pytest.mark.parametrize("case", UNTRUSTED)
def test_a_server_that_is_not_trusted_gets_nothing(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    case: str,
) -> None:
    make, options, words = UNTRUSTED[case]
    monkeypatch.setenv("SSL_CERT_FILE", str(_self_made(tmp_path)))  # all that the system trusts
    folder = tmp_path / "server"
    folder.mkdir()
    file = make(folder)
    with Impostor(server_context(str(file))) as impostor:
        url = f"chats://127.0.0.1:{impostor.port}"
        given = options() or {"ca": None}
        with pytest.raises(OSError, match=words) as failed:
            connect(url, nick="ann", key=KEY, invite=INVITE, session="s" * 32, **given)
    fingerprint = Certificate.load(file).fingerprint
    assert (f"chat trust {url} {fingerprint}" in str(failed.value)) == (case != "expired")
    assert ("owner must renew it" in str(failed.value)) == (case == "expired")
    assert isinstance(failed.value, ssl.SSLCertVerificationError)
    assert impostor.plain == b""
    assert_only_a_handshake(impostor.raw)
    assert caplog.messages == []


def assert_only_a_handshake(raw: bytes) -> None:
    """Fail unless a client has sent its ClientHello, and no more after that than an alert fits in."""
    handshake, *others = handshake_records(raw)
    assert handshake == 22
    hello = 5 + int.from_bytes(raw[3:5], "big")
    assert len(raw) - hello <= 6 + 24, others  # with "change cipher spec", and an encrypted alert


TRUSTED: dict[str, Callable[[Path], dict[str, Any]]] = {
    "by a file": lambda pem: {"ca": authority_file()},
    "by a file of a name": lambda pem: {"ca": str(authority_file())},
    "by a pin": lambda pem: {"pin": Certificate.load(pem).pin},
    "by a fingerprint": lambda pem: {"pin": Certificate.load(pem).fingerprint},
}


@pytest.mark.parametrize("how", TRUSTED)
def test_a_server_that_is_trusted_gets_the_hello(connect: Connect, pem: Path, how: str) -> None:
    with Impostor(server_context(str(pem))) as impostor, pytest.raises(DisconnectedError):
        connect(f"chats://127.0.0.1:{impostor.port}", nick="ann", key=KEY, invite=INVITE, **TRUSTED[how](pem))
    assert b'"hello"' in impostor.plain
    assert KEY.encode() in impostor.plain
    assert INVITE.encode() in impostor.plain
    assert KEY.encode() not in impostor.raw


def test_the_systems_authorities_are_trusted_without_more(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, pem: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file()))
    with Impostor(server_context(str(pem))) as impostor, pytest.raises(DisconnectedError):
        connect(f"chats://localhost:{impostor.port}", nick="ann", ca=None)
    assert b'"hello"' in impostor.plain


def test_a_certificate_is_for_the_host_of_the_address(connect: Connect, tmp_path: Path) -> None:
    context = server_context(str(new_certificate(tmp_path, "localhost")))
    names: list[str | None] = []
    context.sni_callback = lambda tls, name, context: names.append(name)
    with Impostor(context) as impostor:
        with pytest.raises(DisconnectedError):
            connect(f"chats://localhost:{impostor.port}", nick="ann")
        with pytest.raises(OSError, match="is for another name"):
            connect(f"chats://127.0.0.1:{impostor.port}", nick="ann")
    assert names == ["localhost", None]


def test_an_old_version_of_tls_is_refused(connect: Connect, pem: Path) -> None:
    old = server_context(str(pem), newest=ssl.TLSVersion.TLSv1_2)
    with Impostor(old) as impostor, pytest.raises(OSError, match=r"must offer TLS 1\.3"):
        connect(f"chats://127.0.0.1:{impostor.port}", nick="ann", key=KEY)
    assert impostor.plain == b""
    assert KEY.encode() not in impostor.raw


# --- no way down to what is not encrypted --------------------------------------------------------

STRIPPED = {
    "silence": b"",
    "a welcome": b'{"type":"welcome","protocol":1,"server":"x","session":"s","nick":"ann","limits":{}}\n',
    "a port for text": b"* this port speaks lines of text\n",
    "a web server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("answer", STRIPPED)
def test_who_strips_tls_gets_no_key(connect: Connect, answer: str) -> None:
    with Impostor(None, STRIPPED[answer]) as impostor:
        url = f"chats://127.0.0.1:{impostor.port}"
        words = (
            "speaks no TLS; is this the port"
            if STRIPPED[answer]
            else "closed the connection before TLS began; it may keep out this address"
        )
        with pytest.raises(OSError, match=words):
            connect(url, nick="ann", key=KEY, invite=INVITE)
    assert handshake_records(impostor.raw)[0] == 22
    assert KEY.encode() not in impostor.raw
    assert b"hello" not in impostor.raw


def test_who_is_kept_out_reads_what_that_may_mean(connect: Connect) -> None:
    with turning_away() as port:
        for key in (None, KEY) * 10:  # the system reports it at different moments, in different words
            with pytest.raises(ConnectionResetError, match="closed the connection before TLS began; it may"):
                connect(f"chats://127.0.0.1:{port}", nick="ann", key=key)
            with pytest.raises((ConnectionResetError, DisconnectedError)) as failed:
                connect(f"chat://127.0.0.1:{port}", nick="ann", key=key)
            assert "it may keep out this address" in str(failed.value)


def test_a_port_that_is_encrypted_is_named_as_it_must_be_written(connect: Connect) -> None:
    with Impostor(None) as impostor:
        port = impostor.port
        with pytest.raises(DisconnectedError) as failed:
            connect(f"chat://127.0.0.1:{port}", nick="ann")
    assert f"if it is encrypted, write chats://127.0.0.1:{port}; otherwise" in str(failed.value)
    assert failed.value.reason == "lost"


def test_a_server_that_is_not_trusted_and_has_gone_is_not_trusted(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, pem: Path
) -> None:
    send_all = socket.socket.sendall

    def send_no_alert(sock: socket.socket, data: bytes) -> None:
        if handshake_records(data) != [22] and threading.current_thread().name != "test-impostor":
            raise BrokenPipeError
        send_all(sock, data)

    monkeypatch.setattr("socket.socket.sendall", send_no_alert)
    with Impostor(server_context(str(pem))) as impostor, pytest.raises(ssl.SSLCertVerificationError):
        connect(f"chats://127.0.0.1:{impostor.port}", nick="ann", pin=OTHER_PIN)


def test_a_key_is_not_sent_in_the_clear_to_another_machine(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("transports.destination.is_loopback", lambda host: False)
    with Impostor(None) as impostor:
        url = f"chat://127.0.0.1:{impostor.port}"
        with pytest.raises(
            UsageError, match=r"is not encrypted, and 127\.0\.0\.1 is another machine"
        ) as failed:
            connect(url, nick="ann", key=KEY, invite=INVITE)
    assert impostor.raw == b""
    assert KEY not in str(failed.value)
    assert caplog.messages == []


@pytest.mark.parametrize("options", [{"key": KEY, "insecure": True}, {}, {"session": "s" * 32}])
def test_what_is_no_key_or_may_be_insecure_is_sent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr("transports.destination.is_loopback", lambda host: False)
    with Impostor(None) as impostor, pytest.raises(DisconnectedError):
        connect(f"chat://127.0.0.1:{impostor.port}", nick="ann", **options)
    assert b'"hello"' in impostor.raw
    assert (KEY.encode() in impostor.raw) == ("key" in options)


def test_a_key_is_sent_in_the_clear_to_this_machine(connect: Connect) -> None:
    with Impostor(None) as impostor, pytest.raises(DisconnectedError):
        connect(f"chat://localhost:{impostor.port}", nick="ann", key=KEY)
    assert KEY.encode() in impostor.raw


# --- reconnecting --------------------------------------------------------------------------------


def test_a_server_that_is_no_longer_trusted_is_tried_again_and_gets_nothing(
    connect: Connect, tmp_path: Path, pem: Path
) -> None:
    (tmp_path / "other").mkdir()
    good, other = (server_context(str(each)) for each in (pem, _self_made(tmp_path / "other")))
    lose = Event()

    def serve(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)

    def serve_again(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    def refuse(guest: Guest) -> None:
        raise AssertionError("the client has shaken hands with a stranger")

    scripts = (serve, refuse, refuse, serve_again)
    with HostileServer(*scripts, contexts=(good, other, other, good)) as server:
        ann = connect(server.url, nick="ann", key=KEY, reconnect=True, backoff=Backoff(first=0.01))
        lose.set()
        reasons = []
        while not isinstance(event := ann.receive(DEADLINE), Online):
            if isinstance(event, Offline):
                reasons.append(event.reason)
        assert reasons == ["lost", "untrusted", "untrusted"]
        ann.close()


def test_a_key_that_would_leave_this_machine_is_tried_again_and_not_sent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = [False, True, True, False]  # where the name leads, each time
    monkeypatch.setattr("transports.destination.is_loopback", lambda host: not elsewhere.pop(0))
    lose = Event()

    def serve(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)

    def refuse(guest: Guest) -> None:
        assert guest.receive_rest() == b""

    def serve_again(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with HostileServer(serve, refuse, refuse, serve_again) as server:
        ann = connect(server.url, nick="ann", key=KEY, reconnect=True, backoff=Backoff(first=0.01))
        lose.set()
        reasons = []
        while not isinstance(event := ann.receive(DEADLINE), Online):
            if isinstance(event, Offline):
                reasons.append(event.reason)
        assert reasons == ["lost", "untrusted", "untrusted"]
        ann.close()


# --- what may be given ---------------------------------------------------------------------------

USAGE: dict[str, tuple[dict[str, Any], str]] = {
    "two ways": ({"ca": "ca.pem", "pin": OTHER_PIN}, "give either ca or pin"),
    "no pin": ({"pin": "sha256:abc"}, "is not the pin of a certificate"),
    "half a pin in hex": ({"pin": "a" * 62}, "is not the pin of a certificate"),
    "an invite alone": ({"invite": INVITE, "pin": OTHER_PIN}, "an invite needs a key"),
    "a short key": ({"key": "short", "pin": OTHER_PIN}, "a key is 43 to 4096"),
}


@pytest.mark.parametrize("what", USAGE)
def test_what_cannot_be_is_a_usage_error(connect: Connect, what: str) -> None:
    options, words = USAGE[what]
    with pytest.raises(UsageError, match=words):
        connect("chats://127.0.0.1:9", nick="ann", **options)


@pytest.mark.parametrize("options", [{"ca": "ca.pem"}, {"pin": OTHER_PIN}])
def test_an_address_that_is_not_encrypted_takes_no_certificate(
    connect: Connect, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="ca and pin are for chats://"):
        connect("chat://127.0.0.1:9", nick="ann", **options)


def test_a_file_of_authorities_that_is_none_is_an_error_that_names_it(
    connect: Connect, tmp_path: Path
) -> None:
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.touch()
    for path in (missing, empty):
        with pytest.raises(OSError, match=path.name):
            connect("chats://127.0.0.1:9", nick="ann", ca=path)


def test_a_link_is_no_address_and_its_secret_is_not_repeated(connect: Connect) -> None:
    with pytest.raises(UsageError, match="leave out the #") as failed:
        connect(f"chats://127.0.0.1:9/#{INVITE}", nick="ann", key=new_key())
    assert INVITE not in str(failed.value)
