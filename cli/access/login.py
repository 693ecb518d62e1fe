"""What a command needs in order to connect: the key and the pin for its server, found by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from chatcore import UsageError
from cli.access.keys import KeyFile
from cli.access.links import address, nodes_of
from cli.access.trust import Ca, trust_of
from cli.places import keys_file

__all__ = ["Login", "login_for"]


class _Options(TypedDict):
    """What a ``connect`` takes of it."""

    key: str | None
    ca: str | None
    pin: str | Mapping[str, str] | None
    insecure: bool


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are on a server, and how we know that it is the right one.

    ``account`` is the name to use there, if we have a key, which is never shown, and is from ``file``. With a
    ``pin`` for all addresses there is no ``ca``: see `cli.access.trust`.
    """

    account: str | None = None
    key: str | None = field(default=None, repr=False)
    ca: str | None = None
    pin: str | Mapping[str, str] | None = None
    insecure: bool = False
    file: KeyFile | None = field(default=None, repr=False)

    def forget_key(self, url: str) -> None:
        """Remove our key for a server from its file. Raises `UsageError` and `OSError`."""
        if self.file is not None and self.key is not None:
            self.file.forget_key(address(url), self.key)

    @property
    def one_pin(self) -> str | None:
        """The pin that is for all addresses, if there is one."""
        return self.pin if isinstance(self.pin, str) else None

    @property
    def options(self) -> _Options:
        """What to give to ``connect``."""
        return {"key": self.key, "ca": self.ca, "pin": self.pin, "insecure": self.insecure}


def login_for(url: str, key_file: str | None, ca: Ca) -> Login:
    """Return what is stored for a server; raises `UsageError` if the file cannot be used."""
    if key_file is None and keys_file() is None:
        return Login(ca=ca.path)
    file = KeyFile.of(key_file)
    if key_file is not None and not file.path.exists():
        raise UsageError(f"there is no file of keys {file.path}; `chat join --key-file` makes one")
    entry = file.entry(address(url))
    device, trust = entry.key, trust_of(ca, file.pins(address(url), nodes_of(url)))
    return Login(
        account=None if device is None else entry.account,
        key=None if device is None else device.key,
        ca=trust.ca,
        pin=trust.pin,
        insecure=entry.insecure,
        file=file,
    )
