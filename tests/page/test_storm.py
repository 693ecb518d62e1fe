"""Pages in a storm: whatever dies, fails or is reloaded, nothing is missing, twice or out of order."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.page.storm import Storm
from tests.rows import PAGE_ACTS, PAGE_STORMS


@pytest.mark.parametrize(("transport", "seed"), PAGE_STORMS)
def test_pages_lose_nothing_in_a_storm(browser: Browser, tmp_path: Path, transport: str, seed: int) -> None:
    with Storm(browser, tmp_path, transport, seed) as storm:
        storm.rage(PAGE_ACTS)
        assert storm.end() == [], storm.acts
