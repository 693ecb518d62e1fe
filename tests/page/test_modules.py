"""The files of the page: what a browser would tell too late, and what its policy forbids."""

import os
import re
import shutil
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from chatcore.transport import Site
from chatcore.wire.assets import answer
from cli.terminal.mentions import mentions
from tests.page.cases import MENTIONS
from tests.web_client.test_web_client import TYPESCRIPT, need_node, run, run_tests
from transports.web import page_files

HERE = Path(__file__).parent
WEB = HERE.parent.parent / "transports" / "web"
MODULES = sorted([*WEB.glob("page*.js")])
INDEX = (WEB / "index.html").read_text("utf-8")
IDS = re.findall(r'\bid="([^"]+)"', INDEX)
_CODE = ("import ", "export ", "const ", "function ", "#", "}")
MOST_LINES = 300
MOST_BYTES = 60_000  # of all answers, compressed, with their heads


def test_what_the_page_knows_is_right_without_a_browser() -> None:
    need_node()
    run_tests(*map(str, sorted(HERE.glob("*.test.mjs"))))


@pytest.mark.parametrize("case", MENTIONS, ids=lambda case: case["text"])
def test_the_terminal_client_and_the_page_see_the_same_mentions(case: dict[str, str | bool]) -> None:
    assert bool(mentions(str(case["text"]), str(case["name"]))) == case["found"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_short_and_finds_its_elements_and_its_neighbours(module: Path) -> None:
    text = module.read_text("utf-8")
    assert text.count("\n") < MOST_LINES
    assert all((WEB / name).exists() for name in _imports_of(text))
    assert set(re.findall(r'\bbyId\("([^"]+)"\)', text)) <= set(IDS)
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|DOMParser|eval)\b", text)


def test_the_document_has_no_script_or_style_of_its_own_and_no_id_twice() -> None:
    assert len(IDS) == len(set(IDS))
    first, last = '<script src="page-first.js">', '<script type="module" src="page.js">'
    assert re.findall(r"<(?:script|link|style)[^>]*>", INDEX)[0] == first
    assert re.findall(r"<script[^>]*>", INDEX) == [first, last]
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=", INDEX)


def test_the_document_loads_all_modules_at_once() -> None:
    needed, waiting = set[str](), ["page.js"]
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed.add(name)
            waiting += _imports_of((WEB / name).read_text("utf-8"))
    loaded = re.findall(r'<link rel="modulepreload" href="(.+)">', INDEX)
    assert sorted([*loaded, "page.js"]) == sorted(needed)


def _imports_of(text: str) -> list[str]:
    return re.findall(r'^(?:import|export) .*?from "\./(.+)";$', text, re.MULTILINE)


def test_what_is_sent_to_a_browser_at_first_is_small() -> None:
    site, headers = Site.of(page_files()), Headers({"Accept-Encoding": "gzip"})
    names = ["", *re.findall(r'<(?:link|script|img)\b[^>]* (?:href|src)="([^"]+)"', INDEX)]
    answers = {name: answer(Request(f"/{name}", headers), site, name) for name in names}
    assert len(answers) > 30
    assert sum(map(len, answers.values())) < MOST_BYTES


def test_every_module_is_loaded_at_first_or_later() -> None:
    scripts = [content.decode() for name, content in page_files().items() if name.endswith(".js")]
    later = {
        name
        for text in scripts
        for name in re.findall(
            r'\b(?:openLater\("[a-z-]+", |SHARED = |NEWER = |import\()"(?:\./)?(.+?)"', text
        )
    }
    at_first = set(re.findall(r'"(page[a-z-]*\.js)"', INDEX))
    assert later
    assert not later & at_first
    assert {module.name for module in MODULES} == later | at_first
    for name in later:  # so that a part that did not come can be asked for again by itself
        assert set(_imports_of((WEB / name).read_text("utf-8"))) <= set(re.findall(r'"([a-z-]+\.js)"', INDEX))


def test_what_a_page_is_told_of_its_version_is_of_all_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    versions = [_version()]
    shutil.copytree(WEB, tmp_path / "web")
    monkeypatch.setattr("transports.web.files", lambda _: tmp_path / "web")
    versions.append(_version())
    for name in ("page-finder.js", "style.css", "index.html"):
        with (tmp_path / "web" / name).open("a") as file:
            file.write("\n")
        versions.append(_version())
    assert versions[0] == versions[1]
    assert len(set(versions)) == 4


def _version() -> str:
    (version,) = re.findall(
        r'<meta name="version" content="([0-9a-f]{16})">', page_files()["index.html"].decode()
    )
    return str(version)


def test_scripts_are_sent_without_their_documentation_and_keep_their_lines() -> None:
    sent = page_files()
    for module in WEB.glob("*.js"):
        lines = module.read_text("utf-8").splitlines()
        code = sent[module.name].decode().splitlines()
        assert len(code) == len(lines)
        assert not any(line.startswith(("*", "/**", "// ")) for line in code)
        for line, original in zip(code, lines, strict=True):
            assert line == original.strip() or "*" in original or "//" in original


def test_scripts_are_sent_as_the_programs_that_they_are(tmp_path: Path) -> None:
    if not TYPESCRIPT.exists() and not os.environ.get("CI"):
        pytest.skip("what npm has to install is not there: make tests/schema/node_modules")
    for name, content in page_files().items():
        (tmp_path / name).write_bytes(content)
    assert run(str(HERE / "same.mjs"), str(TYPESCRIPT), str(WEB), str(tmp_path)) == "all are the same\n"


@pytest.mark.parametrize(
    "line",
    [
        'const text = "one // two";',
        "const text = 'one // two';",
        "const text = `one // ${two} // three`;",
        'const texts = ["//", " // "];  call("// x");',
        'const text = "a"; // it says "b"',
        'const text = "one /** two */ three";',
    ],
)
def test_two_slashes_in_a_text_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str) -> None:
    (tmp_path / "index.html").touch()
    (tmp_path / "some.js").write_text(f"  {line}\n\n  // a comment\n  next(); // another one\n", "utf-8")
    monkeypatch.setattr("transports.web.files", lambda _: tmp_path)
    assert page_files()["some.js"].decode() == f"{line}\n\n\nnext();\n"


def test_styles_are_sent_without_their_documentation() -> None:
    sent = page_files()["style.css"].decode()
    rules = re.sub(r"^/\*.*?\*/$", "", (WEB / "style.css").read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert sent.split() == rules.split()
    assert not re.search(r"^/\*", sent, re.MULTILINE)


def test_no_text_of_a_script_spans_lines() -> None:
    for name, content in page_files().items():
        if name.endswith(".js"):
            lines = [re.sub(r'"[^"]*"', "", line) for line in content.decode().splitlines()]
            assert not [line for line in lines if line.count("`") % 2 and "[^`" not in line], name


def test_every_part_of_the_document_that_is_named_elsewhere_exists() -> None:
    named = re.findall(r'\b(?:aria-controls|aria-labelledby|aria-describedby|for)="([^"]+)"', INDEX)
    assert named
    assert set(named) <= set(IDS)
