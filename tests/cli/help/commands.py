"""All commands and groups of ``chat``, as their pages are read."""

from cli.help.page import Page
from cli.help.reading import contexts, page_of

__all__ = ["COMMANDS", "CONTEXTS", "GROUPS", "page"]

CONTEXTS = contexts()
"""What each command and group is asked about with, by what follows ``chat``."""

GROUPS = [path for path, context in CONTEXTS.items() if hasattr(context.command, "commands")]
COMMANDS = [path for path in CONTEXTS if path not in GROUPS]


def page(path: str) -> Page:
    """Return the page of a command or a group."""
    return page_of(CONTEXTS[path])
