"""The rules of accessibility that axe-core checks, in a page as it is now."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize

__all__ = ["NARROW", "violations"]

_LOOKS = ("light", "dark", "narrow")
NARROW: ViewportSize = {"width": 390, "height": 700}

_AXE = Path(__file__).parent.parent / "schema" / "node_modules" / "axe-core" / "axe.min.js"
_IS_LOADED = "() => globalThis.axe !== undefined"
_RUN = """async () => {
  const reachable = document.querySelector("dialog[open], .with-rooms > nav") ?? document;
  const { violations } = await axe.run(reachable);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}"""


def violations(page: Page) -> list[str]:
    """Return what is wrong, in a light page, a dark one and a narrow one, or in what lies over it.

    Skips the test, or fails in CI, if axe-core is not installed.
    """
    _load(page)
    wide = page.viewport_size
    assert wide is not None
    found = []
    for look in _LOOKS:
        page.emulate_media(color_scheme="dark" if look == "dark" else "light", reduced_motion="reduce")
        page.set_viewport_size(NARROW if look == "narrow" else wide)
        found += [f"{look}: {each}" for each in page.evaluate(_RUN)]
    page.set_viewport_size(wide)
    return found


def _load(page: Page) -> None:
    if not _AXE.exists():
        if os.environ.get("CI"):
            pytest.fail("what npm has to install is not there")
        pytest.skip("what npm has to install is not there: make tests/schema/node_modules")
    if not page.evaluate(_IS_LOADED):
        page.evaluate(_AXE.read_text("utf-8") + "\nundefined;")
