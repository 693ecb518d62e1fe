"""The door: which listeners a server may have, and what must be given for the others.

Whoever can reach a listener from another machine must find two things there: TLS, so that nobody reads what
is said or takes a key, and accounts, so that only those come in who were invited.

- What counts is the address that a socket is bound to, not its name. It is local only if all its addresses
  are loopback addresses. An address that nobody can read is not local, nor is a listener without one.
- ``--insecure`` stands for TLS, where something else protects what is said: a private network, or a container
  whose ports lead nowhere else. ``--open`` stands for accounts. Each says what it stands for and no more.
- A proxy, and whoever binds a socket and hands it over, make a loopback address reachable from elsewhere. So
  such a listener needs accounts wherever it is bound. TLS is the affair of the one in front.
- A scheme is unencrypted unless it is known to be encrypted.
"""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chatcore import UsageError
from chatcore.transport import Listen
from cli.handed_over import HandedOver, numbers_of

__all__ = ["Listener", "bound_addresses", "cannot_listen", "is_loopback", "let_through", "refusal"]

ENCRYPTED = frozenset({"chats", "plains", "https"})
"""Schemes with TLS."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener that a server is about to have.

    ``addresses`` are those that its sockets are bound to, as numbers. ``proxied`` says that a proxy on this
    machine passes connections on to it, and ``handed_over`` that somebody else has bound its sockets.
    """

    url: str
    addresses: Sequence[str]
    proxied: bool = False
    handed_over: bool = False

    @property
    def encrypted(self) -> bool:
        """Whether what goes through it is encrypted."""
        return self.url.partition("://")[0] in ENCRYPTED

    @property
    def local(self) -> bool:
        """Whether only programs on this machine reach its sockets."""
        return bool(self.addresses) and all(map(is_loopback, self.addresses))


def refusal(listener: Listener, *, accounts: bool, insecure: bool, everybody: bool) -> str | None:
    """Return why a server may not have a listener, and what to do about it; ``None`` if it may.

    ``accounts`` says that people need a key there. ``insecure`` and ``everybody`` are ``--insecure`` and
    ``--open``.
    """
    missing: list[str] = []
    if not (listener.local or listener.encrypted or insecure):
        missing.append(
            f"{listener.url} can be reached from other machines, and is not encrypted; use "
            f"{_encrypted(listener.url)} with --cert, or add --insecure if something else protects it"
        )
    reachable = not listener.local or listener.proxied or listener.handed_over
    if reachable and not (accounts or everybody):
        missing.append(
            f"anyone who can reach {listener.url} could join; add --accounts PATH to let in only those "
            "whom you have invited, or --open to let in everybody"
        )
    return "; also, ".join(missing) or None


def let_through(
    listen: Listen,
    *,
    accounts: bool,
    insecure: bool,
    everybody: bool,
    handed_over: HandedOver | None = None,
    proxied: bool = False,
) -> Listen:
    """Return where to listen, with the addresses that were looked at: a transport looks up nothing again.

    Sockets that were handed over are taken for the addresses that they are bound to. Raises `UsageError` if a
    server may not listen there, and `OSError` if the host has no address.
    """
    addresses = bound_addresses(listen.host, listen.port)
    taken = handed_over.take(str(listen), addresses, listen.port) if handed_over else {}
    at = Listener(str(listen), addresses, proxied=proxied, handed_over=bool(taken))
    why = refusal(at, accounts=accounts, insecure=insecure, everybody=everybody)
    if why is not None:
        raise UsageError(why)
    rest = tuple(address for address in addresses if address not in taken)
    return replace(listen, addresses=rest, descriptors=tuple(taken.values()))


def bound_addresses(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses that a host stands for here, as numbers; raises `OSError` if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return tuple(dict.fromkeys(numbers_of(each[4]) for each in found))


def cannot_listen(where: str, error: OSError) -> OSError:
    """Return an error that says where a server cannot listen, why, and what to do."""
    advice = "choose another address with --listen"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        advice = "raise the limit of open files with ulimit -n"
    return OSError(f"cannot listen on {where}: {error.strerror or error}; {advice}")


def is_loopback(address: str) -> bool:
    """Tell whether an address, as numbers, is one of this machine alone."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _encrypted(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}s://{rest}"
