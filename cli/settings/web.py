"""The options for browsers: ``--web-host``, ``--web-origin``, ``--web-node`` and ``--trust-proxy``."""

from collections.abc import Callable, Mapping, Sequence

from chatcore import UsageError
from chatcore.transport import Listen, Site
from cli.door import is_loopback
from transports.web import page_files

__all__ = ["site_for"]


def site_for(
    urls: Sequence[str],
    hosts: Sequence[str],
    origins: Sequence[str],
    proxies: Sequence[str],
    live: Mapping[str, Callable[[], bytes]] | None = None,
    nodes: Sequence[str] = (),
    *,
    insecure: bool = False,
) -> Site | None:
    """Return the site of a server that listens at these addresses, or ``None`` if it has none for browsers.

    The hosts of its addresses are known by these names. ``live`` makes files beside the page. ``nodes`` are
    where the page is served by all nodes of this server; others on the network could read what is sent to
    one that is not encrypted, so ``insecure`` has to say that this is wanted. Raises `UsageError` for an
    invalid option, or for one that is given for nothing.
    """
    listens = [listen for listen in map(Listen.parse, urls) if listen.is_for_browsers]
    if listens:
        names = [*hosts, *(listen.host for listen in listens if ":" not in listen.host)]
        site = Site.of(
            page_files(nodes), live=live, hosts=names, origins=origins, proxies=proxies, nodes=nodes
        )
        _check_schemes(site.nodes, insecure=insecure)
        return site
    options = {"--web-host": hosts, "--web-origin": origins, "--web-node": nodes, "--trust-proxy": proxies}
    if given := next((option for option, values in options.items() if values), None):
        raise UsageError(f"{given} is for browsers; listen for them with --listen http://HOST:PORT")
    return None


def _check_schemes(nodes: Sequence[str], *, insecure: bool) -> None:
    """Raise `UsageError` if a page could not go from one to the other, or would send keys in the clear."""
    schemes = {node.partition("://")[0] for node in nodes}
    if len(schemes) > 1:
        raise UsageError("--web-node needs one scheme for all nodes: that by which people open the page")
    for node in nodes if schemes == {"http"} and not insecure else ():
        host = node.removeprefix("http://").partition(":")[0]
        if not (host == "localhost" or host.endswith(".localhost") or is_loopback(host)):
            raise UsageError(
                f"{node} is not encrypted; give it as https://, or add --insecure if something else "
                "protects it"
            )
