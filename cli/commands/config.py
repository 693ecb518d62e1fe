"""``chat config``: all settings, and where each comes from."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chatcore import UsageError
from cli.settings.file import LOOKS, SERVERS, ConfigFile
from cli.settings.options import Setting
from cli.streams import write_text

__all__ = ["run"]


def run(file: ConfigFile, settings: Mapping[str, Mapping[str, Setting]], *, path: bool) -> None:
    """Print every setting with its origin, in the form of ``chat.toml``; with ``path``, only where that is.

    Settings that have their default are comments, so the output is a good start for a file. Raises
    `UsageError` for an invalid value in the environment.
    """
    if path:
        if file.path is None:
            raise UsageError("there is no home directory; name a file with --config, or set HOME")
        write_text(f"{file.path}\n", wrap=False)
        return
    where = f"# {file.path or 'there is no home directory'}"
    lines = [f"{where}{'' if file.exists else ' (there is no such file)' if file.path else ''}\n"]
    for command, table in settings.items():
        lines += [f"\n[{command}]\n", *(_line(file, setting) for setting in table.values())]
    for name, server in file.servers.items():
        lines += _table(f"{SERVERS}.{_key(name)}", server)
    for name in LOOKS:
        lines += _table(name, file.look(name))
    write_text("".join(lines), wrap=False)


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the file, and then those in it."""
    if table:
        yield f"\n[{name}]\n"
    yield from (f"{key} = {_toml(value)}\n" for key, value in table.items() if not isinstance(value, dict))
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _table(f"{name}.{_key(key)}", value)


def _line(file: ConfigFile, setting: Setting) -> str:
    if found := setting.from_environment():
        variable, value = found
        return f"{setting.name} = {_toml(value)}  # {variable}\n"
    value = file.value(setting.command, setting.name)
    if value is not None:
        return f"{setting.name} = {_toml(value)}  # {file.path.name if file.path else ''}\n"
    default = setting.example if setting.default is None else _toml(setting.default)
    return f"# {setting.name} = {default}  # default{': ' if setting.summary else ''}{setting.summary}\n"


def _key(name: str) -> str:
    """Return a name as the key of a table: one with a dot in it needs quotes."""
    return _toml(name) if "." in name else name


def _toml(value: Any) -> str:
    # JSON writes strings, numbers, booleans and lists of them as TOML does, except for this character.
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")
