"""``chat backup`` and ``chat restore``: copies of a journal and of the accounts, and back again.

A backup is made beside a running server, a restore while none runs. What is restored has in it what was taken
away since: `cli.returned` says what, as commands that take it away again.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatcore import JournalCopy, back_up_journal, restore_journal
from cli.columns import local_time, write_objects
from cli.report import INCOMPLETE, complain
from cli.row import Row
from cli.streams import write_text

if TYPE_CHECKING:
    from chatcore.accounts import AccountsCopy

__all__ = ["back_up", "restore", "restore_accounts"]

ACCOUNTS = "-accounts"
"""The end of the name of the accounts' backup."""


def back_up(path: Path, journal: Path, accounts: Path | None, *, as_json: bool) -> int:
    """Back up a journal, and the accounts if they are named; return the exit code.

    It is `INCOMPLETE` where messages are damaged. Raises `JournalError` and `AccountsError` if there is no
    backup; an older one is as it was then.
    """
    if accounts is not None:
        _back_up_accounts(path.with_name(f"{path.name}{ACCOUNTS}"), accounts, as_json=as_json)
    begun = time.monotonic()
    with _Progress("backing up") as progress:
        copy = back_up_journal(journal, path, progress)
    seconds = time.monotonic() - begun
    if as_json:
        write_objects([_journal_object(copy, journal, seconds)])
    else:
        write_text(f"backed up {_holds(copy)} of {journal} to {copy.path}: {_size(copy.bytes, seconds)}\n")
    return _complain_about(copy)


def _back_up_accounts(path: Path, accounts: Path, *, as_json: bool) -> None:
    from chatcore.accounts import back_up_accounts

    begun = time.monotonic()
    copy = back_up_accounts(accounts, path)
    seconds = time.monotonic() - begun
    if as_json:
        write_objects([_accounts_object(copy, accounts, seconds)])
    else:
        write_text(f"backed up {_people(copy)} of {accounts} to {copy.path}: {_size(copy.bytes, seconds)}\n")


def restore(backup: Path, journal: Path) -> int:
    """Put a backup in the place of a journal; return the exit code, `INCOMPLETE` where messages are damaged.

    Raises `JournalError` if it fails, and leaves the journal unchanged.
    """
    with _Progress("restoring") as progress:
        copy = restore_journal(backup, journal, progress)
    write_text(f"restored {_holds(copy)} from {backup} to {copy.path}, with the new epoch {copy.epoch}\n")
    _say_where(copy.kept)
    return _complain_about(copy)


def restore_accounts(backup: Path, accounts: Path) -> int:
    """Put a backup in the place of the accounts, and print what has come back with it; return the exit code.

    Raises `AccountsError` if it fails, and leaves the accounts unchanged.
    """
    from chatcore.accounts import restore_accounts as put
    from cli.returned import describe

    now = time.time()
    copy = put(backup, accounts, now=now)
    write_text(f"restored {_people(copy)} from {backup} to {copy.path}\n")
    _say_where(copy.kept)
    last = "it notes no acts" if copy.last is None else f"its last act is of {local_time(copy.last)}"
    if copy.returned is None:
        complain(f"it is not known what was revoked or banned after this backup was made; {last}")
    elif copy.returned:
        write_text(f"what was taken away later is back, and {last}; these lines take it away again:\n")
        write_text("".join(f"{line}\n" for line in describe(copy.returned, copy.path, now)), wrap=False)
    return 0


def _say_where(kept: Path | None) -> None:
    if kept is not None:
        write_text(f"what was there before is {kept}; remove that when you no longer need it\n")


def _complain_about(copy: JournalCopy) -> int:
    for problem in copy.problems[:10]:
        complain(f"{problem}; it was damaged before it was copied")
    return INCOMPLETE if copy.problems else 0


def _holds(copy: JournalCopy) -> str:
    return f"{_counted(copy.messages, 'message')} in {_counted(copy.rooms, 'room')}"


def _people(copy: "AccountsCopy") -> str:
    return _counted(copy.accounts, "account")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _size(size: int, seconds: float) -> str:
    return f"{size:,} bytes in {seconds:,.1f} s"


def _journal_object(copy: JournalCopy, journal: Path, seconds: float) -> dict[str, object]:
    return {
        "backup": str(copy.path),
        "journal": str(journal),
        "rooms": copy.rooms,
        "messages": copy.messages,
        "bytes": copy.bytes,
        "epoch": copy.epoch,
        "damaged": len(copy.problems),
        "seconds": round(seconds, 3),
    }


def _accounts_object(copy: "AccountsCopy", accounts: Path, seconds: float) -> dict[str, object]:
    return {
        "backup": str(copy.path),
        "accounts_file": str(accounts),
        "accounts": copy.accounts,
        "bytes": copy.bytes,
        "seconds": round(seconds, 3),
    }


class _Progress:
    """Shows in a terminal how much is copied, in a row that is gone at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._row = Row()
        self._percent = -1

    def __enter__(self) -> Callable[[int, int], None]:
        return self._note

    def __exit__(self, *_: object) -> None:
        self._row.erase()

    def _note(self, copied: int, total: int) -> None:
        percent = copied * 100 // max(total, 1)
        if percent != self._percent and self._row.exists:
            self._percent = percent
            self._row.show(f"{self._what}: {f'{percent} %' if copied < total else 'checking the copy'}")
