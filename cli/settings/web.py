"""The options for browsers: ``--web-host``, ``--web-origin`` and ``--trust-proxy``."""

from collections.abc import Callable, Mapping, Sequence

from chatcore import UsageError
from chatcore.transport import Listen, Site
from transports.web import page_files

__all__ = ["site_for"]


def site_for(
    urls: Sequence[str],
    hosts: Sequence[str],
    origins: Sequence[str],
    proxies: Sequence[str],
    live: Mapping[str, Callable[[], bytes]] | None = None,
) -> Site | None:
    """Return the site of a server that listens at these addresses, or ``None`` if it has none for browsers.

    The hosts of its addresses are known by these names. ``live`` makes files beside the page. Raises
    `UsageError` for an invalid option, or for one that is given for nothing.
    """
    listens = [listen for listen in map(Listen.parse, urls) if listen.is_for_browsers]
    if listens:
        names = [*hosts, *(listen.host for listen in listens if ":" not in listen.host)]
        return Site.of(page_files(), live=live, hosts=names, origins=origins, proxies=proxies)
    options = {"--web-host": hosts, "--web-origin": origins, "--trust-proxy": proxies}
    if given := next((option for option, values in options.items() if values), None):
        raise UsageError(f"{given} is for browsers; listen for them with --listen http://HOST:PORT")
    return None
