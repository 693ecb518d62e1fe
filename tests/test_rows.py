"""The rows of journals and commands, and the files that ``make test-core`` leaves out, name what there is."""

import re
from pathlib import Path

import pytest

from tests import rows
from tests.cli import test_environments, test_streams
from tests.journal.contract.makers import MAKERS

TESTS = Path(__file__).parent


def variable(name: str) -> list[str]:
    """Return the words of a variable of the Makefile."""
    text = (TESTS.parent / "Makefile").read_text("utf-8").replace("\\\n", " ")
    (words,) = re.findall(rf"(?m)^{name} := (.*)$", text)
    return str(words).split()


def test_every_journal_has_its_row() -> None:
    assert set(rows.JOURNALS) == set(MAKERS)
    assert {name for name, _, _ in rows.JOURNALS_WITH_LOSSES} <= set(MAKERS)


def test_every_module_in_which_it_matters_when_a_file_is_synced_exists() -> None:
    assert set(rows.SYNCS) <= {path.stem for path in (TESTS / "journal" / "contract").glob("test_*.py")}


def test_every_row_of_a_command_names_one() -> None:
    for commands in rows.COMMANDS.values():
        assert set(commands) <= set(test_environments.COMMANDS)
    assert {command for _, command in rows.ENCODINGS} == set(test_streams.COMMANDS)
    assert {encoding for encoding, _ in rows.ENCODINGS} == set(test_streams.ENCODINGS)


@pytest.mark.parametrize("name", variable("CORE_SLOW"))
def test_a_file_that_the_core_leaves_out_exists(name: str) -> None:
    folders = [TESTS.parent / word for word in variable("CORE_TESTS") if not word.endswith(".py")]
    assert any(path for folder in folders for path in folder.rglob(f"test_{name}.py"))


def test_the_core_keeps_most_of_its_files() -> None:
    folders = [TESTS.parent / word for word in variable("CORE_TESTS") if not word.endswith(".py")]
    files = [path for folder in folders for path in folder.rglob("test_*.py")]
    assert len(variable("CORE_SLOW")) < len(files) / 2


@pytest.mark.parametrize("pattern", rows.WHOLE)
def test_what_only_runs_with_all_rows_exists(pattern: str) -> None:
    path, _, name = pattern.partition("::")
    text = (TESTS.parent / path).read_text("utf-8")
    known = text + " ".join((*rows.SERVERS, *rows.ENCRYPTED))
    words = [word for word in re.split(r"[*?]|answers\[12\]|-tls", name) if word.strip("-")]
    assert all(f"def {word}" in text if word.startswith("test_") else word in known for word in words)
