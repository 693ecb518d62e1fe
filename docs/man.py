"""Generates the man pages from what ``--help`` says: ``python -m docs.man DIRECTORY [COMMAND]...``.

help2man makes the pages: ``chat.1``, and one for each command, such as ``chat-send.1``. It asks a program for
its help. It gets one that prints a page in the form that it knows best, and beside that, in roff, what it
would fill as if it were prose: the examples.
"""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from chatcore import __version__
from cli.help.layout import WIDEST
from cli.help.page import Examples, Page, Prose, Rows, Section
from cli.help.reading import pages

__all__ = ["build", "name_of"]

TITLES = {"Argument": "Arguments", "Exit codes": "Exit status"}
"""What sections are called in a man page, where it is not their heading."""

OPTIONS = "Options"
"""The heading that help2man knows."""


def build(directory: Path, *paths: str) -> None:
    """Write the page of each command, or of those that are named.

    Raises `FileNotFoundError` if there is no help2man.
    """
    directory.mkdir(parents=True, exist_ok=True)
    known = pages()
    for page in (known[path] for path in paths or known):
        (directory / f"{name_of(page)}.1").write_text(_tidied(_made(page, known), page), "utf-8")


def name_of(page: Page) -> str:
    """Return the name of a man page."""
    return page.command.replace(" ", "-")


def _made(page: Page, known: Mapping[str, Page]) -> str:
    """Return what help2man makes of a page."""
    with TemporaryDirectory() as folder:
        program, more = Path(folder, name_of(page)), Path(folder, "more")
        program.write_text(f"#!/bin/sh\ncat <<'end of the page'\n{_text(page)}\nend of the page\n", "utf-8")
        program.chmod(0o700)
        more.write_text("\n".join([*_examples(page), *_see_also(page, known)]), "utf-8")
        options = {
            "name": _described(page.summary),
            "opt-include": more,
            "version-string": __version__,
            "source": f"chatcore {__version__}",
            "manual": "chatcore",
        }
        return subprocess.run(
            ["help2man", "--no-info", *(f"--{name}={value}" for name, value in options.items()), program],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def _described(summary: str) -> str:
    return summary[0].lower() + summary[1:].removesuffix(".")


# --- what help2man reads -------------------------------------------------------------------------


def _text(page: Page) -> str:
    """Return a page as help2man likes it: with headings that it knows, and prose at the margin."""
    parts = [f"Usage: {page.command} {page.usage}", *(page.paragraphs or [page.summary])]
    title = ""
    for section in page.sections:
        if not isinstance(section, Examples):
            before, title = title, _title(section)
            if title != before:
                parts.append(f"{title}:" if title == OPTIONS else f"*{title}*")
            parts.append(_headed(section, title, is_first=title != before))
    return "\n\n".join(parts)


def _headed(section: Rows | Prose, title: str, *, is_first: bool) -> str:
    """Return a section with its heading, unless that is the title of what it is in."""
    if isinstance(section, Prose):
        return section.text
    rows = "\n".join(f"  {term}  {text}" for term, text in section.rows)
    if section.heading in (title, *TITLES):
        return rows if is_first else f"Other:\n{rows}"
    return f"{section.heading}:\n{rows}"


def _title(section: Section) -> str:
    """Return the section of a man page that a section of help is in."""
    if isinstance(section, Rows) and section.kind == "options":
        return "Arguments" if section.heading in ("Argument", "Arguments") else OPTIONS
    if isinstance(section, Rows) and section.kind == "commands":
        return "Commands"
    return TITLES.get(section.heading, section.heading)


def _examples(page: Page) -> Iterator[str]:
    """Yield the examples as roff: what they do as prose, and themselves as they are."""
    if not page.examples:
        return
    yield "[EXAMPLES]"
    lines = [line for each in page.sections if isinstance(each, Examples) for line in each.lines]
    for number, line in enumerate(lines):
        text = _escaped(line)
        if line.startswith("#"):
            yield from [".PP"] * (number > 0)
            yield text.removeprefix("# ")
        else:
            yield f".RS 4\n.nf\n{text}\n.fi\n.RE"
    yield ""


def _see_also(page: Page, known: Mapping[str, Page]) -> Iterator[str]:
    """Yield which pages are near: of ``chat`` all, of others the one above and those beside or below."""
    above = page.command.rpartition(" ")[0]
    near = [
        each
        for each in known.values()
        if each.command == above or page.command == each.command.rpartition(" ")[0]
    ]
    if near := [each for each in near if each is not page]:
        yield "[SEE ALSO]"
        yield ",\n".join(f".BR {_escaped(name_of(each))} (1)" for each in near) + "\n"


def _escaped(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return f"\\&{text}" if text.startswith(".") else text


# --- what it makes of it -------------------------------------------------------------------------


def _tidied(made: str, page: Page) -> str:
    """Return what help2man wrote, with a date as mandoc reads it, and commands in bold."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.now(UTC).timestamp()))
    date = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    name, _, words = page.command.partition(" ")
    for pattern, text in (
        (r'^(\.TH \S+ "?1"?) "[^"]*"', rf'\1 "{date}"'),
        (rf"^\.B {name}\n\\fI.*?\\fR", f".B {page.command}\n") if words else ("^$", ""),
        (r'^(\.SS ".*):"$', r'\1"'),
        (r"`([^`\n]+)`", r"\\fB\1\\fR"),
    ):
        made = re.sub(pattern, text, made, flags=re.MULTILINE)
    return "".join(f"{_filled(line)}\n" for line in made.splitlines())


def _filled(line: str) -> str:
    """Return prose in lines that mandoc does not find too long."""
    if line.startswith("."):
        return line
    return textwrap.fill(line, WIDEST, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    build(Path(sys.argv[1]), *sys.argv[2:])
