"""What holds for all tests."""

import gc
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterable, Iterator
from fnmatch import fnmatch, translate
from pathlib import Path

import pytest
from hypothesis import settings

from chatcore.version import COMPILED
from tests import rows
from tests.cli.forks import stop_forks
from tests.jetstream.shared import stop_shared_servers
from tests.logged import watched_log

# A slow machine is no failure, and on CI a failure must come again; `HYPOTHESIS_PROFILE` chooses.
CI = bool(os.environ.get("CI"))
for name, examples in {"quick": 20, "thorough": 2_000}.items():
    settings.register_profile(name, deadline=None, max_examples=examples, derandomize=CI, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "quick")


LONGEST = (
    "page/test_storm",
    "page/test_acts",
    "page/test_looks",
    "page/test_accounts",
    "page/test_hostile",
    "page/test_promises",
    "page/test_still",
    "page/test_adversity",
    "page/test_loading",
    "page/test_paging",
    "page/test_talks",
    "page/test_nodes",
    "web_client/test_nodes",
    "web_client/test_web_client",
    "page/test_keeping",
    "page/test_devices",
    "page/test_forgetting",
    "page/test_unkept",
    "page/test_open_network",
    "page/test_modules",
    "page/test_names",
    "test_packaging",
    "cli/test_environments",
    "simulation/test_simulation",
    "simulation/test_shared",
    "test_library_docs",
    "transports/test_slow_readers",
    "faults/test_power",
    "faults/test_kill",
    "faults/cluster/test_cluster",
    "test_readme",
    "operations/test_walk",
    "jetstream/test_cluster_docs",
    "transports/test_abuse",
    "cli/commands/test_server",
    "cli/terminal/test_sessions",
    "test_scripts_docs",
    "test_sixty_lines_docs",
    "cli/help/test_examples",
    "cli/terminal/test_hostile",
    "faults/test_slow",
    "cli/commands/test_send",
    "cli/terminal/test_commands",
    "faults/test_resume",
    "cli/commands/test_server_output",
    "cli/commands/test_pipe",
    "cli/test_streams",
    "transports/test_no_room",
    "test_benchmarks",
    "test_architecture",
)
"""Files that take longest, which begin first. Else a process would sit alone with one of them at the end.

Those of the page are together: each process starts one browser for all that it has of them.
"""

TESTS = Path(__file__).parent

MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that have to be free in it: several times what all tests leave there until their end."""


@pytest.fixture(scope="session", autouse=True)
def _data_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every server that a test starts away from the journal and settings of whoever runs tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_servers_of_others_left() -> Iterator[None]:
    """End the servers that tests have shared, and what has forked commands for them."""
    yield
    stop_shared_servers()
    stop_forks()


def pytest_configure() -> None:
    """Prepare for imports, and for servers that a test starts.

    No garbage is collected while modules are imported and tests are collected: there is hardly any. And what
    whoever runs the tests ignores, under ``nohup`` or in the background, is not ignored by those servers.
    """
    gc.disable()
    _write_into_memory()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # there are none, and each process would look for them
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _write_into_memory() -> None:
    """Have temporary files in memory: tests sync thousands of times, and a disk takes long for that.

    They are where they always are if somebody says where, in ``make test-all``, and where memory has no room,
    or no programs may run from it.
    """
    if rows.ALL or "TMPDIR" in os.environ or not MEMORY.is_mount():
        return
    if shutil.disk_usage(MEMORY).free >= ROOM and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import only what these rows have."""
    if not rows.COMPILED or collection_path.is_dir():
        return None
    path = collection_path.relative_to(config.rootpath).as_posix()
    return not any(fnmatch(path, suite) for suite in rows.SUITES) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, keep every other order, and choose what the build needs."""
    order = {TESTS / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
    if not rows.ALL:
        _leave_out(items, rows.WHOLE)
    if rows.COMPILED:
        _leave_out(items, rows.UNTOUCHED)
    for pattern, reason in rows.PURE.items() if COMPILED else ():
        for item in items:
            if fnmatch(item.nodeid, pattern):
                item.add_marker(pytest.mark.skip(reason=reason))


def _leave_out(items: list[pytest.Item], patterns: Iterable[str]) -> None:
    """Take away the tests that any of the patterns is about, by one expression for all: there are many."""
    left_out = re.compile("|".join(map(translate, patterns)))
    items[:] = [item for item in items if not left_out.match(item.nodeid)]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start half as many processes again as there are cores: many tests wait for something."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_finish() -> None:
    """Let the collector never look again at what stays until the end: a fifth of the time of short tests."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """See that a test that is marked ``logs`` has the events logged that it names."""
    wanted = {name for mark in item.iter_markers("logs") for name in mark.args}
    if not wanted:
        return (yield)
    with watched_log() as logged:
        result = yield
    assert wanted <= set(logged.names), f"only {set(logged.names)} was logged"
    assert logged.problems == []
    return result
