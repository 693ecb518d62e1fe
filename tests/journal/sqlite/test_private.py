"""What a journal stores can be read by nobody else, whatever the umask is."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.processes import chat_server
from tests.journal.sqlite.files import open_journal
from transports.threaded_tcp import connect

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(directory: Path) -> dict[str, int]:
    """Return the modes of everything below a directory, by name. SQLite's own journal comes and goes."""
    found: dict[str, int] = {}
    for each in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found[each.name] = stat.S_IMODE(each.stat().st_mode)
    return found


@pytest.mark.usefixtures("_umask")
def test_files_and_directories_are_private_while_a_server_runs_and_after(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "journal.db"
    with (
        chat_server("--journal", f"sqlite:{path}") as server,
        connect(server.url, nick="ana") as ana,
    ):
        ana.post("a secret")
        running = modes(tmp_path)
        assert running.keys() >= {f"journal.db{end}" for end in ("", "-wal", "-shm", "-life")}
    after = modes(tmp_path)
    for found in (running, after):
        assert {name: oct(mode) for name, mode in found.items()} == {
            name: oct(0o700 if name in "ab" else 0o600) for name in found
        }


def test_no_file_is_ever_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chmod(*_: object, **__: object) -> None:
        raise AssertionError("a mode was changed later")

    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, chmod)
    before = os.umask(0)
    try:
        with open_journal(tmp_path / "journal.db") as harness:
            harness.post("one")
            harness.remove()
            assert set(modes(tmp_path).values()) == {0o600}
    finally:
        os.umask(before)


@pytest.mark.logs("journal.exposed")
def test_what_others_can_read_or_replace_keeps_its_mode_and_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "shared"
    path = directory / "journal.db"
    with open_journal(path):
        assert caplog.messages == []
    directory.chmod(0o777)
    path.chmod(0o644)
    with open_journal(path) as harness:
        harness.post("one")
    assert caplog.messages == [
        f"other users can replace files in {directory}; to prevent that: chmod o-w {directory}",
        f"other users can read or write {path}; to prevent that: chmod go= {path}",
    ]
    assert (stat.S_IMODE(directory.stat().st_mode), stat.S_IMODE(path.stat().st_mode)) == (0o777, 0o644)


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_directory_that_others_can_only_list_is_no_worry(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    directory = tmp_path / "listed"
    directory.mkdir()
    directory.chmod(mode)
    with open_journal(directory / "journal.db"):
        assert caplog.messages == []
    assert stat.S_IMODE(directory.stat().st_mode) == mode
