"""TLS without I/O: bytes in, bytes out, on either side of a connection.

`Tls` is the `chatcore.transport.Channel` of all our servers and clients. Neither asyncio's own TLS nor
``ssl.SSLSocket`` would do: with the one a half-closed stream and back-pressure are lost, and the other must
not be used by two threads.

- One lock for each connection guards all of OpenSSL, and is held during no system call.
- What `Tls.receive` has to say (the handshake, an alert) stays in the outgoing buffer. One thread takes from
  that, the one that writes, so records leave in their order.
- The two directions end by themselves. A stream that ends without ``close_notify`` is a broken connection:
  whoever is on the way can cut it, but cannot fake a goodbye.
- What is to be sent before the handshake is over waits, and so does our end. What is received before that is
  never anything for the session.
- Buffers of OpenSSL never shrink. They are filled and emptied in slices, so that an idle connection is small.
- What a peer can make this hold is bounded: OpenSSL bounds records and messages of the handshake, and `MOST`
  whatever it answers by itself. So is the work that no allowance for lines pays for: after the handshake,
  what contains nothing for the session (new keys, empty records) is taken up to `MOST`, and what a record
  holds makes up for some of that; see `_worth`.

A server gets its channels from `transports.certificates.Certificate.channel`. A client::

    context = client_context(ca=..., pinned=pin is not None)   # once, for all its connections
    tls = Tls(context, hostname=host, pin=pin)                 # for each connection
    sock.send(tls.output())                                    # the handshake begins with our side
    ...
    plaintext = tls.receive(sock.recv(65536))                  # for the session
    sock.send(tls.output())                                    # if tls.pending
    sock.send(tls.send(session.data_to_send()))                # before or after it is ready
    sock.send(tls.end()); sock.shutdown(SHUT_WR)               # a goodbye, once tls.finished

After each `Tls.receive` a client looks at ``error``. It is an `OSError`: of ``ssl`` if the server could not
be verified, and then `Tls.peer_pin` is the pin of the certificate that was refused. With a pin, nothing but
the ``ClientHello`` has left the client by then. ``transports.asyncio_tcp.secured`` does all this for a
protocol of asyncio.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from chatcore.transport import Channel
from transports.pins import certificate_pin

__all__ = ["PROTOCOL", "SLICE", "WEB_PROTOCOL", "Tls", "client_context", "server_context"]

PROTOCOL = "chat/1"
"""What both sides offer by ALPN. Nobody requires it."""

WEB_PROTOCOL = "http/1.1"
"""What a server offers to browsers."""

SLICE = 16 * 1024
"""Bytes that OpenSSL is given or asked for at a time: what one record holds at most."""

MOST = 64 * 1024
"""Bytes that may wait to be written for reasons of TLS's own: more is a peer that asks and does not read. And
bytes that may come with nothing in them for the session."""

SPARE = 1024
"""Bytes around what a record holds, such as padding (RFC 8446, 5.4), that are no cause for concern: so many
at most, and fewer where it holds hardly anything."""


def server_context(protocol: str = PROTOCOL) -> ssl.SSLContext:
    """Return a context for servers, into which a certificate is to be loaded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a full handshake costs a quarter of a millisecond
    return _set_up(context, protocol)


def client_context(*, ca: str | Path | None = None, pinned: bool = False) -> ssl.SSLContext:
    """Return a context for clients, which verifies by the authorities of the system.

    With ``ca``, a file or a directory, by those alone; raises `OSError` if there is none in it. With
    ``pinned`` it verifies nothing: then every `Tls` MUST be given a pin.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is None:
        context.load_default_certs()
    else:
        _load_authorities(context, Path(ca))
    return _set_up(context, PROTOCOL)


def _load_authorities(context: ssl.SSLContext, ca: Path) -> None:
    try:
        if ca.is_dir():
            context.load_verify_locations(capath=ca)
        else:
            context.load_verify_locations(cafile=ca)
    except ssl.SSLError as error:
        raise OSError(f"{ca} has no certificate of an authority ({error.reason or error})") from error
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(ca)) from None


def _set_up(context: ssl.SSLContext, protocol: str) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([protocol])
    return context


class Tls:
    """One side of one connection; that of the server if the context is one for servers.

    ``hostname`` is what a client verifies the certificate against. With ``pin``, as `certificate_pin` returns
    them, it compares that instead, before anything of its session is sent. ``on_failure`` is called when the
    handshake has failed; it MUST NOT wait.
    """

    __slots__ = (
        "_ending",
        "_incoming",
        "_lock",
        "_on_failure",
        "_outgoing",
        "_pin",
        "_ssl",
        "_surplus",
        "_waiting",
        "ended",
        "error",
        "finished",
        "ready",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        hostname: str | None = None,
        pin: str | None = None,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self.ready = False
        self.ended = False
        self.finished = False
        self.error: OSError | None = None
        self._ending = False
        self._on_failure = on_failure
        self._pin = pin
        self._surplus = 0  # bytes since the handshake that had nothing for the session
        self._waiting: tuple[bytes, ...] = ()
        self._lock = threading.Lock()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        serves = context.protocol is ssl.PROTOCOL_TLS_SERVER
        name = None if hostname is None else _server_name(hostname)
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, serves, name)
        if not serves:
            self._advance([])

    def __repr__(self) -> str:
        return f"<Tls ready={self.ready} ended={self.ended} finished={self.finished} error={self.error!r}>"

    # --- for whoever reads -----------------------------------------------------------------------

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the socket; return what they contain for the session. Never raises."""
        parts: list[bytes] = []
        with self._lock:
            was_ready = self.ready
            for piece in _slices(data):
                if self.ended or self.error is not None:
                    break
                self._incoming.write(piece)
                self._advance(parts)
            if self._outgoing.pending > MOST:
                self._fail(ConnectionAbortedError("the peer asks for more than it reads"))
            if was_ready and not self.ended and self.error is None:
                self._count(len(data), parts)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def receive_eof(self) -> None:
        """Take the end of the socket's stream, which breaks the connection unless the peer has said so."""
        with self._lock:
            if not self.ended and self.error is None:
                when = "amid the conversation" if self.ready else "in the handshake"
                self._fail(ConnectionResetError(f"the stream ended without the end of TLS, {when}"))

    @property
    def pending(self) -> bool:
        """Whether `output` has something."""
        with self._lock:
            return self._outgoing.pending > 0

    @property
    def peer_pin(self) -> str | None:
        """The pin of the peer's certificate, also of one that was refused; ``None`` if it has shown none."""
        with self._lock:
            certificate = _certificate_of(self._ssl)
        return None if certificate is None else certificate_pin(certificate)

    # --- for whoever writes ----------------------------------------------------------------------

    def send(self, data: bytes) -> bytes:
        """Take bytes from the session; return what is to be written now. Never raises.

        Nothing is returned, and nothing is sent, once our side has ended or the connection is broken.
        """
        with self._lock:
            if self.ready and not self._ending and self.error is None:
                return self._encrypt(data)
            if data and not self._ending and self.error is None:
                self._waiting += (data,)
            return self._outgoing.read()

    def output(self) -> bytes:
        """Return what is to be written for reasons of TLS's own: the handshake, what it held up, an alert."""
        with self._lock:
            return self._outgoing.read()

    def end(self) -> bytes:
        """End our side, after the handshake if that is not over; return what is to be written now."""
        with self._lock:
            self._ending = True
            self._finish()
            return self._outgoing.read()

    # --- under the lock --------------------------------------------------------------------------

    def _advance(self, parts: list[bytes]) -> None:
        """Shake hands, then read whatever is whole."""
        incoming, connection = self._incoming, self._ssl
        try:
            if not self.ready:
                self._shake_hands()
            while incoming.pending or connection.pending():
                part = connection.read(SLICE)
                if not part:
                    self.ended = True
                    return
                parts.append(part)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # the peer has ended its side, and we ours
            self.ended = True
        except OSError as error:
            self._fail(error)

    def _count(self, received: int, parts: list[bytes]) -> None:
        self._surplus = max(self._surplus + received - sum(map(_worth, parts)), 0)
        if self._surplus > MOST:
            self._fail(ConnectionAbortedError("the peer sends much, and nothing in it"))

    def _shake_hands(self) -> None:
        """Go on with the handshake; raises `ssl.SSLWantReadError` until it is over."""
        self._ssl.do_handshake()
        if self._pin is not None and self._pin != certificate_pin(self._ssl.getpeercert(True) or b""):
            self._outgoing.read()  # not even the end of the handshake is for this server
            raise ssl.SSLCertVerificationError("the certificate of the server is not the pinned one")
        self.ready = True
        for data in self._waiting:
            for piece in _slices(data):
                self._ssl.write(piece)
        self._waiting = ()
        if self._ending:
            self._finish()

    def _encrypt(self, data: bytes) -> bytes:
        try:
            if len(data) <= SLICE:
                if data:
                    self._ssl.write(data)
                return self._outgoing.read()
            parts = []
            for piece in _slices(data):
                self._ssl.write(piece)
                parts.append(self._outgoing.read())
            return b"".join(parts)
        except OSError as error:
            self._fail(error)
            return b""

    def _finish(self) -> None:
        if self.ready and not self.finished and self.error is None:
            self.finished = True
            try:
                self._ssl.unwrap()
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                pass  # the peer has not ended its side yet, and need not
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self._on_failure is not None and not self.ready:
            self._on_failure()
        self.error = error
        self._waiting = ()


def _worth(part: bytes) -> int:
    """Return how many bytes a record with ``part`` in it may take. One byte pays for one new key."""
    return len(part) + min(48 + 16 * len(part), SPARE)


def _slices(data: bytes) -> Iterator[bytes | memoryview]:
    if len(data) <= SLICE:
        yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), SLICE):
        yield view[start : start + SLICE]


def _server_name(host: str) -> str:
    """Return a host as certificates name it: without the dot of a whole name, or the zone of an address."""
    return host.partition("%")[0].removesuffix(".")


def _certificate_of(connection: ssl.SSLObject) -> bytes | None:
    """Return the certificate that a peer has shown, if it has, whether or not it was verified."""
    try:
        return connection.getpeercert(True)
    except ValueError:  # the handshake is not over, and may never be
        pass
    # Public from Python 3.13 on only, and there in the versions before.
    chain = getattr(connection, "get_unverified_chain", None)
    if chain is not None:
        return next(iter(chain()), None)
    shown = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # not in typeshed
    return shown[0].public_bytes(_DER) if shown else None


_DER = 2  # what `_ssl` calls ENCODING_DER

_: type[Channel] = Tls
