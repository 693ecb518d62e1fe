"""The user's keys and pins, in one file: ``keys.json`` in the data directory, or the one of ``--key-file``.

- Everything in it belongs to one address: the scheme, the host and the port. So a key of ``chats://HOST`` is
  never sent to ``chat://HOST``, whatever is typed.
- It is its owner's alone, from its creation on. A file that others can read is not used.
- A key is in the file, and on the disk, before it is sent anywhere. The file is there as a whole, the old one
  or the new one, and of two programs that change it neither undoes what the other did.
- What an invite is known by here is its hash: with it the same link finds the same key again, and so a
  ``welcome`` that was lost costs nothing.
- Nothing that is read here gets into an error or a ``repr``.
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from chatcore import UsageError
from cli.directories import make_directory, sync_directory
from cli.places import keys_file

__all__ = ["DeviceKey", "Entry", "KeyFile"]

MOST_BYTES = 1_000_000
"""The longest file that is read."""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A key that was made for an invite, whose hash is ``invite``."""

    key: str = field(repr=False)
    invite: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one server.

    ``key`` proves ``account``. ``joining`` is the key that an invite is being redeemed for: it takes the
    place of the other once the server has let it in. ``pin`` is that of the server's certificate, and
    ``insecure`` says that a key may go there without encryption.
    """

    account: str | None = None
    key: DeviceKey | None = None
    joining: DeviceKey | None = None
    pin: str | None = None
    insecure: bool = False


class KeyFile:
    """A file of keys, which need not exist. Every method may raise `UsageError` and `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, named: str | None) -> "KeyFile":
        """Return the file that is named, or else the user's own; raises `UsageError` if there is no place."""
        path = Path(named) if named else keys_file()
        if path is None:
            raise UsageError(
                "there is no home directory for your keys; set HOME, or name a file with --key-file"
            )
        return cls(path)

    def entry(self, url: str) -> Entry:
        """Return what is known of a server, by its address in full; an empty entry if that is nothing."""
        return self.entries().get(url, Entry())

    def entries(self) -> dict[str, Entry]:
        """Return all servers that something is known of."""
        text = self._read()
        if text is None:
            return {}
        try:
            return {url: _entry(value) for url, value in json.loads(text)["servers"].items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UsageError(f"{self.path} is damaged, or not a file of keys") from None

    def pins(self, url: str, nodes: Sequence[str]) -> str | dict[str, str] | None:
        """Return the pin of a server's certificate; where it has several nodes, of each that has one.

        ``url`` is the address in full, and ``nodes`` are its parts. The pin of a node counts in every list
        that has it, before that of the list, which is for nodes that share a certificate.
        """
        entries = self.entries()
        shared = entries.get(url, Entry()).pin
        if len(nodes) == 1:
            return shared
        found = {node: entries.get(node, Entry()).pin or shared for node in nodes}
        return {node: pin for node, pin in found.items() if pin is not None}

    def inherit(self, url: str, old: str, *, is_list: bool) -> bool:
        """Take the account and its key from another address of the same server; return whether there is one.

        The pin goes along if the old address ``is_list``: that of one node stays what it is. Raises
        `UsageError` if there is another key already.
        """
        with self._changing() as entries:
            before, entry = entries.get(url, Entry()), entries.get(old, Entry())
            if before.key is not None and before.key != entry.key:
                raise UsageError(f"there is a key for {url} already, so that of {old} is not used there")
            taken = replace(entry, joining=before.joining, pin=(is_list and entry.pin) or before.pin)
            if taken != Entry():
                entries[url] = taken
            return entry.key is not None

    def begin(self, url: str, invite: str, new_key: Callable[[], str], *, again: bool = False) -> str:
        """Return the key to redeem an invite with; it is in the file, and on the disk, by then.

        It is the one that was made for this invite before, if there is one. Otherwise it is the one that we
        have there, which the invite may admit to a room, unless there is to be one ``again``.
        """
        hashed = hashlib.sha256(invite.encode()).hexdigest()
        with self._changing() as entries:
            entry = entries.get(url, Entry())
            for device in (entry.joining, entry.key):
                if device is not None and device.invite == hashed:
                    return device.key
            if entry.key is not None and not again:
                entries[url] = replace(entry, joining=None)
                return entry.key.key
            key = new_key()
            entries[url] = replace(entry, joining=DeviceKey(key, hashed))
            return key

    def finish(self, url: str, account: str, *, pin: str | None, insecure: bool) -> None:
        """Note that the server has let in the key of `begin`, as an account, and how it was reached.

        ``pin`` is the one that its certificate was known by, if it was: any other is forgotten.
        """
        with self._changing() as entries:
            entry = entries.get(url, Entry())
            entries[url] = Entry(
                account=account,
                key=entry.joining or entry.key,
                pin=pin,
                insecure=insecure or entry.insecure,
            )

    def abandon(self, url: str) -> None:
        """Forget the key of `begin`: the server will never let it in."""
        with self._changing() as entries:
            if url in entries:
                entries[url] = replace(entries[url], joining=None)

    def forget_key(self, url: str, key: str) -> None:
        """Forget a key that the server lets in no more, unless there is another one by now."""
        with self._changing() as entries:
            entry = entries.get(url, Entry())
            if entry.key is not None and entry.key.key == key:
                entries[url] = replace(entry, account=None, key=None, insecure=False)
                if entries[url] == Entry():
                    del entries[url]

    def trust(self, url: str, pin: str) -> None:
        """Note the pin of a server's certificate."""
        with self._changing() as entries:
            entries[url] = replace(entries.get(url, Entry()), pin=pin)

    def forget_pin(self, url: str) -> bool:
        """Forget the pin of a server's certificate; return whether there was one."""
        with self._changing() as entries:
            entry = entries.get(url, Entry())
            if entry.pin is None:
                return False
            entries[url] = replace(entry, pin=None)
            if entries[url] == Entry():
                del entries[url]
            return True

    # --- the file --------------------------------------------------------------------------------

    def _read(self) -> bytes | None:
        try:
            with self.path.open("rb") as file:
                self._check(os.fstat(file.fileno()))
                return file.read(MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UsageError(f"cannot read your keys in {self.path}: {error.strerror or error}") from None

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{self.path} is not a file")
        if os.name == "posix" and status.st_mode & 0o077:
            raise UsageError(
                f"other users can read or write {self.path}, so the keys in it are not used; if nobody has "
                f"read them, run: chmod 600 {self.path}"
            )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Entry]]:
        """Yield the entries, and write them if they have changed."""
        with self._locked():
            before = self.entries()
            entries = dict(before)
            yield entries
            if entries != before:
                servers = {url: _content(entry) for url, entry in sorted(entries.items())}
                self._write(json.dumps({"servers": servers}, indent=2).encode() + b"\n")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        make_directory(self.path.parent)
        lock = self.path.with_name(f".{self.path.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _write(self, data: bytes) -> None:
        path = self.path.resolve()  # a link stays one
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        sync_directory(path.parent)


def _lock(descriptor: int) -> None:
    """Wait until no other program changes the file."""
    try:
        import fcntl
    except ImportError:  # Windows: two programs that change it at the same moment may undo each other
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


# --- what is in it -------------------------------------------------------------------------------


def _entry(value: dict[str, Any]) -> Entry:
    return Entry(
        account=_text(value.get("account")),
        key=_device_key(value.get("key")),
        joining=_device_key(value.get("joining")),
        pin=_text(value.get("pin")),
        insecure=value.get("insecure") is True,
    )


def _device_key(value: dict[str, Any] | None) -> DeviceKey | None:
    return None if value is None else DeviceKey(str(value["key"]), _text(value.get("invite")))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _content(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if value}
