"""Rules that every page of ``--help`` follows, whichever commands there are."""

import re

import pytest

from cli.help.command import Command, Group
from cli.help.exits import EXITS, exits_of
from cli.help.layout import lines_of
from cli.help.page import Prose, Rows
from cli.settings.options import settings_of
from tests.cli.conftest import Inside
from tests.cli.help.commands import COMMANDS, CONTEXTS, GROUPS, page

SUMMARY = 60
"""Characters of the longest summary in ``chat --help``."""

FRAMEWORK = re.compile(
    r"[{}\x08]|\[OPTIONS\]|\[ARGS\]|\[default|\[env var|\[required|\b(None|True|False)\b|[<>]="
)
"""What frameworks leave in a page."""


def rows_of(path: str, kind: str) -> dict[str, str]:
    """Return the rows of a page that are of a kind."""
    sections = (each for each in page(path).sections if isinstance(each, Rows) and each.kind == kind)
    return {term: text for section in sections for term, text in section.rows}


@pytest.mark.parametrize("path", CONTEXTS)
def test_every_page_is_ours_and_has_a_short_summary(inside: Inside, path: str) -> None:
    command = CONTEXTS[path].command
    assert isinstance(command, Command | Group)
    done = inside(*path.split(), "--help", COLUMNS="80")
    assert done.returncode == 0
    usage, summary, *_ = done.stdout.split("\n\n")
    assert usage.startswith(f"Usage: chat {path}".rstrip())
    assert summary == page(path).summary
    assert len(summary) <= SUMMARY
    assert re.fullmatch(r"[A-Z].*[a-z\d)]\.|Run a chat server until Ctrl-C\.", summary)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_an_example_and_exit_codes(path: str) -> None:
    assert any(re.search(rf"\bchat {path}( |$)", line) for line in page(path).examples)
    codes = [each.code for each in exits_of(path)]
    assert {"0", "1", "2"} <= set(codes)
    assert len(codes) == len(set(codes))
    assert list(rows_of(path, "codes")) == codes


def test_no_exit_code_is_of_a_command_that_does_not_exist() -> None:
    assert {command for each in EXITS for command in each.commands} == {"", *COMMANDS}


@pytest.mark.parametrize("path", CONTEXTS)
def test_nothing_of_the_framework_is_left(path: str) -> None:
    assert FRAMEWORK.search(lines_of(page(path), 80)) is None


@pytest.mark.parametrize("columns", [80, 60, 42])
@pytest.mark.parametrize("path", CONTEXTS)
def test_every_page_fits_the_terminal(path: str, columns: int) -> None:
    wide = [line for line in lines_of(page(path), columns).splitlines() if len(line) > columns]
    assert [line for line in wide if " " in line.strip().removesuffix(" \\")] == []
    assert columns == 42 or not wide


@pytest.mark.parametrize("path", CONTEXTS)
def test_every_option_and_argument_says_what_it_is(path: str) -> None:
    for each in CONTEXTS[path].command.params:
        assert each.metavar or getattr(each, "is_flag", False), each.name
    rows = rows_of(path, "options")
    assert "-h, --help" in rows
    for term, text in rows.items():
        assert re.fullmatch(r"[A-Z`\"(].*\.", text), (term, text)
        assert not re.search(r"\.\.|Default: (None|or|with)\b|  ", text), (term, text)


def test_chat_help_has_every_command_in_a_group_and_each_summary_whole() -> None:
    overview = lines_of(page(""), 80)
    rows = rows_of("", "commands")
    assert set(rows) == {path for path in CONTEXTS if path and " " not in path}
    for name, summary in rows.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", overview, re.MULTILINE)
        assert summary == page(name).summary
    headings = [each.heading for each in page("").sections if isinstance(each, Rows)]
    assert "Commands" not in headings  # where a command without a heading is
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("group", [path for path in GROUPS if path])
def test_a_group_lists_its_commands(group: str) -> None:
    children = {path.removeprefix(f"{group} ") for path in COMMANDS if path.startswith(f"{group} ")}
    assert set(rows_of(group, "commands")) == children


def test_a_page_names_all_settings_of_its_command() -> None:
    from cli.app import app

    for command, table in settings_of(app.registered_commands).items():
        (text,) = (each.text for each in page(command).sections if isinstance(each, Prose))
        for name in table:
            assert re.search(rf"\b{name}\b", text), (command, name)
        assert f"[{command}]" in text or all(each.shared for each in table.values())
