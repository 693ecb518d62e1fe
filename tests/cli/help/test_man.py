"""The man pages, as `make man` makes them and as other programs read them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.help.commands import CONTEXTS, page
from tests.rows import ALL

ROOT = Path(__file__).parent.parent.parent.parent

PATHS = list(CONTEXTS) if ALL else ["", "send", "account revoke"]
"""A page with commands, one with groups of options, and one of a command in a group."""


def require(program: str) -> None:
    """Skip the test without a program, which in CI must be there."""
    if shutil.which(program) is None and not os.environ.get("CI"):
        pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages, by command."""
    require("help2man")
    directory = tmp_path_factory.mktemp("man")
    quoted = " ".join(f"'{path}'" for path in PATHS)
    stamp = f"{sys.prefix}/.stamp"  # of the environment that runs this test, and is not to be made again
    make = ("make", "--no-print-directory", "-o", stamp, f"VENV={sys.prefix}", "man")
    assert output(*make, f"MAN={directory}", f"ARGS={quoted}").startswith("man: ")
    return {path: directory / "man1" / f"{'-'.join(['chat', *path.split()])}.1" for path in PATHS}


def output(*command: str | Path) -> str:
    """Run a program; return all that it prints."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**_outside_make(), "SOURCE_DATE_EPOCH": "1790000000"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _outside_make() -> dict[str, str]:
    """Return the environment without what a make that runs these tests was given."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))
    }


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_a_name_and_what_help_says(made: dict[str, Path], path: str) -> None:
    require("mandoc")
    shown = re.sub(r".\x08", "", output("mandoc", "-Tutf8", "-Owidth=200", made[path]))
    text = " ".join(shown.split())
    summary = page(path).summary
    described = summary[0].lower() + summary.removesuffix(".")[1:]
    assert f"NAME {made[path].stem} - {described} SYNOPSIS {page(path).command} [OPTION]" in text
    prose = [words for paragraph in page(path).paragraphs for words in paragraph.split("`")]
    for each in (*page(path).examples, *prose):
        assert " ".join(each.split()) in text
    for heading in ("OPTIONS", "SEE ALSO", *(("EXIT STATUS", "EXAMPLES") if page(path).examples else ())):
        assert f"\n{heading}\n" in shown


@pytest.mark.parametrize("path", PATHS)
def test_no_reader_of_man_pages_complains(made: dict[str, Path], path: str) -> None:
    require("mandoc")
    assert output("mandoc", "-Tlint", made[path]) == ""
    if shutil.which("groff"):
        assert output("groff", "-ww", "-man", "-Tutf8", "-z", made[path]) == ""
    if shutil.which("lexgrog"):
        assert output("lexgrog", made[path]).startswith(f'{made[path]}: "{made[path].stem} - ')


def test_a_page_has_the_date_of_its_sources(made: dict[str, Path]) -> None:
    (title,) = re.findall(r"^\.TH .*$", made["send"].read_text("utf-8"), re.MULTILINE)
    assert title.startswith('.TH CHAT-SEND "1" "2026-09-21" "chatcore ')
