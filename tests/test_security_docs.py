"""The tests that docs/security.md names exist, its links lead somewhere, and its options are there."""

import re
from pathlib import Path

import pytest

from cli.app import app
from cli.settings.options import settings_of
from tests.test_readme import anchors

ROOT = Path(__file__).parent.parent
SECURITY = ROOT / "docs" / "security.md"
TEXT = SECURITY.read_text("utf-8")
PATHS = sorted(set(re.findall(r"\btests/[\w/.]*\w", TEXT)))
LINKS = sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_each_file_of_a_command_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", LINKS)
def test_every_link_leads_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    document = SECURITY.parent / path
    assert document.is_file()
    assert not anchor or anchor in anchors(document)


def test_every_part_says_how_it_is_tested() -> None:
    parts = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    untested = [part.partition("\n")[0] for part in parts if "make test" not in part]
    assert untested == ["In short", "What is not protected"]


def test_the_options_that_open_a_door_are_those_of_the_server() -> None:
    settings = settings_of(app.registered_commands)["server"]
    assert {"insecure", "open", "accounts", "cert"} <= set(settings)
    assert {"--insecure", "--open"} <= set(re.findall(r"--\w+", TEXT))
