"""The certificate of a server: loading it, loading it again when its files change, and making one.

- A `Certificate` is used by any number of servers, from any thread: `Certificate.channel` makes their
  channels.
- It looks at its files when a connection comes, but at most once every `LOOK_SECONDS`. Files that differ from
  those loaded, and not from those of the look before, are loaded: one may be replaced after the other.
- What is loaded goes into a new context, for connections to come. Those that are there keep theirs.
- If that fails, the old one stays, and the failure is logged, once for each change. It is tried again.
- `Certificate.auto` writes one file with the key and the certificate, which only its owner can read, from its
  creation on. The file is there as a whole or not at all. What is there already is used.
"""

import contextlib
import os
import shlex
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from chatcore.errors import UsageError
from chatcore.private import make_directories, worries
from transports.log_events import certificate_kept, certificate_reloaded
from transports.pins import certificate_pin, parse_pin
from transports.tls import PROTOCOL, WEB_PROTOCOL, Tls, server_context

__all__ = ["Certificate", "certificate_pin", "parse_pin"]

LOOK_SECONDS = 1.0
"""How long the files are not looked at again."""

YEARS = 10
"""How long a certificate is valid that is made here. Clients know it by its pin, so it is never renewed."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_Version = tuple[tuple[int, int, int], ...]  # of the files: the inode, the time and the size of each


class Certificate:
    """A server's certificate and its key, from files in PEM. Thread-safe.

    `load` returns one. ``pin`` and ``fingerprint`` are of what is loaded now, and can be shown to anybody.
    """

    def __init__(
        self, cert: str | Path, key: str | Path | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.cert = Path(cert)
        self.key = self.cert if key is None else Path(key)
        self._clock = clock
        self._lock = threading.Lock()  # of whoever looks at the files
        self._counting = threading.Lock()
        self._failures = 0
        self._look_at = clock() + LOOK_SECONDS
        self._seen = self._loaded = self._version()
        self._failed: _Version | None = None
        self._when_loaded: Callable[[], None] = lambda: None
        self._contexts, self.pin = _load(self.cert, self.key)

    @classmethod
    def load(cls, cert: str | Path, key: str | Path | None = None) -> Self:
        """Load a certificate, with those between it and an authority after it, and its key.

        Without ``key`` both are in one file. Raises `OSError` that says what is wrong with them.
        """
        return cls(cert, key)

    @classmethod
    def auto(cls, path: str | Path) -> Self:
        """Load a self-made certificate from one file; make it if there is none."""
        path = Path(path)
        if not path.exists():
            _make_certificate(path)
        _require_private(path)
        return cls(path)

    def __repr__(self) -> str:
        return f"<Certificate {self.cert} {self.fingerprint}>"

    @property
    def fingerprint(self) -> str:
        """The pin as it is shown: ``sha256:`` and 43 characters."""
        return f"sha256:{self.pin}"

    def channel(self) -> Tls:
        """Return the server's side of TLS for a connection that has just come. Never raises for the files."""
        return self._channel(PROTOCOL)

    def web_channel(self) -> Tls:
        """Return the same for a connection of a browser."""
        return self._channel(WEB_PROTOCOL)

    def _channel(self, protocol: str) -> Tls:
        if self._clock() >= self._look_at and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return Tls(self._contexts[protocol], on_failure=self._note_failure)

    @property
    def failures(self) -> int:
        """How many connections have failed before TLS began, since it was loaded first."""
        return self._failures

    def _note_failure(self) -> None:
        with self._counting:
            self._failures += 1

    def worries(self) -> list[str]:
        """Return in words what other users can do with the key, because of modes; usually nothing."""
        return list(worries(self.key.parent, [self.key]))

    def when_loaded(self, call: Callable[[], None]) -> None:
        """Have something called each time the files were loaded again, from any thread; it MUST NOT wait."""
        self._when_loaded = call

    @property
    def changed(self) -> bool:
        """Whether the files are others than those that were loaded last."""
        return self._version() != self._loaded

    def reload(self) -> bool:
        """Load the files again now, whether or not they have changed; return whether that has worked.

        If not, the old certificate stays, and what is wrong is logged.
        """
        with self._lock:
            return self._reload(self._version())

    def _look(self) -> None:
        self._look_at = self._clock() + LOOK_SECONDS
        version, before = self._version(), self._seen
        self._seen = version
        if version == before != self._loaded:
            self._reload(version, again=version == self._failed)

    def _reload(self, version: _Version, *, again: bool = False) -> bool:
        try:
            contexts, pin = _load(self.cert, self.key)
        except OSError as error:
            self._failed = version
            if not again:
                certificate_kept.log(error=str(error))
            return False
        self._contexts, self.pin, self._loaded = contexts, pin, version
        certificate_reloaded.log(fingerprint=self.fingerprint)
        self._when_loaded()
        return True

    def _version(self) -> _Version:
        return tuple(_version_of(path) for path in (self.cert, self.key))


def _version_of(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


# --- loading -------------------------------------------------------------------------------------


class _NeedsPassword(Exception):
    """The key is encrypted."""


def _load(cert: Path, key: Path) -> tuple[dict[str, ssl.SSLContext], str]:
    """Return contexts with a certificate, by protocol, and its pin; raises `OSError`."""
    pin = certificate_pin(_first_certificate(cert))
    return {protocol: _context(protocol, cert, key) for protocol in (PROTOCOL, WEB_PROTOCOL)}, pin


def _context(protocol: str, cert: Path, key: Path) -> ssl.SSLContext:
    context = server_context(protocol)
    try:
        context.load_cert_chain(cert, key, _refuse_to_ask)
    except _NeedsPassword:
        raise OSError(f"the key {key} is encrypted; a server needs one that it can read by itself") from None
    except ssl.SSLError as error:
        raise OSError(f"{_what_is_wrong(error, cert, key)} ({error.reason or error})") from None
    except OSError as error:
        raise OSError(error.errno, f"cannot read the key {key}: {error.strerror}") from None
    return context


def _refuse_to_ask() -> str:
    raise _NeedsPassword  # else OpenSSL would ask whoever sits at the terminal


def _what_is_wrong(error: ssl.SSLError, cert: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {key} belongs to another certificate than {cert}"
    if cert == key:
        return f"cannot load a certificate and its key from {cert}; name the key's file if it has its own"
    return f"cannot load the certificate {cert} with the key {key}"


def _first_certificate(path: Path) -> bytes:
    """Return the first certificate of a file in DER, which is the server's own."""
    try:
        text = path.read_text("ascii", "replace")
    except OSError as error:
        raise OSError(error.errno, f"cannot read the certificate {path}: {error.strerror}") from None
    begin = text.find(_BEGIN)
    end = text.find(_END, begin)
    try:
        if begin < 0 or end < 0:
            raise ValueError
        return ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)])
    except ValueError:
        raise OSError(f"{path} has no certificate in PEM") from None


# --- making one ----------------------------------------------------------------------------------


def _make_certificate(path: Path) -> None:
    """Make a self-signed certificate and its key, both in one file, unless that is there already.

    Raises `UsageError` that says what to do if the extra ``tls`` is not installed, and `OSError`.
    """
    make_directories(path.parent)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    data = _new_certificate(path)
    try:
        with open(new, "xb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another server was faster, and has shown its pin
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def _openssl_command(path: Path) -> str:
    """Return the command that makes the same file without the extra."""
    return (
        "(umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=chat "
        f"-days {365 * YEARS} -keyout - -out - >{shlex.quote(str(path))})"
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _require_private(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise OSError(f"others can read the key in {path}; remove it, so that a new one is made")


def _new_certificate(path: Path) -> bytes:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise UsageError(
            "to make a certificate, chatcore needs its extra 'tls': pip install 'chatcore[tls]'; "
            f"or make it yourself: {_openssl_command(path)}"
        ) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chat")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)
