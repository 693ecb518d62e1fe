"""The API reference has every public name, and says something of it."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MODULES = (
    "chatcore",
    "chatcore.cluster",
    "chatcore.gate",
    "chatcore.transport",
    "chatcore.journal",
    "chatcore.wire",
    "transports.asyncio_tcp",
    "transports.jetstream",
    "transports.threaded_tcp",
)
"""The public modules, each a page."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference, as ``make reference`` builds it."""
    directory = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "docs.reference", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    return directory


def entries(page: Path) -> dict[str, str]:
    """Return what a page has of each name of its module."""
    parts = re.split(r'<section id="([^"]+)">', page.read_text("utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference_and_described(reference: Path, module: str) -> None:
    found = entries(reference / f"{module.replace('.', '/')}.html")
    names = [name for name in import_module(module).__all__ if name != "__version__"]
    assert [name for name in names if name not in found] == []
    assert [name for name in names if 'class="docstring"' not in found[name].partition("<div id=")[0]] == []


def test_the_reference_leaves_out_what_a_hub_shows_the_core(reference: Path) -> None:
    page = (reference / "chatcore.html").read_text("utf-8")
    assert set(re.findall(r'<div id="Hub\.(\w+)"', page)) == {
        "__init__",
        "clock",
        "close",
        "endpoint",
        "limits",
        "post",
        "remove_room",
        "statistics",
        "subscribe",
    }


def test_the_reference_has_a_page_for_each_public_module_and_no_other(reference: Path) -> None:
    pages = {path.relative_to(reference).with_suffix("") for path in reference.rglob("*.html")}
    assert {".".join(page.parts) for page in pages} == {*MODULES, "index"}
