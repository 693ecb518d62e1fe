"""What a command uses without flags, and where each setting comes from.

In this order: the environment, the table of the server that its address names, its own table, the shared
settings above all tables, the default.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.settings.file import SERVERS, ConfigFile
from cli.settings.options import Setting

__all__ = ["Effective", "effective"]

URL = "url"


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting with the value that a command uses, and in words where that comes from.

    The value is ``None`` if it is the default. An address is never the name of a server.
    """

    setting: Setting
    value: Any
    origin: str


def effective(file: ConfigFile, table: Mapping[str, Setting]) -> Iterator[Effective]:
    """Yield the settings of a command. Raises `UsageError` for an invalid value in the environment."""
    server = _named_server(file, table)
    for setting in table.values():
        found = _found(file, setting, None if setting.name == URL else server)
        if setting.name == URL and found.value in file.servers:
            address = file.servers[found.value][URL]
            found = Effective(setting, address, f"[{SERVERS}.{found.value}], by {found.origin}")
        elif setting.name == URL and found.value is not None and "://" not in found.value:
            found = Effective(setting, found.value, f"{found.origin}; it is not a server of this file")
        yield found


def _named_server(file: ConfigFile, table: Mapping[str, Setting]) -> str | None:
    """Return the server that the address of a command names, if it names one."""
    if URL not in table:
        return None
    name = _found(file, table[URL], None).value
    return name if name in file.servers else None


def _found(file: ConfigFile, setting: Setting, server: str | None) -> Effective:
    if variable := setting.from_environment():
        name, value = variable
        return Effective(setting, value, name)
    if server is not None and setting.shared and setting.name in file.servers[server]:
        return Effective(setting, file.servers[server][setting.name], f"[{SERVERS}.{server}]")
    value, is_shared = file.found(setting.command, setting.name)
    where = file.path.name if file.path else ""
    return Effective(
        setting, value, f"{where}, {'above all tables' if is_shared else f'[{setting.command}]'}"
    )
