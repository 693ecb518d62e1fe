"""The table of exit codes in docs/operations.md is what the pages of help say."""

import re
from pathlib import Path

from cli import report
from cli.help.exits import EXITS, exits_of
from tests.cli.help.commands import COMMANDS

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "operations.md"
HEAD = "| exit code | of | meaning |\n|---|---|---|\n"
EVERY = "every command"


def documented() -> list[tuple[str, str, str]]:
    """Return the rows of the table: a code, a command and what it means."""
    table = PAGE.read_text("utf-8").partition(HEAD)[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    return [(code, command, meaning) for code, of, meaning in cells for command in named(of)]


def named(of: str) -> list[str]:
    """Return the commands of a row, which may be all but some."""
    commands = re.findall(r"`chat ([a-z -]+)`", of)
    return [each for each in COMMANDS if each not in commands] if of.startswith(EVERY) else commands


def test_the_document_has_the_exit_codes_of_every_command() -> None:
    ours = [(each.code, command, each.meaning) for command in COMMANDS for each in exits_of(command)]
    assert sorted(documented()) == sorted(ours)


def test_the_codes_are_those_that_errors_end_with() -> None:
    codes = {report.FAILED, report.USAGE, report.REFUSED, report.NO_COMMON_PROTOCOL, report.INCOMPLETE}
    codes |= {0, report.INTERRUPTED}
    assert {int(each.code) for each in EXITS if each.code.isdigit()} == codes


def test_a_meaning_reads_as_the_rest_of_a_sentence() -> None:
    for each in EXITS:
        assert each.meaning == "Ctrl-C" or re.fullmatch(r"[a-z].*[^.]", each.meaning), each
