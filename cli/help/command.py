"""The classes of commands and of groups of commands: their help is ours, and a usage error is one line.

Every run loads this, so it loads what makes a page only when somebody asks for one.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from cli.report import USAGE, complain
from cli.streams import columns_of, write_text

__all__ = ["Command", "Group"]

COLUMNS = 80
"""The width of a page in a pipe or a file, unless ``COLUMNS`` says otherwise."""

_Misuse = cast("type[Exception]", typer.BadParameter.__bases__[0])  # which typer gives no name of its own
_OUR_WORDS = (
    (r"Input should be (.+?)(, unable to parse .*)?$", r"must be \1"),
    (r"(?s)Got unexpected extra argument.*", "too many arguments"),
    (r" \(Possible options: (.+)\)$", r"; did you mean \1?"),
    (r"\. Did you mean ", "; did you mean "),
)
"""What the libraries say that read the command line, and what we say. An argument may be a link, a secret."""


class Command(TyperCommand):
    """A command."""

    def get_help(self, ctx: Any) -> str:
        """Return the page for whoever asks."""
        return _page(ctx)

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the command line."""
        with _explaining(f"{parent.command_path} {info_name}" if parent else info_name):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with _explaining(ctx.command_path):
            return super().invoke(ctx)


class Group(TyperGroup):
    """A group of commands. Without a command, its page goes to standard error."""

    def get_help(self, ctx: Any) -> str:
        """Return the page for whoever asks."""
        return _page(ctx)

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the command line."""
        with _explaining(f"{parent.command_path} {info_name}" if parent else info_name):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named."""
        with _explaining(ctx.command_path):
            return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the group's own options."""
        if not args and not ctx.resilient_parsing:
            write_text(f"{_page(ctx)}\n", error=True, wrap=False)
            raise typer.Exit(USAGE)
        return super().parse_args(ctx, args)


def _page(ctx: Any) -> str:
    from cli.help.layout import lines_of
    from cli.help.reading import page_of

    return lines_of(page_of(ctx), _columns(), bold=_is_bold())


def _columns() -> int:
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdecimal() and asked.isascii() else columns_of(sys.stdout) or COLUMNS


def _is_bold() -> bool:
    """Tell whether headings are bold: on a terminal, unless its user wants nothing of that kind."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def _explaining(path: str) -> Iterator[None]:
    """Turn a usage error into a line and an exit code; the line says where the usage is described."""
    try:
        yield
    except _Misuse as error:
        problem = _problem(error)
        complain(problem if problem.endswith("?") else f"{problem}; see `{path} --help`")
        raise typer.Exit(USAGE) from None


def _problem(error: Any) -> str:
    text = str(error.format_message()).rstrip(".")
    for theirs, ours in _OUR_WORDS:
        text = re.sub(theirs, ours, text)
    return text[:1].lower() + text[1:]
