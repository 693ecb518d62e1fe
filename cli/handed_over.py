"""Sockets that something else has bound for a server, as systemd does for a ``.socket`` unit.

- ``LISTEN_FDS`` says how many there are, from descriptor `FIRST` on, and ``LISTEN_PID`` for whom. They are
  taken out of the environment, and the sockets are kept from children.
- A socket serves the ``--listen`` that names the address and the port that it is bound to. So the same
  options are right with and without a ``.socket`` unit, and say what is spoken there.
- What cannot be served is refused before anything is opened. What no ``--listen`` names is closed, and the
  log says so.
"""

import os
import re
import socket
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Self

from chatcore import UsageError
from cli.logs.events import listener_unused

__all__ = ["HandedOver", "numbers_of"]

FIRST = 3
"""The first descriptor that is handed over."""

_ANY, _ANY_IPV4 = "::", "0.0.0.0"


@dataclass(frozen=True, slots=True)
class _Socket:
    """A listening TCP socket. ``both`` says that it is for IPv6 and IPv4."""

    descriptor: int
    name: str
    address: str
    port: int
    both: bool

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}{f' ({self.name})' if self.name else ''}"


_COUNT = re.compile(r"[0-9]{1,5}")
"""A number of descriptors that a process may have."""


class HandedOver:
    """The sockets that nothing has been done with yet."""

    def __init__(self, sockets: Sequence[_Socket] = ()) -> None:
        self._sockets = list(sockets)

    @classmethod
    def from_environment(cls, variables: MutableMapping[str, str] = os.environ) -> Self:
        """Take out of the environment what is for us.

        Raises `UsageError` for what is no TCP socket that listens.
        """
        process, count, names, _ = (
            variables.pop(name, "")
            for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
        )
        if process != str(os.getpid()) or not _COUNT.fullmatch(count):
            return cls()
        named = names.split(":")
        return cls(
            [
                _socket_of(FIRST + number, named[number] if number < len(named) else "")
                for number in range(int(count))
            ]
        )

    def take(self, url: str, addresses: Sequence[str], port: int) -> dict[str, int]:
        """Return the descriptors for a listener, by the address that each is bound to.

        Raises `UsageError` if a socket for both kinds of addresses stands in the way of one for IPv4.
        """
        taken = {}
        for each in [each for each in self._sockets if each.port == port]:
            if each.address in addresses:
                taken[each.address] = each.descriptor
                self._sockets.remove(each)
            elif each.both and _ANY_IPV4 in addresses:
                raise UsageError(_in_the_way(each, url))
        return taken

    def close_rest(self) -> None:
        """Close what was not taken."""
        for each in self._sockets:
            os.close(each.descriptor)
            listener_unused.log(socket=str(each))
        self._sockets.clear()


def numbers_of(address: tuple[object, ...]) -> str:
    """Return the host of a socket's address, with its zone if it has one."""
    host = str(address[0])
    zone = address[3] if len(address) > 3 else 0
    return f"{host}%{zone}" if zone and "%" not in host else host


def _socket_of(descriptor: int, name: str) -> _Socket:
    what = f"the descriptor {descriptor}{f' ({name})' if name else ''} that was handed over"
    try:
        os.set_inheritable(descriptor, False)
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise UsageError(f"{what} is no socket: {error.strerror}") from None
    try:
        if problem := _problem(sock):
            raise UsageError(f"{what} is {problem}")
        address = sock.getsockname()
        return _Socket(descriptor, name, numbers_of(address), address[1], _is_for_both(sock, address[0]))
    finally:
        sock.detach()  # the transport takes it


def _problem(sock: socket.socket) -> str | None:
    """Return what a socket is, unless a transport can accept connections from it."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "no TCP socket; give ListenStream= a port or an address with one, and no path"
    if sock.type != socket.SOCK_STREAM:
        return "no TCP socket; use ListenStream= in its unit"
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "a single connection; use Accept=no in its unit"
    return None


def _is_for_both(sock: socket.socket, host: str) -> bool:
    return host == _ANY and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _in_the_way(each: _Socket, url: str) -> str:
    both = url.replace(_ANY_IPV4, f"[{_ANY}]")
    return (
        f"the socket {each} that was handed over is for IPv4, too, so nothing else can listen on {url}; "
        f"name {both} alone, or set BindIPv6Only=ipv6-only in its unit"
    )
