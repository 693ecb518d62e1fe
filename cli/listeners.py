"""The listeners of a server, looked up and let through by the door before anything is opened.

What somebody has asked for is served, or the server does not start. A listener that nobody has asked for is
left out where its port is taken.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chatcore.transport import Listen, Site
from cli.door import cannot_listen, let_through
from cli.handed_over import HandedOver
from cli.ports import why_not_free
from transports.certificates import Certificate
from transports.listening import listen_at

__all__ = ["Entrance", "LeftOut", "open_listeners", "why_not"]


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the door has to know: see `cli.door`. ``proxied`` is for the listeners of browsers."""

    accounts: bool
    insecure: bool
    everybody: bool
    proxied: bool
    handed_over: HandedOver


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A listener that a server starts without, and why."""

    url: str
    error: OSError


def open_listeners(
    urls: Sequence[str],
    certificate: Certificate | None,
    site: Site | None,
    entrance: Entrance,
    extra: Collection[str] = (),
) -> tuple[Sequence[Listen], Sequence[LeftOut]]:
    """Return where to listen, and which of the URLs in ``extra`` are left out.

    Raises `UsageError` for a listener that the door refuses, and `OSError` for one whose host has no address.
    """
    listens: list[Listen] = []
    left_out: list[LeftOut] = []
    for url in urls:
        listen = _let_through(listen_at(url, certificate, site), entrance)
        error = why_not(listen) if url in extra else None
        if error is None:
            listens.append(listen)
        else:
            left_out.append(LeftOut(str(listen), error))
    return listens, left_out


def _let_through(listen: Listen, entrance: Entrance) -> Listen:
    try:
        return let_through(
            listen,
            accounts=entrance.accounts,
            insecure=entrance.insecure,
            everybody=entrance.everybody,
            handed_over=entrance.handed_over,
            proxied=listen.is_for_browsers and entrance.proxied,
        )
    except OSError as error:
        raise cannot_listen(str(listen), error) from error


def why_not(listen: Listen) -> OSError | None:
    """Return why it cannot listen at any of its addresses; ``None`` if it can."""
    if listen.descriptors:
        return None
    errors = [why_not_free(address, listen.port) for address in listen.addresses]
    return errors[0] if errors and None not in errors else None
