"""``chat server`` with a certificate: which one, for what, and when it is loaded again."""

import hashlib
import signal
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.settings.certificates import worries_about
from tests.cli.commands.hello import receive_until
from tests.cli.conftest import Inside
from tests.cli.processes import chat_server, chat_server_in_session, line_of
from tests.transports.tls import AUTHORITY, new_certificate
from transports.certificates import Certificate

ENCRYPTED = ("chats://127.0.0.1:0",)


def connected(port: int) -> ssl.SSLSocket:
    """Return a connection whose certificate nobody has looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))


def shown_at(port: int) -> bytes:
    """Return the hash of the certificate that a server shows."""
    with connected(port) as sock:
        certificate = sock.getpeercert(binary_form=True)
    assert certificate is not None
    return hashlib.sha256(certificate).digest()


def test_a_certificate_of_its_own_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    seen, errors = [], ""
    for _ in range(2):
        with chat_server("--cert", "auto", listens=ENCRYPTED, XDG_DATA_HOME=str(tmp_path)) as server:
            seen.append(shown_at(server.port()))
            server.signal(signal.SIGTERM)
            _, errors = server.wait()
    assert seen[0] == seen[1]
    assert "its fingerprint is sha256:" in errors
    (path,) = tmp_path.rglob("certificate.pem")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--listen", "chats://127.0.0.1:0"], ["chats://127.0.0.1:0", "--cert auto"]),
        (["--listen", "plains://127.0.0.1:0"], ["plains://127.0.0.1:0", "--cert auto"]),
        (["--cert", "auto"], ["--listen chats://"]),
        (["--listen", "chats://127.0.0.1:0", "--cert", "auto", "--cert-key", "k"], ["--cert-key", "both"]),
        (["--cert-key", "k"], ["--cert-key", "both"]),
    ],
)
def test_a_certificate_that_is_missing_or_for_nothing_is_one_line_and_exit_2(
    inside: Inside, args: list[str], words: list[str]
) -> None:
    done = inside("server", *args)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert all(word in done.stderr for word in words)


def test_a_certificate_that_cannot_be_loaded_is_one_line(inside: Inside, tmp_path: Path) -> None:
    done = inside("server", "--listen", "chats://127.0.0.1:0", "--cert", str(tmp_path / "none.pem"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "none.pem" in done.stderr


def test_an_encrypted_address_for_other_machines_says_who_may_come_in(inside: Inside, tmp_path: Path) -> None:
    path = str(new_certificate(tmp_path))
    done = inside("server", "--listen", "chats://0.0.0.0:0", "--cert", path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--accounts" in done.stderr
    assert "--open" in done.stderr
    with chat_server("--cert", path, "--open", listens=("chats://0.0.0.0:0",)) as server:
        assert shown_at(server.port())


def test_a_hangup_loads_the_certificate_again_and_cuts_nobody_off(tmp_path: Path) -> None:
    path = new_certificate(tmp_path)
    args = ("--listen", ENCRYPTED[0], "--cert", str(path))
    with chat_server_in_session(lambda: None, *args) as server:
        port = int(line_of(server.process.stdout).split()[2].rpartition(":")[2])
        before = shown_at(port)
        with connected(port) as old:
            old.sendall(b'{"type":"hello","protocol":1,"nick":"raw"}\n')
            receive_until(old, b"welcome")
            server.says_in_time("messages are kept")
            new_certificate(tmp_path).chmod(0o644)
            server.signal(signal.SIGHUP)
            server.says_in_time("the certificate was loaded again")
            assert f"other users can read or write {path}; to prevent that: chmod" in server.says()
            assert shown_at(port) != before
            old.sendall(b'{"type":"ping","token":"still here"}\n')
            receive_until(old, b"still here")
            path.write_text("not a certificate")
            after = shown_at(port)
            server.signal(signal.SIGHUP)
            server.says_in_time("stays in use")
            assert shown_at(port) == after


def made(folder: Path, *, begins: float = -1.0, ends: float = 1.0, mode: int = 0o600) -> Certificate:
    """Return a certificate of an authority, which begins and ends so many days from now."""
    path, now = folder / "server.pem", datetime.now(UTC)
    path.touch(mode)
    leaf = AUTHORITY.issue_cert(
        "chat.example", not_before=now + timedelta(begins), not_after=now + timedelta(ends)
    )
    leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
    return Certificate.load(path)


def test_what_is_wrong_with_a_certificate_that_can_be_used_is_said(tmp_path: Path) -> None:
    assert list(worries_about(made(tmp_path))) == []
    (expired,) = worries_about(made(tmp_path, begins=-2.0, ends=-1.0))
    assert f"{tmp_path / 'server.pem'} has expired, so clients do not trust it; renew it" in expired
    (early,) = worries_about(made(tmp_path, begins=1.0, ends=2.0))
    assert "is not valid yet; check the clock" in early
    (tmp_path / "server.pem").chmod(0o604)
    (exposed,) = worries_about(made(tmp_path))
    assert f"other users can read or write {tmp_path / 'server.pem'}; to prevent that: chmod" in exposed
    assert list(worries_about(Certificate.auto(tmp_path / "own.pem"))) == []


def test_a_server_says_at_its_start_what_is_wrong_with_its_certificate(tmp_path: Path) -> None:
    path = made(tmp_path, begins=-2.0, ends=-1.0, mode=0o644).cert
    with chat_server("--cert", str(path), listens=ENCRYPTED) as server:
        server.signal(signal.SIGTERM)
        _, errors = server.wait()
    assert f"chat.server: other users can read or write {path}" in errors
    assert f"chat.server: the certificate {path} has expired" in errors
