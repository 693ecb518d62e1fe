"""``chat.toml``: where it is, what it sets, and the line of any mistake in it.

The file has a table for each command, and shared settings above the tables. It is checked as a whole when it
is read, also the tables of other commands: a typo in ``[server]`` is reported by ``chat client`` too, and not
only when a server is next started.

The checks are written by hand, since a mistake must be reported with its line. A library of models knows
the key, but not where it stands in the text.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from chatcore import UsageError
from cli.settings.options import Setting, nearest

__all__ = ["ConfigFile", "default_path"]

Settings = Mapping[str, Mapping[str, Setting]]


def default_path() -> Path:
    """Return where the file is, unless the user names another one."""
    from platformdirs import user_config_path

    return user_config_path("chatcore", appauthor=False) / "chat.toml"


class ConfigFile:
    """A valid file of settings. The default file may be missing, and sets nothing then.

    Raises `UsageError` if the file cannot be read, is not TOML or has an invalid setting, or if it was
    ``named`` and does not exist.
    """

    def __init__(self, named: str | None, settings: Settings) -> None:
        self.path = Path(named).expanduser() if named else default_path()
        self.exists = True
        self._settings = settings
        try:
            self._text = self.path.read_text("utf-8-sig")
        except FileNotFoundError:
            if named:
                raise UsageError(f"there is no file {self.path}") from None
            self.exists, self._text = False, ""
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror or error}") from None
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.path} is not UTF-8: {error.reason} at byte {error.start}") from None
        self._content = self._parse()
        self._check()

    def defaults(self) -> dict[str, dict[str, Any]]:
        """Return what the file sets, by command and option, in typer's form."""
        return {
            command: {name: value for name in table if (value := self.value(command, name)) is not None}
            for command, table in self._settings.items()
        }

    def value(self, command: str, name: str) -> Any:
        """Return what the file sets an option to, or ``None``."""
        value = self._content.get(command, {}).get(name)
        if value is None and self._settings[command][name].shared:
            return self._content.get(name)
        return value

    # --- checks ----------------------------------------------------------------------------------

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{self.path} is not TOML: {error}") from None

    def _check(self) -> None:
        shared = {
            name: each for table in self._settings.values() for name, each in table.items() if each.shared
        }
        for key, value in self._content.items():
            if key in self._settings and isinstance(value, dict):
                self._check_table(key, value)
            elif key in shared and not isinstance(value, dict):
                self._check_value([key], value, shared[key])
            else:
                self._refuse_key(key, value, shared)

    def _check_table(self, command: str, table: dict[str, Any]) -> None:
        known = self._settings[command]
        for key, value in table.items():
            if key not in known:
                near = nearest(key, known) or f"; the settings are {', '.join(known)}"
                self._complain([command, key], f"is not a setting{near}")
            self._check_value([command, key], value, known[key])

    def _check_value(self, keys: list[str], value: object, setting: Setting) -> None:
        try:
            setting.check(value)
        except ValueError as error:
            self._complain(keys, f"{error}, not {value!r}")

    def _refuse_key(self, key: str, value: object, shared: Mapping[str, Setting]) -> NoReturn:
        tables = [f"[{command}]" for command in self._settings]
        if isinstance(value, dict):
            near = nearest(f"[{key}]", tables) or f"; the tables are {', '.join(tables)}"
            self._complain([key], f"is not a table of settings{near}")
        tables_with_it = [f"[{command}]" for command, table in self._settings.items() if key in table]
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
        line = 1
        for count in range(len(lines) + 1):
            try:
                content: Any = tomllib.loads("\n".join(lines[:count]))
            except tomllib.TOMLDecodeError:
                continue
            for key in keys:
                content = content.get(key) if isinstance(content, dict) else None
            if content is not None:
                break
            line = count + 1
        return line
