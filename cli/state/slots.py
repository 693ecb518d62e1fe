"""Which slot is whose: a slot for each server and identity, and one more for each client beside the first.

A client owns the first slot that is free, so nothing is ever merged, and no secret is used by two. One beside
another begins with a copy of the rooms of the first slot, and nothing else. Slots after one's own that are
free hand over their unsent lines, drafts and mentions, and are removed. Their rooms are only named: they were
not this client's.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from chatcore import fold
from cli.directories import make_directory
from cli.state.file import SlotFile, check_owner, read_records, set_aside
from cli.state.lock import SlotLock
from cli.state.remembered import Header, Remembered
from cli.state.slot import Slot

__all__ = ["Slots"]

_NAME = re.compile(r"(.+)\.([1-9][0-9]*)\.jsonl")


class Slots:
    """The slots of one server and identity. ``who`` is an account's name or, without one, a nick."""

    def __init__(self, directory: Path, server: str, who: str, *, account: bool) -> None:
        self._directory = directory
        self._header = Header(server, who)
        key = f"{server.lower()} {'account' if account else 'nick'} {fold(who)}"
        short = re.sub(r"[^a-z0-9._-]+", "-", f"{server.partition('://')[2]}-{who}".lower().replace(":", "-"))
        self._prefix = f"{short[:80]}-{blake2b(key.encode(), digest_size=4).hexdigest()}"

    def take(self) -> Slot:
        """Take the first slot that is free.

        Raises `OSError` if there is no place or no locking, and `UsageError` if others may write there, or if
        a newer version of this program has written it.
        """
        make_directory(self._directory)
        check_owner(self._directory, self._directory.stat())
        lock, number = self._free_lock()
        try:
            return self._load(lock, number)
        except BaseException:
            lock.release()
            raise

    def has(self, path: Path) -> bool:
        """Tell whether the file of a slot is one of these."""
        match = _NAME.fullmatch(path.name)
        return match is not None and match[1] == self._prefix

    def new_place(self) -> tuple[Path, SlotLock]:
        """Return where the file of one more slot goes, after all that there are, with its lock."""
        number = 1
        while self._path(number).exists() or (lock := SlotLock.take(self._lock_path(number))) is None:
            number += 1
        return self._path(number), lock

    def _free_lock(self) -> tuple[SlotLock, int]:
        number = 1
        while (lock := SlotLock.take(self._lock_path(number))) is None:
            number += 1
        return lock, number

    def _load(self, lock: SlotLock, number: int) -> Slot:
        path = self._path(number)
        others = list(self._free_after(number))
        try:
            long = self._set_aside(number, *(other for other, _ in others))
            remembered = self._read(number)
            if number > 1 and not path.exists():
                remembered.begin_as(self._read(1))
            for other, _ in others:
                remembered.take_over(self._read(other))
            file = SlotFile(path)
            file.rewrite(remembered.records())
            for other, _ in others:
                self._path(other).unlink(missing_ok=True)
        finally:
            for _, held in others:
                held.remove()
        return Slot(lock, file, remembered, long)

    def _set_aside(self, *numbers: int) -> Sequence[Path]:
        """Set aside those of our files that are too long to be read; return where they are now."""
        paths = (set_aside(self._path(number)) for number in numbers)
        return [path for path in paths if path is not None]

    def _read(self, number: int) -> Remembered:
        remembered = Remembered(self._header)
        remembered.apply(read_records(self._path(number)))
        return remembered

    def _free_after(self, number: int) -> Iterator[tuple[int, SlotLock]]:
        """Yield the slots after a number that nobody owns; they are locked then."""
        for path in sorted(self._directory.glob(f"{self._prefix}.*.jsonl")):
            match = _NAME.fullmatch(path.name)
            other = int(match[2]) if match else 0
            if other > number and (lock := SlotLock.take(self._lock_path(other))) is not None:
                yield other, lock

    def _path(self, number: int) -> Path:
        return self._directory / f"{self._prefix}.{number}.jsonl"

    def _lock_path(self, number: int) -> Path:
        return self._path(number).with_suffix(".lock")
