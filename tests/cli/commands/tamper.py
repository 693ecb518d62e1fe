"""A proxy that does to the lines of one connection what no server may do."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

__all__ = ["Tamper"]

Change = Callable[[list[bytes]], list[bytes]]


class Tamper:
    """Listens on ``port`` and passes everything on to a server and back.

    It collects the first ``count`` messages to the connection with one number, and passes them on as
    ``change`` has changed them. Everything else is passed on unchanged.
    """

    def __init__(self, server: int, connection: int, count: int, change: Change) -> None:
        self._server = server
        self._connection = connection
        self._count = count
        self._change = change
        self._threads: list[threading.Thread] = []
        self._stack = ExitStack()
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def close(self) -> None:
        """Close everything."""
        self._listener.shutdown(socket.SHUT_RDWR)  # which ends an accept that waits
        for thread in self._threads:
            thread.join()
        self._stack.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            for sock in (client, server):
                self._stack.enter_context(sock)
            self._start(self._pass_on, client, server)
            self._start(self._tamper if number == self._connection else self._pass_on, server, client)
            number += 1

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def _tamper(self, source: socket.socket, target: socket.socket) -> None:
        held: list[bytes] = []
        with source.makefile("rb") as lines:
            for line in lines:
                if len(held) < self._count and line.startswith(b'{"type":"message"'):
                    held.append(line)
                    if len(held) == self._count:
                        target.sendall(b"".join(self._change(held)))
                else:
                    target.sendall(line)
        target.shutdown(socket.SHUT_WR)
