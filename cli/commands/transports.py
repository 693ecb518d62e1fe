"""``chat transports``, and finding the one that somebody asked for."""

import typer

from chatcore.errors import UsageError
from chatcore.transport import Transport, find_transports, load_transport
from cli.report import complain

__all__ = ["choose", "run"]


def choose(name: str) -> Transport:
    """Return an installed transport; raises `UsageError` that names those there are."""
    found = find_transports()
    if name not in found:
        raise UsageError(f"there is no transport {name!r}; installed are {', '.join(found)}")
    try:
        return load_transport(found[name])
    except Exception as error:  # a plug-in may raise anything
        raise UsageError(f"the transport {name!r} cannot be used: {error}") from error


def run() -> None:
    """List what is installed; what cannot be used is named on standard error."""
    for name, point in find_transports().items():
        try:
            transport = choose(name)
        except UsageError as error:
            complain(str(error))
        else:
            source = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
            typer.echo(f"{name:<12} {transport.summary}  [{source}]")
