"""TLS at the far end of a server, which shares no code with ours, and certificates for both."""

import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme

from chatcore.transport import Host, Listen, Server, Transport
from transports.certificates import Certificate

__all__ = [
    "AUTHORITY",
    "ENCRYPTED",
    "OverTls",
    "TlsSocket",
    "authority_file",
    "certificate",
    "fresh_context",
    "new_certificate",
    "note_scheme",
    "peer_context",
    "trust",
]

SLICE = 16 * 1024
AUTHORITY = trustme.CA()
_FOLDER = TemporaryDirectory()
ENCRYPTED: set[int] = set()
"""The ports at which TLS is spoken."""


def new_certificate(folder: Path, *names: str) -> Path:
    """Write a certificate of our authority and its key into one file, and return its path."""
    path = folder / "server.pem"
    path.touch(0o600)  # else its key could be read by all
    made = AUTHORITY.issue_cert(*(names or ("127.0.0.1", "::1", "localhost")))
    made.private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@cache
def certificate() -> Certificate:
    """Return the certificate that servers under test have."""
    return Certificate.load(new_certificate(Path(_FOLDER.name)))


@cache
def authority_file() -> Path:
    """Return a file with our authority, by which clients know those servers."""
    path = Path(_FOLDER.name) / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path


def trust(url: str) -> dict[str, Any]:
    """Return the options by which a client trusts our authority, if the address is encrypted."""
    return {"ca": authority_file()} if url.startswith("chats://") else {}


@cache
def peer_context() -> ssl.SSLContext:
    """Return a context for peers, which trust our authority, and any server of another process."""
    return fresh_context()


def fresh_context() -> ssl.SSLContext:
    """Return a context of one's own, which trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def note_scheme(scheme: str, port: int) -> None:
    """Note what is spoken at a port from now on."""
    if scheme in ("chats", "plains", "https"):
        ENCRYPTED.add(port)
    else:
        ENCRYPTED.discard(port)


class OverTls:
    """A transport that serves every address encrypted, and under the scheme for that."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.name = f"{transport.name}-tls"
        self.summary = transport.summary
        self.applies_channels = True

    def start(self, hub: Host, listens: Sequence[Listen]) -> Server:
        return self._transport.start(hub, [_encrypted(listen) for listen in listens])


def _encrypted(listen: Listen) -> Listen:
    if listen.channel is not None:
        return listen
    channel = certificate().web_channel if listen.is_for_browsers else certificate().channel
    return replace(listen, scheme=f"{listen.scheme}s", channel=channel)


class TlsSocket(socket.socket):
    """A connected socket that speaks TLS: whatever is sent and received is encrypted below.

    It shakes hands when something is first sent or received. An end without ``close_notify`` is a
    `ConnectionResetError`, unless nothing has come before it. One that is closed ends its stream cleanly, if
    that can be sent now.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, hostname: str | None = None) -> None:
        timeout = sock.gettimeout()
        super().__init__(fileno=sock.detach())
        self.settimeout(timeout)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self._heard = False  # anything of the server
        self._shaken = False
        self._plain = b""  # received and not taken
        self._unsent = b""  # encrypted and not sent
        self._piece = 0  # how much of what is sent that stands for
        self._ended = False  # by the server

    def shake_hands(self) -> None:
        """Shake hands, unless that is done."""
        while not self._shaken:
            try:
                self._tls.do_handshake()
                self._shaken = True
                self._flush()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill(SLICE)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send a piece. After a timeout it goes on with the same piece, so that is to be given again."""
        if flags:
            return super().send(data, flags)
        self.shake_hands()
        if not self._unsent:
            self._piece = self._tls.write(bytes(data[:SLICE]))
        self._flush()
        return self._piece

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.shake_hands()
        while data:
            data = data[self.send(data) :]

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.shake_hands()
        while not self._has_news():
            self._fill(size)
        found = self._plain[:size]
        if not flags & socket.MSG_PEEK:
            self._plain = self._plain[size:]
        return found

    def shutdown(self, how: int) -> None:
        """End the stream cleanly, if only that direction ends."""
        if how == socket.SHUT_WR:
            self.shake_hands()
            self.say_end()
        super().shutdown(how)

    def say_end(self) -> None:
        """Send ``close_notify``, and leave the stream below as it is."""
        self._decrypt()
        with contextlib.suppress(ssl.SSLWantReadError):  # the server has not ended its side
            self._tls.unwrap()
        self._flush()

    def cut(self) -> None:
        """End the stream below without the end of TLS."""
        super().shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._shaken and self.fileno() >= 0:
            self.settimeout(0)
            with contextlib.suppress(OSError):  # the server is gone, or takes nothing
                self.say_end()
        super().close()

    def abandon(self) -> None:
        """Say nothing more, also not when it is closed."""
        self._shaken = False

    def _flush(self) -> None:
        self._unsent += self._outgoing.read()
        while self._unsent:
            self._unsent = self._unsent[super().send(self._unsent) :]

    def _fill(self, size: int) -> None:
        data = super().recv(size)
        if not data and not self._heard:
            self._shaken = self._ended = True
        elif not data:
            raise ConnectionResetError("the stream was cut: there was no close_notify")
        self._heard = self._heard or bool(data)
        self._incoming.write(data)

    def _has_news(self) -> bool:
        self._decrypt()
        return bool(self._plain) or self._ended

    def _decrypt(self) -> None:
        try:
            while not self._ended:
                data = self._tls.read(SLICE)
                self._plain += data
                self._ended = not data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended = True
