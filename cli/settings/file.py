"""``chat.toml``: where it is, what it sets, and the line of any mistake in it.

The file has a table for each command, and shared settings above the tables. ``[servers.NAME]`` is a server by
name: its address, and what else is shared. ``[keys]`` and ``[colours]`` are for the terminal. It is checked
as a whole when it is read, also the tables of other commands: a typo in ``[server]`` is reported by ``chat
client`` too, and not only when a server is next started.

The checks are written by hand, since a mistake must be reported with its line. A library of models knows
the key, but not where it stands in the text.
"""

import re
import reprlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from chatcore import UsageError
from cli.places import config_file
from cli.settings.colours import check_colours
from cli.settings.keys import Mistake, check_keys
from cli.settings.options import Setting, nearest

__all__ = ["LOOKS", "SERVERS", "ConfigFile"]

Settings = Mapping[str, Mapping[str, Setting]]

MOST_BYTES = 64 * 1024
"""The longest file that is read. Settings are a few lines; what is longer is something else."""

MOST_PARSED = 200
"""How often the file is parsed to find the line of a mistake."""

SERVERS = "servers"
"""The table of tables, each a server's."""

LOOKS = {"keys": check_keys, "colours": check_colours}
"""The tables of the terminal client, and what checks them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ADDRESS = re.compile(r"(chat|chats)://.+")

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


class ConfigFile:
    """A valid file of settings. The default file may be missing, and sets nothing then.

    ``settings`` are all that there can be. ``path`` is ``None`` without a home directory. ``unreachable``
    says why nobody can know whether there is a default file, as where the home directory is another user's.
    Raises `UsageError` if the file cannot be read, is not TOML or has an invalid setting, or if it was
    ``named`` and does not exist.
    """

    def __init__(self, named: str | None, settings: Settings) -> None:
        self.path = _expanded(named) if named else config_file()
        self.unreachable: str | None = None
        self.settings = settings
        self._named = bool(named)
        data = self._data = self._load()
        self.exists = data is not None
        self._text = self._decode(data or b"")
        try:
            self._content = self._parse()
            self._check()
        except RecursionError:
            raise UsageError(f"{self.path} is nested too deeply") from None

    @property
    def changed(self) -> bool:
        """Whether the file is another one by now, or cannot be read any more."""
        try:
            return self._load() != self._data
        except UsageError:
            return True

    def defaults(self) -> dict[str, dict[str, Any]]:
        """Return what the file sets, by command and option, in typer's form."""
        return {
            command: {name: value for name in table if (value := self.value(command, name)) is not None}
            for command, table in self.settings.items()
        }

    def value(self, command: str, name: str) -> Any:
        """Return what the file sets an option to, or ``None``."""
        value, _ = self.found(command, name)
        return value

    def found(self, command: str, name: str) -> tuple[Any, bool]:
        """Return what the file sets an option to, or ``None``, and whether that stands above all tables."""
        value = self._content.get(command, {}).get(name)
        if value is None and self.settings[command][name].shared:
            return self._content.get(name), True
        return value, False

    @property
    def servers(self) -> dict[str, dict[str, Any]]:
        """What the file sets for each server that it names."""
        found: dict[str, dict[str, Any]] = self._content.get(SERVERS, {})
        return found

    def look(self, name: str) -> dict[str, Any]:
        """Return one of the tables of `LOOKS`, which may be empty."""
        found: dict[str, Any] = self._content.get(name, {})
        return found

    def server(self, name: str, command: str) -> dict[str, Any]:
        """Return what the file sets for a server, as far as a command shares it with others.

        Raises `UsageError` that lists the names if there is no such server.
        """
        if name not in self.servers:
            raise UsageError(self._unknown_server(name))
        known = self.settings.get(command, {})
        return {
            key: value
            for key, value in self.servers[name].items()
            if key == "url" or (key in known and known[key].shared)
        }

    def _unknown_server(self, name: str) -> str:
        if not self.servers:
            where = self.path or "chat.toml"
            return f"{name!r} is not an address, such as chat://HOST:PORT, and {where} names no servers"
        near = nearest(name, self.servers) or f"; the names are {', '.join(self.servers)}"
        return f"{name!r} is not a server in {self.path}, nor an address{near}"

    # --- reading ---------------------------------------------------------------------------------

    def _load(self) -> bytes | None:
        return None if self.path is None else self._read(self.path, named=self._named)

    def _read(self, path: Path, *, named: bool) -> bytes | None:
        """Return what is in the file; ``None`` if the default one is not there."""
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            if named:
                raise UsageError(f"there is no file {path}") from None
            return None
        except OSError as error:
            reason = f"cannot read {path}: {error.strerror or error}"
            if named or not isinstance(error, PermissionError) or _is_reachable(path):
                raise UsageError(reason) from None
            self.unreachable = reason
            return None
        if len(data) > MOST_BYTES:
            raise UsageError(f"{path} is no file of settings: it has more than {MOST_BYTES:,} bytes")
        return data

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.path} is not UTF-8: {error.reason} at byte {error.start}") from None

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except ValueError as error:  # and a number of very many digits is not a `TOMLDecodeError`
            raise UsageError(f"{self.path} is not TOML: {error}") from None

    # --- checks ----------------------------------------------------------------------------------

    def _check(self) -> None:
        shared = {
            name: each for table in self.settings.values() for name, each in table.items() if each.shared
        }
        for key, value in self._content.items():
            if key == SERVERS and isinstance(value, dict):
                self._check_servers(value, shared)
            elif key in LOOKS and isinstance(value, dict):
                self._check_look(key, value)
            elif key in self.settings and isinstance(value, dict):
                self._check_table(key, value)
            elif key in shared and not isinstance(value, dict):
                self._check_value([key], value, shared[key])
            else:
                self._refuse_key(key, value, shared)

    def _check_table(self, command: str, table: dict[str, Any]) -> None:
        known = self.settings[command]
        for key, value in table.items():
            if key not in known:
                near = nearest(key, known) or f"; the settings are {', '.join(known)}"
                self._complain([command, key], f"is not a setting{near}")
            self._check_value([command, key], value, known[key])

    def _check_look(self, name: str, table: dict[str, Any]) -> None:
        try:
            LOOKS[name](table)
        except Mistake as mistake:
            self._complain([name, *mistake.keys], str(mistake))

    def _check_servers(self, servers: dict[str, Any], shared: Mapping[str, Setting]) -> None:
        for name, table in servers.items():
            keys = [SERVERS, name]
            if not isinstance(table, dict):
                self._complain(keys, f"is not a server; write it as a table, [{SERVERS}.NAME]")
            if not _NAME.fullmatch(name):
                self._complain(keys, "is not a name: letters, digits, '-', '_' and '.'")
            for key, value in table.items():
                if key not in shared:
                    near = nearest(key, shared) or f"; the settings are {', '.join(shared)}"
                    self._complain([*keys, key], f"is not a setting of a server{near}")
                self._check_value([*keys, key], value, shared[key])
            if not _ADDRESS.fullmatch(table.get("url", "")):
                where = [*keys, "url"] if "url" in table else keys
                self._complain(where, 'needs an address: url = "chats://HOST:PORT"')

    def _check_value(self, keys: list[str], value: object, setting: Setting) -> None:
        try:
            setting.check(value)
        except ValueError as error:
            self._complain(keys, f"{error}, not {_SHORT.repr(value)}")

    def _refuse_key(self, key: str, value: object, shared: Mapping[str, Setting]) -> NoReturn:
        tables = [f"[{each}]" for each in (*self.settings, f"{SERVERS}.NAME", *LOOKS)]
        if isinstance(value, dict):
            near = nearest(f"[{key}]", tables) or f"; the tables are {', '.join(tables)}"
            self._complain([key], f"is not a table of settings{near}")
        tables_with_it = [f"[{command}]" for command, table in self.settings.items() if key in table]
        if tables_with_it:
            self._complain([key], f"belongs in {' or '.join(tables_with_it)}")
        near = nearest(key, shared) or f"; settings go in a table such as {tables[0]}"
        self._complain([key], f"is not a setting{near}")

    def _complain(self, keys: list[str], problem: str) -> NoReturn:
        raise UsageError(f"{self.path}, line {self._line(keys)}: {'.'.join(keys)} {problem}")

    def _line(self, keys: list[str]) -> int:
        """Return the line of a key: the one after the longest start of the file without it that is TOML.

        The parser does not give lines. Starts of the file that are not TOML end inside a value.
        """
        lines = self._text.split("\n")
        budget = iter(range(MOST_PARSED))
        without, start, end = 0, 0, len(lines)
        while end - start > 1:
            middle = (start + end) // 2
            count, has = _last_start(lines, start, middle, keys, budget)
            if has:
                end = count
            else:
                without, start = max(without, count), middle
        return without + 1


def _last_start(
    lines: list[str], start: int, middle: int, keys: list[str], budget: Iterator[int]
) -> tuple[int, bool]:
    """Return the length of the longest start of the file up to ``middle`` that is TOML, and if it has a key.

    If there is none after ``start``, return 0.
    """
    for count in range(middle, start, -1):
        if next(budget, None) is None:
            break
        has = _has("\n".join(lines[:count]), keys)
        if has is not None:
            return count, has
    return 0, False


def _has(text: str, keys: list[str]) -> bool | None:
    """Tell whether a text has a key; ``None`` if it is not TOML."""
    try:
        content: Any = tomllib.loads(text)
    except ValueError:
        return None
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content is not None


def _expanded(named: str) -> Path:
    try:
        return Path(named).expanduser()
    except RuntimeError:
        raise UsageError(f"there is no home directory for {named}") from None


def _is_reachable(path: Path) -> bool:
    """Tell whether a file is known to be there."""
    try:
        path.stat()
    except OSError:
        return False
    return True
