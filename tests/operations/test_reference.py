"""Every command of docs/operations.md that is not in its walk is run here, or a reason says why not."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from chatcore import stored_entries
from chatcore.accounts import Administration
from chatcore.journal import Draft
from tests.accounts.people import make_accounts
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, DEADLINE, line_of, spawn
from tests.journal.sqlite.files import open_journal
from tests.operations.page import BLOCKS, PAGE, WALK
from tests.test_readme import blocks_of

ROOT = Path(__file__).parents[2]

ELSEWHERE = {
    "UV_TOOL_DIR=": "installs for all users; tests/test_packaging.py installs the wheel",
    "HATCH_BUILD_HOOKS_ENABLE=1 pip": "installs; tests/test_builds.py builds",
    "make man": "tests/cli/help/test_man.py makes and reads them",
    "install -m 0644 docs/systemd/chat.socket": "tests/cli/test_handed_over.py is handed sockets over",
    "chat account": "tests/cli/commands/test_accounts.py runs that section in its order",
    "chat invite": "tests/cli/commands/test_accounts.py runs that section in its order",
    "curl --fail": "tests/operations/test_walk.py asks the same",
    "chat status": "tests/operations/test_walk.py asks the same",
    "chat bench": "takes ten seconds; tests/cli/help/test_examples.py does it for a shorter time",
}
"""Where a block of the reference that is not run here is run, or why not; by what it begins with."""

HERE = ("chat server", "chat room remove", "chat history", "chat backup", "chat restore", "source ")
"""What the blocks begin with that are run below."""


REFERENCE = [each.text.replace("\\\n", "") for each in blocks_of(PAGE.replace(WALK, "")) if each.mark == "sh"]
"""The scripts that are not in the walk, each command on a line."""


def _commands(*begin: str) -> list[str]:
    return [line for script in REFERENCE for line in script.splitlines() if line.startswith(begin)]


@pytest.mark.parametrize("script", REFERENCE, ids=lambda each: each[:30])
def test_every_script_of_the_reference_is_run_here_or_elsewhere(script: str) -> None:
    assert script.startswith((*HERE, *ELSEWHERE))


@pytest.mark.parametrize("begin", ELSEWHERE)
def test_what_runs_elsewhere_is_on_the_page_and_its_test_exists(begin: str) -> None:
    assert any(script.startswith(begin) for script in REFERENCE)
    for path in re.findall(r"tests/\S+\.py", ELSEWHERE[begin]):
        assert (ROOT / path).is_file()


def test_every_block_says_what_it_is() -> None:
    assert {each.mark for each in BLOCKS} == {"sh", "console", "text", "toml", "ini", "json", "yaml"}


def _at(place: Path, line: str) -> list[str]:
    """Return the words of a command for a directory of a test."""
    line = line.replace("/var/lib/chat", f"{place}/server").replace("/backups", f"{place}/backups")
    words = shlex.split(re.sub(r"\b702[45]\b", "0", line), comments=True)
    assert words[0] == "chat"
    return [re.sub(r"^(sqlite:)?chat\.db$", rf"\1{place}/chat.db", word) for word in words[1:]]


@pytest.mark.parametrize("line", _commands("chat server"))
def test_a_server_starts_as_it_is_written_here(tmp_path: Path, line: str) -> None:
    (tmp_path / "server").mkdir()
    with spawn(*_at(tmp_path, line), CHAT_SERVER_LISTEN="chat://127.0.0.1:0") as server:
        for _ in range(max(1, line.count("--listen"))):
            assert line_of(server.stdout).startswith("listening on ")


def test_a_journal_is_read_and_a_room_removed_as_it_is_written_here(tmp_path: Path, inside: Inside) -> None:
    with open_journal(tmp_path / "chat.db") as harness:
        harness.submit(Draft("ops", "1", "ada", "one"), Draft("old-project", "2", "ada", "two"))
    (read,) = _commands("chat history")
    assert inside(*_at(tmp_path, read)).returncode == 0
    (remove,) = _commands("chat room remove")
    assert inside(*_at(tmp_path, remove)).stdout == "removed old-project: 1 message\n"


def test_a_shell_completes_commands_as_it_is_written_here() -> None:
    (line,) = _commands("source ")
    script = f"PATH={Path(CHAT).parent}:$PATH\n{line}\ncomplete -p chat"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=DEADLINE
    )
    assert "_chat_completion" in done.stdout


def test_what_is_backed_up_as_it_is_written_here_is_restored_as_it_is_written_here(
    tmp_path: Path, inside: Inside
) -> None:
    server = tmp_path / "server"
    (tmp_path / "backups").mkdir()
    make_accounts(server / "accounts.db", ada="owner")
    with open_journal(server / "journal.db") as harness:
        harness.post("one", "two")
    settings = f"sqlite:{server / 'journal.db'}"
    for line in _commands("chat backup"):
        assert inside(*_at(tmp_path, line), CHAT_SERVER_JOURNAL=settings).returncode == 0
    shutil.rmtree(server)
    restores = _commands("chat restore")
    assert len(restores) == 2
    for line in restores:
        assert inside(*_at(tmp_path, line), CHAT_SERVER_JOURNAL=settings).returncode == 0
    assert len([*stored_entries(server / "journal.db")]) == 2
    with Administration(server / "accounts.db", by="local:test") as book:
        assert [each.name for each in book.accounts()] == ["ada"]
