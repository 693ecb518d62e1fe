"""``chat journals``: where a server can store messages."""

from chatcore import UsageError
from chatcore.journal import find_journals
from cli.report import complain
from cli.settings.journals import choose
from cli.streams import write_text

__all__ = ["run"]


def run() -> None:
    """List the installed journals. One that cannot be loaded is reported on standard error."""
    for name, point in find_journals().items():
        try:
            kind = choose(name)
        except UsageError as error:
            complain(str(error))
        else:
            source = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
            write_text(f"{name:<12} {kind.summary}  [{source}]\n")
