"""The rules of accessibility that axe-core checks, in a page as it is now."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

__all__ = ["violations"]

_AXE = Path(__file__).parent.parent / "schema" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => {
  const { violations } = await axe.run();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}"""


def violations(page: Page) -> list[str]:
    """Return what is wrong; skips the test, or fails in CI, if axe-core is not installed."""
    if not _AXE.exists():
        if os.environ.get("CI"):
            pytest.fail("what npm has to install is not there")
        pytest.skip("what npm has to install is not there: make tests/schema/node_modules")
    page.evaluate(_AXE.read_text("utf-8") + "\nundefined;")
    found: list[str] = page.evaluate(_RUN)
    return found
