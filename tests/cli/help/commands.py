"""All commands and groups of ``chat``, as their pages are read."""

from typing import Any

import typer
from typer.main import get_command

from cli.app import app
from cli.help.page import Page
from cli.help.reading import page_of

__all__ = ["COMMANDS", "CONTEXTS", "GROUPS", "page"]


def _contexts() -> dict[str, Any]:
    """Return the context of each command and group, by what follows ``chat``."""
    root: Any = get_command(app)
    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any, Any]] = [("", root, None)]
    for path, command, parent in waiting:
        name = path.split()[-1] if path else "chat"
        context = found[path] = typer.Context(command, parent, name, **command.context_settings)
        children = getattr(command, "commands", {})
        waiting += [(f"{path} {name}".strip(), each, context) for name, each in children.items()]
    return found


CONTEXTS = _contexts()
GROUPS = [path for path, context in CONTEXTS.items() if hasattr(context.command, "commands")]
COMMANDS = [path for path in CONTEXTS if path not in GROUPS]


def page(path: str) -> Page:
    """Return the page of a command or a group."""
    return page_of(CONTEXTS[path])
