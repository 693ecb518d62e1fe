"""What docs/operations.md says. The service that it describes is run in `tests.test_systemd_units`."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from chatcore import stored_entries
from chatcore.accounts import Administration
from cli.access.page import NAME, find_server
from tests.accounts.people import make_accounts
from tests.cli.processes import CHAT, DEADLINE, environment
from tests.journal.sqlite.files import open_journal
from tests.test_readme import Block, anchors, blocks_of

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = blocks_of(TEXT)


def block(mark: str, word: str) -> str:
    """Return the block of this kind that has a word in it."""
    (found,) = (each.text for each in BLOCKS if each.mark == mark and word in each.text)
    return found


@pytest.mark.parametrize(
    "script", [each for each in BLOCKS if each.mark == "sh"], ids=lambda each: each.text[:30]
)
def test_every_script_can_be_parsed(script: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=script.text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_of_a_page_is_one_that_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.access.page._get", lambda *_: block("json", "chats://").encode())
    assert NAME in TEXT
    assert find_server("https://chat.example.org/").url == "chats://chat.example.org:7024"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT))))
def test_every_link_leads_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    document = PAGE.parent / path if path else PAGE
    assert document.is_file()
    assert not anchor or anchor in anchors(document)


def _commands_here(block: Block, place: Path) -> list[list[str]]:
    """Return the commands of a block as they can be run here, without what only root can do."""
    text = block.text.replace("/var/lib/chat", str(place / "server")).replace(
        "/backups", str(place / "backups")
    )
    words = [shlex.split(line) for line in text.splitlines() if not line.startswith("systemctl ")]
    return [_as_this_user(each) for each in words]


def _as_this_user(words: list[str]) -> list[str]:
    if words[:3] == ["sudo", "-u", "chat"]:
        words = words[3:]
    if words[0] == "install":
        words = [word for word in words if word not in ("-o", "-g", "chat")]
    return [CHAT if word in ("chat", "/opt/chat/bin/chat") else word for word in words]


@pytest.mark.parametrize("guide", [True, False])
def test_what_is_backed_up_as_it_is_written_here_is_restored_on_an_empty_machine(
    tmp_path: Path, guide: bool
) -> None:
    blocks = [
        block for block in BLOCKS if block.mark == "sh" and re.search("chat (backup|restore) ", block.text)
    ]
    blocks = [block for block in blocks if ("sudo -u chat" in block.text) == guide]
    commands = [command for block in blocks for command in _commands_here(block, tmp_path)]
    server, backups = tmp_path / "server", tmp_path / "backups"
    make_accounts(server / "accounts.db", ada="owner")
    with open_journal(server / "journal.db") as harness:
        harness.post("one", "two")
    if not guide:
        backups.mkdir()
    makes = [command for command in commands if "restore" not in command]
    restores = [command for command in commands if "restore" in command]
    settings = environment(CHAT_SERVER_JOURNAL=f"sqlite:{server / 'journal.db'}")
    for command in makes:
        subprocess.run(command, check=True, timeout=DEADLINE, env=settings)
    shutil.rmtree(server)
    for command in restores:
        subprocess.run(command, check=True, timeout=DEADLINE, env=settings)
    assert len(restores) == 2
    assert len([*stored_entries(server / "journal.db")]) == 2
    with Administration(server / "accounts.db", by="local:test") as book:
        assert [each.name for each in book.accounts()] == ["ada"]
