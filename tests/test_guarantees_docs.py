"""The tests that docs/guarantees.md names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
RESUME = (ROOT / "tests" / "faults" / "test_resume.py").read_text("utf-8")

PATHS = sorted(set(re.findall(r"\btests/[\w/.]*\w", GUARANTEES)))
NAMES = re.findall(r"\| `(\w+)` \|$", GUARANTEES, re.MULTILINE)


@pytest.mark.parametrize("path", PATHS)
def test_each_file_of_a_command_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_each_row_about_resuming_has_its_test(name: str) -> None:
    assert f"def test_{name}(" in RESUME


def test_each_test_of_resuming_has_its_row() -> None:
    assert sorted(re.findall(r"^def test_(\w+)\(", RESUME, re.MULTILINE)) == sorted(NAMES)
