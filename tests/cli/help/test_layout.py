"""How a page is laid out, whatever it says."""

import shlex

import pytest

from cli.help.layout import lines_of
from cli.help.page import Examples, Page, Prose, Rows
from tests.cli.help.commands import page
from tests.cli.processes import CHAT
from tests.cli.pty import in_terminal

OPTIONS = (("--nick NICK", "Your name."), ("--a-very-long-option auto|dark|light", "Something else."))
LONG = """chat search '"disk full" deploy* from:ada' --room ops --after 2026-11-01 --json"""
PAGE = Page(
    "chat search",
    "[OPTION]... QUERY",
    "Search what was said.",
    ("It finds what has all the words.",),
    (
        Rows("Options", "options", OPTIONS),
        Prose("Settings", "Set nick in the table [search] of chat.toml."),
        Rows("Exit codes", "codes", (("0", "everything is printed"), ("130", "Ctrl-C"))),
        Examples("Examples", ("# What ada said:", LONG)),
    ),
)


def test_a_wide_page_has_its_texts_beside_their_terms() -> None:
    assert (
        lines_of(PAGE, 200)
        == r"""Usage: chat search [OPTION]... QUERY

Search what was said.

It finds what has all the words.

Options:
  --nick NICK  Your name.
  --a-very-long-option auto|dark|light
               Something else.

Settings:
  Set nick in the table [search] of chat.toml.

Exit codes:
  0    everything is printed
  130  Ctrl-C

Examples:
  # What ada said:
  chat search '"disk full" deploy* from:ada' --room ops --after 2026-11-01 \
      --json"""
    )


def test_a_narrow_page_has_them_below() -> None:
    assert (
        lines_of(PAGE, 40)
        .partition("Options:\n")[2]
        .startswith(
            "  --nick NICK\n      Your name.\n  --a-very-long-option auto|dark|light\n      Something else.\n"
        )
    )


@pytest.mark.parametrize("columns", [30, 40, 60, 80])
def test_a_long_example_can_be_pasted_at_any_width(columns: int) -> None:
    (example,) = PAGE.examples
    shown = lines_of(PAGE, columns).partition("# What ada said:\n")[2]
    assert "\\\n" in shown
    assert shlex.split(shown.replace("\\\n", "")) == shlex.split(example)


def test_a_bold_page_has_the_same_lines() -> None:
    bold = lines_of(PAGE, 80, bold=True)
    assert "\x1b[1mOptions:\x1b[0m\n  \x1b[1m--nick NICK\x1b[0m  Your name." in bold
    assert bold.replace("\x1b[1m", "").replace("\x1b[0m", "") == lines_of(PAGE, 80)


@pytest.mark.parametrize(
    ("term", "no_color", "is_bold"), [("xterm", "", True), ("xterm", "1", False), ("dumb", "", False)]
)
def test_in_a_terminal_a_page_is_as_wide_as_that(term: str, no_color: str, is_bold: bool) -> None:
    with in_terminal(
        CHAT, "schema", "--help", columns=50, TERM=term, NO_COLOR=no_color, COLUMNS=""
    ) as terminal:
        assert terminal.wait_exit() == 0
    lines = terminal.raw.decode().replace("\x1b[1m", "").replace("\x1b[0m", "").split("\r\n")
    assert "\n".join(lines).strip() == lines_of(page("schema"), 50)
    assert (b"\x1b[1m" in terminal.raw) is is_bold
