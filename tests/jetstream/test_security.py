"""Who may use a log, and over what: passwords, keys, rights and TLS."""

import base64
import binascii
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.jetstream.reader import Heard, Node
from tests.jetstream.servers import NatsServers
from transports.jetstream import JetStreamLog, Servers, Stream
from transports.jetstream.credentials import Credentials, read_credentials, sign

STREAM = Stream.of_messages("t", 1, 1_000_000)

USER = """
authorization { users = [ { user: chat, password: "pass:word", permissions: {
  publish: [ "t.log", "$JS.API.STREAM.*.t", "$JS.API.STREAM.MSG.GET.t", "$JS.API.DIRECT.GET.t" ]
  subscribe: [ "t.feed", "t.inbox.>" ]
} } ] }
"""


@pytest.fixture
def logged() -> Iterator[Heard]:
    """What is logged meanwhile."""
    heard = Heard()
    logger = logging.getLogger("chat.journal")
    logger.addHandler(heard)
    yield heard
    logger.removeHandler(heard)


def password(folder: Path, line: str = "chat:pass:word\n") -> Path:
    path = folder / "nats.creds"
    path.write_text(line)
    return path


def exchange(servers: Servers) -> None:
    """Append an entry, read it, and read it with another connection, which asks for it."""
    for _ in range(2):
        node = Node(JetStreamLog(servers, STREAM))
        node.log.append(b"entry")
        node.wait_for(b"entry")
        node.log.close()


def refusal(servers: Servers, logged: Heard, name: str) -> str:
    """Connect in vain; return what was logged of it."""
    node = Node(JetStreamLog(servers, STREAM))
    node.wait(lambda: logged.of(name))
    node.log.close()
    assert not node.openings
    return str(logged.of(name)[0])


def test_a_user_with_the_rights_of_the_page_can_do_all_of_it(tmp_path: Path, logged: Heard) -> None:
    with NatsServers(tmp_path / "nats", extra=USER) as servers:
        exchange(Servers(servers.addresses, None, password(tmp_path)))
        assert not logged.of("stream.unreachable")


def test_a_wrong_password_is_told_and_tried_again(tmp_path: Path, logged: Heard) -> None:
    with NatsServers(tmp_path / "nats", extra=USER) as servers:
        wrong = Servers(servers.addresses, None, password(tmp_path, "chat:other"))
        assert "Authorization Violation" in refusal(wrong, logged, "stream.unreachable")


@pytest.mark.parametrize(
    ("right", "words"), [("t.log", 'publish to "t.log"'), ("t.feed", 'subscription to "t.feed"')]
)
@pytest.mark.logs("stream.forbidden")
def test_what_a_user_may_not_do_is_logged_once(tmp_path: Path, logged: Heard, right: str, words: str) -> None:
    everything = '{ user: all, password: "all" },'
    user = USER.replace(f'"{right}", ', "").replace("users = [", f"users = [ {everything}")
    with NatsServers(tmp_path / "nats", extra=user) as servers:
        node = Node(JetStreamLog(Servers(servers.addresses, None, password(tmp_path)), STREAM))
        for data in (b"1", b"2"):
            node.log.append(data)
        node.wait(lambda: logged.of("stream.forbidden"))
        other = Node(
            JetStreamLog(Servers(servers.addresses, None, Credentials(user="all", password="all")), STREAM)
        )
        other.log.append(b"3")
        read = {b"1", b"2", b"3"} if right == "t.feed" else {b"3"}
        assert {*node.wait_for(*read)} == read
        for each in (node, other):
            each.log.close()
    [error] = [each["error"] for each in logged.of("stream.forbidden")]
    assert error == f"nats: permissions violation for {words}"


@pytest.mark.logs("stream.forbidden", "stream.unreachable")
def test_a_user_who_may_not_hear_answers_is_told_so_once(tmp_path: Path, logged: Heard) -> None:
    with NatsServers(tmp_path / "nats", extra=USER.replace(', "t.inbox.>"', "")) as servers:
        node = Node(JetStreamLog(Servers(servers.addresses * 3, None, password(tmp_path)), STREAM))
        node.wait(lambda: logged.of("stream.unreachable"))
        assert '"t.inbox.>"' in logged.of("stream.unreachable")[0]["error"]
        servers.servers[0].kill()
        node.wait(lambda: len(logged.of("stream.unreachable")) > 1)
        node.log.close()
    told, *others = ["t.inbox" in each["error"] for each in logged.of("stream.unreachable")]
    assert told
    assert not any(others)  # of which there are two where the server is killed while it connects
    assert len(logged.of("stream.forbidden")) == 1


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority, and the certificate of a server."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return authority


def encrypted(tmp_path: Path) -> NatsServers:
    files = f'cert_file: "{tmp_path}/cert.pem", key_file: "{tmp_path}/key.pem"'
    return NatsServers(tmp_path / "nats", extra=f"{USER}\ntls {{ {files} }}")


def test_a_log_is_reached_over_tls(tmp_path: Path, authority: trustme.CA, logged: Heard) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with encrypted(tmp_path) as servers:
        exchange(Servers(servers.addresses, context, password(tmp_path)))
        assert not logged.of("stream.unreachable")


def test_a_certificate_of_somebody_else_is_refused(
    tmp_path: Path, authority: trustme.CA, logged: Heard
) -> None:
    with encrypted(tmp_path) as servers:
        strict = Servers(servers.addresses, ssl.create_default_context(), password(tmp_path))
        assert "CERTIFICATE_VERIFY_FAILED" in refusal(strict, logged, "stream.unreachable")


def test_nothing_is_shown_to_a_server_that_does_not_encrypt(tmp_path: Path, logged: Heard) -> None:
    heard = b""

    def serve() -> None:
        nonlocal heard
        peer, _ = listener.accept()
        with peer:
            info = {"version": "2.15.1", "max_payload": 4_000_000, "nonce": "x", "auth_required": True}
            peer.sendall(b"INFO " + json.dumps({**info, "headers": True}).encode() + b"\r\n")
            while data := peer.recv(1_000):
                heard += data

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        secure = Servers((address,), ssl.create_default_context(), password(tmp_path))
        assert "does not encrypt" in refusal(secure, logged, "stream.unfit")
        thread.join()
    assert b"pass" not in heard


# --- keys ----------------------------------------------------------------------------------------


PREFIXES = {"O": 14 << 3, "A": 0, "U": 20 << 3}


class Key:
    """A key of NATS: ``kind`` is the letter that its public half begins with."""

    def __init__(self, kind: str) -> None:
        self._key = Ed25519PrivateKey.generate()
        prefix = PREFIXES[kind]
        self.public = _text(bytes([prefix]) + self._key.public_key().public_bytes_raw())
        head = bytes([(18 << 3) | (prefix >> 5), (prefix & 31) << 3])
        self.seed = _text(head + self._key.private_bytes_raw())

    def token(self, subject: "Key", name: str, claims: dict[str, object]) -> str:
        """Return a signed token about another key."""
        body = {"jti": name, "iat": 1_700_000_000, "iss": self.public, "sub": subject.public, "name": name}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, {**body, "nats": {"version": 2, **claims}}]
        text = ".".join(_url(json.dumps(part).encode()) for part in parts)
        return f"{text}.{_url(self._key.sign(text.encode()))}"


def _text(data: bytes) -> str:
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_a_log_is_reached_with_credentials_of_a_key(tmp_path: Path, logged: Heard) -> None:
    operator, system, account, user = Key("O"), Key("A"), Key("A"), Key("U")
    endless = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    storage = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    limits = {**endless, **storage, "wildcards": True}
    accounts = {
        system.public: operator.token(system, "SYS", {"type": "account", "limits": endless}),
        account.public: operator.token(account, "CHAT", {"type": "account", "limits": limits}),
    }
    preload = "\n".join(f"{name}: {token}" for name, token in accounts.items())
    extra = (
        f"operator: {operator.token(operator, 'OP', {'type': 'operator'})}\n"
        f"system_account: {system.public}\nresolver: MEMORY\nresolver_preload: {{\n{preload}\n}}\n"
    )
    rights = {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user"}
    token = account.token(user, "chat", rights)
    file = password(
        tmp_path,
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n",
    )
    with NatsServers(tmp_path / "nats", extra=extra) as servers:
        exchange(Servers(servers.addresses, None, file))
        other = password(tmp_path, file.read_text().replace(user.seed, Key("U").seed))
        refused = Servers(servers.addresses, None, other)
        assert "Authorization Violation" in refusal(refused, logged, "stream.unreachable")


@pytest.mark.parametrize(
    "text",
    ["", "chat", ":secret", "a:b\nc", "-----BEGIN USER NKEY SEED-----\nSU\n------END USER NKEY SEED------"],
)
def test_a_file_that_has_neither_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="has neither"):
        read_credentials(password(tmp_path, text))


def test_a_password_may_have_colons(tmp_path: Path) -> None:
    assert read_credentials(password(tmp_path)) == Credentials(user="chat", password="pass:word")


def test_a_damaged_seed_is_refused() -> None:
    for seed in (b"SUAB", b"?", Key("U").seed.encode()[:-9]):
        with pytest.raises(ValueError, match="damaged"):
            sign(seed, "nonce")
