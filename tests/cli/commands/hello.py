"""A peer of a server that says hello, and never closes by itself."""

import socket

from tests.cli.processes import ChatServer

__all__ = ["hello", "receive_until"]


def hello(server: ChatServer) -> socket.socket:
    """Return the socket of a peer in the lobby that never closes by itself."""
    sock = socket.create_connection(("127.0.0.1", server.port()), timeout=20)
    sock.sendall(b'{"type":"hello","protocol":1,"nick":"raw"}\n{"type":"join","room":"lobby"}\n')
    receive_until(sock, b'"type":"joined"')
    return sock


def receive_until(sock: socket.socket, mark: bytes) -> bytes:
    """Return what arrives, up to the piece that completes a mark."""
    data = b""
    while mark not in data:
        piece = sock.recv(65536)
        assert piece, f"the stream ended without {mark!r}: {data!r}"
        data += piece
    return data
