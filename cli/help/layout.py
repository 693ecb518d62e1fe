"""The lines of a page, for a width.

- No line is wider, but for a word that is. An example that is too long continues after a backslash, so it
  can still be pasted.
- Where two columns would leave too little for the text, it stands below its term.
"""

import re
import textwrap
from collections.abc import Callable, Iterator

from cli.help.page import Page, Prose, Rows, Section

__all__ = ["WIDEST", "lines_of"]

WIDEST = 80
"""The widest page: longer lines are hard to read."""

NARROWEST = 30
"""The narrowest page. A smaller terminal breaks its lines."""

TERM = 24
"""The longest term that has its text beside it."""

TEXT = 40
"""The narrowest text beside a term."""

MARGIN = 2
"""The indent of what is below a heading."""

BELOW = 6
"""The indent of a text below its term."""

_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")


def lines_of(page: Page, columns: int, *, bold: bool = False) -> str:
    """Return a page as it is for a terminal with so many columns; with ``bold``, terms and headings are."""
    width = max(min(columns, WIDEST), NARROWEST)
    marked = _bold if bold else str
    begin = f"Usage: {page.command} "
    usage = _filled(page.usage, width, begin, " " * BELOW)
    texts = [_filled(text, width) for text in (page.summary, *page.paragraphs)]
    sections = [
        "\n".join([marked(f"{section.heading}:"), *_section(section, page, width, marked)])
        for section in page.sections
    ]
    return "\n\n".join([usage, *texts, *sections])


def _section(section: Section, page: Page, width: int, marked: Callable[[str], str]) -> Iterator[str]:
    if isinstance(section, Rows):
        column = _column(page, section.kind)
        for term, text in section.rows:
            yield from _row(term, text, column, width, marked)
    elif isinstance(section, Prose):
        yield _filled(section.text, width, " " * MARGIN, " " * MARGIN)
    else:
        for line in section.lines:
            yield from _example(line, width)


def _column(page: Page, kind: str) -> int:
    """Return where the texts of all sections of a kind begin."""
    terms = [
        len(term)
        for section in page.sections
        if isinstance(section, Rows) and section.kind == kind
        for term, _ in section.rows
    ]
    return MARGIN + max((length for length in terms if length <= TERM), default=TERM) + 2


def _row(term: str, text: str, column: int, width: int, marked: Callable[[str], str]) -> Iterator[str]:
    begin = f"{' ' * MARGIN}{marked(term)}"
    if not text:
        yield begin
    elif width - column < TEXT:
        yield begin
        yield _filled(text, width, " " * BELOW, " " * BELOW)
    elif MARGIN + len(term) + 2 > column:
        yield begin
        yield _filled(text, width, " " * column, " " * column)
    else:
        filled = _filled(text, width, " " * column, " " * column)
        yield f"{begin}{filled[MARGIN + len(term) :]}"


def _example(line: str, width: int) -> Iterator[str]:
    if line.startswith("#"):
        yield _filled(line, width, " " * MARGIN, f"{' ' * MARGIN}# ")
        return
    row = " " * MARGIN
    for word in _WORD.findall(line):
        if row.strip() and len(row) + len(word) + 2 > width:
            yield f"{row}\\"
            row = " " * BELOW
        row += f"{word} "
    yield row.rstrip()


def _filled(text: str, width: int, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"
