"""Removing what clients remember: of one server, or of all.

All slots concerned are locked before one is removed, so a client that runs keeps what it uses, and either all
of them go or none.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chatcore import UsageError
from cli.state.file import read_records
from cli.state.lock import SlotLock
from cli.state.remembered import Header, Remembered

__all__ = ["HeldSlot", "held_slots"]

_PARTS = ("*.jsonl", "*.lock", "*.bad")


class HeldSlot:
    """A slot that nobody else uses; ``path`` is its file, if there is one."""

    def __init__(self, path: Path, remembered: Remembered) -> None:
        self.path = path
        self.remembered = remembered

    def remove(self) -> None:
        """Remove everything of it but the lock, which goes when it is no longer held."""
        for path in (self.path, self.path.with_suffix(".bad"), self.path.with_name(f".{self.path.name}.new")):
            path.unlink(missing_ok=True)


@contextmanager
def held_slots(directory: Path, server: str | None) -> Iterator[list[HeldSlot]]:
    """Hold the slots of a server, or all, so that no client can use them.

    Raises `UsageError` if a client uses one, and `OSError` if they cannot be read or locked.
    """
    paths = {part.with_suffix(".jsonl") for pattern in _PARTS for part in directory.glob(pattern)}
    with ExitStack() as locks:
        held = []
        for path in sorted(paths):
            remembered = _read(path)
            if server is None or remembered.header.server.lower() == server.lower():
                lock = SlotLock.take(path.with_suffix(".lock"))
                if lock is None:
                    where = f" at {remembered.header.server}" if remembered.header.server else ""
                    raise UsageError(f"a client{where} is running; end it first")
                locks.callback(lock.remove)
                held.append(HeldSlot(path, _read(path)))
        yield held


def _read(path: Path) -> Remembered:
    """Return what a slot holds, as far as this version understands it."""
    records = read_records(path)
    first = next((record for record in records if "server" in record), {})
    remembered = Remembered(Header(str(first.get("server", "")), str(first.get("who", ""))))
    remembered.apply(record for record in records if "v" not in record)
    return remembered
