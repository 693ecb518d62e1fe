"""A server's certificate: loaded, loaded again when its files change, and made where there is none."""

import hashlib
import logging
import os
import shutil
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from chatcore import UsageError
from tests.transports.servers import Clock
from tests.transports.tls import AUTHORITY, new_certificate
from transports import certificates
from transports.certificates import Certificate, certificate_pin, parse_pin
from transports.tls import Tls, client_context

KEY_PASSWORD = "not for a server"


def _write(folder: Path, made: trustme.LeafCert) -> tuple[Path, Path]:
    """Write a certificate and its key into two files, as most tools do."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    made.cert_chain_pems[0].write_to_path(str(cert))
    made.private_key_pem.write_to_path(str(key))
    return cert, key


def _shown_by(certificate: Certificate) -> str | None:
    """Return the pin of the certificate that a client is shown."""
    client, server = Tls(client_context(pinned=True)), certificate.channel()
    client.receive(server.receive(client.output()) + server.output())
    return client.peer_pin


# --- loading -------------------------------------------------------------------------------------


def test_a_certificate_and_its_key_are_in_two_files_or_in_one(tmp_path: Path) -> None:
    cert, key = _write(tmp_path, AUTHORITY.issue_cert("chat.example"))
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    two, one = Certificate.load(cert, str(key)), Certificate.load(str(both))
    assert two.pin == one.pin == _shown_by(two) == _shown_by(one)
    assert two.pin == certificate_pin(ssl.PEM_cert_to_DER_cert(cert.read_text()))
    assert str(both) in repr(one)
    assert one.fingerprint in repr(one)


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        ("missing.pem", None, "cannot read the certificate .*missing.pem: No such file"),
        ("cert.pem", "missing.pem", "cannot read the key .*missing.pem: No such file"),
        ("cert.pem", None, "from .*cert.pem; name the key's file"),
        ("key.pem", None, "key.pem has no certificate"),
        ("cert.pem", "other.pem", "the key .*other.pem belongs to another certificate"),
        ("cert.pem", "locked.pem", "the key .*locked.pem is encrypted"),
        ("cert.pem", "text.pem", "cannot load the certificate .*cert.pem with the key .*text.pem"),
        ("text.pem", "key.pem", "text.pem has no certificate"),
        ("torn.pem", "key.pem", "torn.pem has no certificate"),
    ],
)
def test_files_that_cannot_be_loaded_are_an_os_error_that_says_why(
    tmp_path: Path, cert: str, key: str | None, words: str
) -> None:
    _write(tmp_path, AUTHORITY.issue_cert("chat.example"))
    (tmp_path / "torn.pem").write_bytes((tmp_path / "cert.pem").read_bytes()[:200])
    (tmp_path / "text.pem").write_text("this is not what it seems")
    AUTHORITY.issue_cert("other.example").private_key_pem.write_to_path(str(tmp_path / "other.pem"))
    _lock(tmp_path / "key.pem", tmp_path / "locked.pem")
    with pytest.raises(OSError, match=words):
        Certificate.load(tmp_path / cert, None if key is None else tmp_path / key)


def _lock(key: Path, locked: Path) -> None:
    """Write a key again, with a password."""
    from cryptography.hazmat.primitives import serialization

    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    password = serialization.BestAvailableEncryption(KEY_PASSWORD.encode())
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked.write_bytes(loaded.private_bytes(pem, form, password))


# --- loading again -------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    """The time by which a certificate looks at its files."""
    return Clock()


def _look(certificate: Certificate, clock: Clock) -> str | None:
    """Let time pass until the files are looked at again; return what a new connection is shown."""
    clock.advance(certificates.LOOK_SECONDS)
    return _shown_by(certificate)


@pytest.mark.logs("certificate.reloaded")
def test_files_that_have_changed_are_loaded_for_connections_to_come(tmp_path: Path, clock: Clock) -> None:
    certificate = Certificate(new_certificate(tmp_path), clock=clock)
    before = certificate.pin
    changed = [certificate.changed]
    new_certificate(tmp_path)
    changed.append(certificate.changed)
    assert _shown_by(certificate) == before  # it is too soon to look
    assert _look(certificate, clock) == before  # they may be about to change further
    assert _look(certificate, clock) == certificate.pin != before
    assert [*changed, certificate.changed] == [False, True, False]


def test_a_certificate_that_comes_before_its_key_is_waited_for(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(*_write(tmp_path, AUTHORITY.issue_cert("a.example")), clock=clock)
    before, key = certificate.pin, certificate.key.read_bytes()
    new_key = _write(tmp_path, AUTHORITY.issue_cert("b.example"))[1].read_bytes()
    certificate.key.write_bytes(key)
    assert _look(certificate, clock) == before
    certificate.key.write_bytes(new_key)
    assert _look(certificate, clock) == before
    assert not caplog.messages
    with caplog.at_level(logging.INFO):
        assert _look(certificate, clock) == certificate.pin != before
    assert caplog.messages == [
        f"the certificate was loaded again; its fingerprint is {certificate.fingerprint}"
    ]


@pytest.mark.logs("certificate.kept")
def test_a_broken_new_certificate_leaves_the_old_one_and_is_logged_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(new_certificate(tmp_path), clock=clock)
    before, good = certificate.pin, certificate.cert.read_bytes()
    certificate.cert.write_text("nothing of the kind")
    assert {_look(certificate, clock) for _ in range(5)} == {before}
    assert caplog.messages == [
        f"the certificate that was loaded before stays in use: {certificate.cert} has no certificate in PEM"
    ]
    certificate.cert.write_bytes(good)
    _look(certificate, clock)
    assert _look(certificate, clock) == before
    assert not certificate.changed


def test_files_are_loaded_again_at_once_on_request(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(new_certificate(tmp_path), clock=clock)
    before = certificate.pin
    new_certificate(tmp_path)
    assert certificate.reload()
    assert _shown_by(certificate) == certificate.pin != before
    certificate.cert.unlink()
    caplog.clear()
    assert not certificate.reload()
    assert not certificate.reload()
    assert len(caplog.messages) == 2  # a question is answered each time
    assert _shown_by(certificate) == certificate.pin


def test_whoever_wants_to_know_is_called_each_time_after_the_files_were_loaded(
    tmp_path: Path, clock: Clock
) -> None:
    certificate = Certificate(new_certificate(tmp_path), clock=clock)
    pins = [certificate.pin]
    certificate.when_loaded(lambda: pins.append(certificate.pin))
    new_certificate(tmp_path)
    certificate.reload()
    new_certificate(tmp_path)
    _look(certificate, clock)
    _look(certificate, clock)
    assert len(set(pins)) == 3
    assert pins[-1] == certificate.pin


# --- making one ----------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_a_made_certificate_can_be_read_by_its_owner_alone(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "above" / "new" / "server.pem"
    before = os.umask(mask)
    try:
        certificate = Certificate.auto(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path.parent.parent)] == [0o700] * 2
    assert list(path.parent.iterdir()) == [path]
    assert _shown_by(certificate) == certificate.pin


def test_a_certificate_that_was_made_before_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    assert Certificate.auto(path).pin == Certificate.auto(path).pin


def test_of_two_servers_that_make_one_both_use_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, pins = tmp_path / "server.pem", []
    making = certificates._new_certificate

    def make_slowly(path: Path) -> bytes:
        monkeypatch.undo()
        pins.append(Certificate.auto(path).pin)  # the other server, meanwhile
        return making(path)

    monkeypatch.setattr(certificates, "_new_certificate", make_slowly)
    assert [Certificate.auto(path).pin] == pins


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_in_a_made_certificate_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "server.pem"
    Certificate.auto(path)
    path.chmod(mode)
    with pytest.raises(OSError, match="others can read the key"):
        Certificate.auto(path)


def test_a_client_may_trust_a_made_certificate_as_its_own_authority(tmp_path: Path) -> None:
    path = tmp_path / "server.pem"
    Certificate.auto(path)
    assert client_context(ca=path).cert_store_stats()["x509_ca"] == 1


def test_without_the_extra_the_error_names_a_command_that_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it's here.pem"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "cryptography", None)
        with pytest.raises(UsageError, match=r"chatcore\[tls\].* openssl req") as refused:
            Certificate.auto(path)
    command = str(refused.value).partition("make it yourself: ")[2]
    assert not list(tmp_path.iterdir())
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    certificate = Certificate.auto(path)
    assert _shown_by(certificate) == certificate.pin


# --- pins ----------------------------------------------------------------------------------------


def test_a_pin_is_read_with_and_without_its_prefix() -> None:
    pin = certificate_pin(b"a certificate")
    assert len(pin) == 43
    assert parse_pin(pin) == parse_pin(f"sha256:{pin}") == pin


def test_a_pin_is_read_as_other_tools_show_it() -> None:
    der = b"a certificate"
    digits = hashlib.sha256(der).hexdigest()
    pairs = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    for text in (digits, digits.upper(), pairs, f"SHA256:{pairs}", f"sha256 Fingerprint={pairs}"):
        assert parse_pin(text) == certificate_pin(der)


HALF_HEX = ["a" * 63, "ab:" * 32, "ab:" * 30 + "ab"]


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "a" * 42, "a" * 44, "a" * 42 + "b", "sha1:" + "a" * 43, "é" * 43, *HALF_HEX],
)
def test_what_is_no_pin_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is not the pin of a certificate"):
        parse_pin(text)
