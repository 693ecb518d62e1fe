"""``chat transports``, and finding the one that ``chat server --transport`` names.

A transport is a plug-in: other packages may bring their own, and loading one may fail in any way.
"""

from chatcore import UsageError
from chatcore.transport import Transport, find_transports, load_transport
from cli.report import complain
from cli.streams import write_text

__all__ = ["choose", "run"]


def choose(name: str) -> Transport:
    """Return an installed transport.

    Raises `UsageError` that lists the installed ones if there is no such transport, or that says why it
    cannot be loaded.
    """
    found = find_transports()
    if name not in found:
        raise UsageError(f"there is no transport {name!r}; installed: {', '.join(found)}")
    try:
        return load_transport(found[name])
    except Exception as error:  # a plug-in may raise anything
        raise UsageError(f"cannot load the transport {name!r}: {error}") from error


def run() -> None:
    """List the installed transports. One that cannot be loaded is reported on standard error."""
    for name, point in find_transports().items():
        try:
            transport = choose(name)
        except UsageError as error:
            complain(str(error))
        else:
            source = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
            write_text(f"{name:<12} {transport.summary}  [{source}]\n")
