"""A journal that is replaced while a server runs: everybody reads the new log under its own epoch."""

import shutil
from pathlib import Path

import pytest

from chatcore import Message, RefusedError
from tests.cli.processes import chat_server
from tests.journal.contract.harness import DEADLINE
from tests.journal.sqlite.process import other_process
from transports.threaded_tcp import Chat, connect

TEXTS = [f"backup {n} {'x' * 100}" for n in range(50)]


def post_until_stored(chat: Chat, text: str) -> None:
    """Post until the server has noticed, and has opened the new file."""
    for _ in range(100):
        try:
            chat.post(text)
        except RefusedError as error:
            if error.code != "unavailable":
                raise
        else:
            return
    raise AssertionError("the journal never recovered")


@pytest.mark.parametrize("transport", ["asyncio", "threaded"])
def test_members_and_readers_get_the_new_log_after_the_file_was_replaced(
    tmp_path: Path, transport: str
) -> None:
    path, backup = tmp_path / "journal.db", tmp_path / "backup" / "journal.db"
    with other_process(backup, *TEXTS):
        pass
    options = ("--transport", transport, "--journal", f"sqlite:{path}", "--limit", "tail_bytes=1000")
    with chat_server(*options) as server, connect(server.url, nick="ana") as ana:
        for n in range(20):
            ana.post(f"ours {n}")
        ana.history(limit=2)  # so the reader has read the old file
        first = ana.position("lobby").epoch
        path.with_name("journal.db-shm").unlink()
        for end in ("-wal", ""):
            shutil.move(backup.with_name(f"journal.db{end}"), path.with_name(f"journal.db{end}"))
        post_until_stored(ana, "late")
        assert [message.text for message in ana.history(limit=2).messages] == [TEXTS[-1], "late"]
        with connect(server.url, nick="bob", history=1_000) as bob:
            texts: list[str] = []
            while texts[-1:] != ["late"]:
                event = bob.receive(timeout=DEADLINE)
                if isinstance(event, Message):
                    texts.append(event.text)
            assert texts == [*TEXTS, "late"]
            assert bob.position("lobby").epoch != first
            assert bob.history(limit=1).epoch == bob.position("lobby").epoch
