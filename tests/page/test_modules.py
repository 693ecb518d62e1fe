"""The files of the page: what a browser would tell too late, and what its policy forbids."""

import re
from pathlib import Path

import pytest

from cli.terminal.mentions import mentions
from tests.page.cases import MENTIONS
from tests.web_client.test_web_client import need_node, run_tests

HERE = Path(__file__).parent
WEB = HERE.parent.parent / "transports" / "web"
MODULES = sorted([*WEB.glob("page*.js")])
INDEX = (WEB / "index.html").read_text("utf-8")
IDS = re.findall(r'\bid="([^"]+)"', INDEX)
MOST_LINES = 300


def test_what_the_page_knows_is_right_without_a_browser() -> None:
    need_node()
    run_tests(str(HERE / "models.test.mjs"), str(HERE / "room.test.mjs"))


@pytest.mark.parametrize("case", MENTIONS, ids=lambda case: case["text"])
def test_the_terminal_client_and_the_page_see_the_same_mentions(case: dict[str, str | bool]) -> None:
    assert bool(mentions(str(case["text"]), str(case["name"]))) == case["found"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_short_and_finds_its_elements_and_its_neighbours(module: Path) -> None:
    text = module.read_text("utf-8")
    imported = re.findall(r'^import .*?from "\./(.+)";$', text, re.MULTILINE)
    assert text.count("\n") < MOST_LINES
    assert all((WEB / name).exists() for name in imported)
    assert set(re.findall(r'\bbyId\("([^"]+)"\)', text)) <= set(IDS)
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|DOMParser|eval)\b", text)


def test_the_document_has_no_script_or_style_of_its_own_and_no_id_twice() -> None:
    assert len(IDS) == len(set(IDS))
    assert re.findall(r"<script[^>]*>", INDEX) == ['<script type="module" src="page.js">']
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=", INDEX)


def test_every_part_of_the_document_that_is_named_elsewhere_exists() -> None:
    named = re.findall(r'\b(?:aria-controls|aria-labelledby|aria-describedby|for)="([^"]+)"', INDEX)
    assert named
    assert set(named) <= set(IDS)


def test_the_invite_is_taken_out_of_the_address_before_everything_else() -> None:
    imports = re.findall(r"^import .*$", (WEB / "page.js").read_text("utf-8"), re.MULTILINE)
    assert imports[0].endswith('from "./page-invite.js";')
