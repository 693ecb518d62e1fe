"""A server over TLS that a client may not trust. It keeps what it gets: as it came, and decrypted."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

from tests.transports.peers import DEADLINE

__all__ = ["Impostor", "handshake_records", "server_context"]

_ALERT, _HANDSHAKE = 21, 22


def server_context(pem: str, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    """Return a context with the certificate and the key of a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.maximum_version = newest
    return context


def handshake_records(data: bytes) -> list[int]:
    """Return the types of the records that a stream of TLS begins with, cut ones included."""
    types = []
    while data:
        types.append(data[0])
        data = data[5 + int.from_bytes(data[3:5], "big") :]
    return types


class Impostor:
    """Shakes hands with one client after another, reads a line from each, and hangs up.

    ``raw`` is what all of them sent, and ``plain`` what that says. Without a context it is read as it is, and
    answered by ``words``. A context manager.
    """

    def __init__(self, context: ssl.SSLContext | None, words: bytes = b"") -> None:
        self.raw = b""
        self.plain = b""
        self._context = context
        self._words = words
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, name="test-impostor", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more clients, and end with the one that is there. Idempotent."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self._listener.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        serve: Callable[[socket.socket], None] = self._serve_tls if self._context else self._serve_plain
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with sock, contextlib.suppress(OSError):
                    sock.settimeout(DEADLINE)
                    serve(sock)

    def _serve_plain(self, sock: socket.socket) -> None:
        sock.sendall(self._words)
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(65536):
            self.raw += data
            self.plain += data

    def _serve_tls(self, sock: socket.socket) -> None:
        assert self._context is not None
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        calls: list[Callable[[], object]] = [tls.do_handshake, lambda: self._read(tls)]
        while calls:
            try:
                calls[0]()
                del calls[0]
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                data = sock.recv(65536)
                self.raw += data
                incoming.write(data) if data else incoming.write_eof()
            except ssl.SSLError:
                sock.sendall(outgoing.read())
                return

    def _read(self, tls: ssl.SSLObject) -> None:
        while not self.plain.endswith(b"\n"):
            data = tls.read(65536)
            self.plain += data
            if not data:
                return
