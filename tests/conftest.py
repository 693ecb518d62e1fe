"""What holds for all tests."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A slow machine is no failure, and on CI a failure must come again; `HYPOTHESIS_PROFILE` chooses.
CI = bool(os.environ.get("CI"))
for name, examples in {"quick": 20, "thorough": 2_000}.items():
    settings.register_profile(name, deadline=None, max_examples=examples, derandomize=CI, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "quick")


LONGEST = (
    "test_slow_readers",
    "test_sessions",
    "test_slow",
    "test_power",
    "test_kill",
    "test_packaging",
    "test_simulation",
    "test_server",
    "test_resume",
    "test_pipe",
    "test_library_docs",
)
"""Files that take longest, which begin first. Else a process would sit alone with one of them at the end."""


@pytest.fixture(scope="session", autouse=True)
def _data_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every server that a test starts away from the journal and settings of whoever runs tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


def pytest_configure() -> None:
    """Collect no garbage while modules are imported and tests are collected: there is hardly any."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, and keep every other order."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_collection_finish() -> None:
    """Let the collector never look again at what stays until the end: a fifth of the time of short tests."""
    gc.freeze()
    gc.enable()
