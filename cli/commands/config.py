"""``chat config``: all settings, and where each comes from."""

from collections.abc import Mapping

from chatcore import UsageError
from cli.settings.effective import Effective, effective
from cli.settings.file import LOOKS, SERVERS, ConfigFile
from cli.settings.options import Setting
from cli.settings.toml import comment, is_text, toml, toml_tables
from cli.streams import write_text

__all__ = ["run"]


def run(file: ConfigFile, settings: Mapping[str, Mapping[str, Setting]], *, path: bool) -> None:
    """Print every setting with its origin, in the form of ``chat.toml``; with ``path``, only where that is.

    As a file, the output makes every command do what it does now. Settings that have their default are
    comments. Raises `UsageError` for an invalid value in the environment.
    """
    if path:
        if file.path is None:
            raise UsageError("there is no home directory; name a file with --config, or set HOME")
        write_text(f"{file.path}\n", wrap=False)
        return
    lines = [f"# {comment(_where(file))}\n"]
    for command, table in settings.items():
        lines += [f"\n[{command}]\n", *map(_line, effective(file, table))]
    lines += toml_tables(SERVERS, file.servers)
    for name in LOOKS:
        lines += toml_tables(name, file.look(name))
    write_text("".join(lines), wrap=False)


def _where(file: ConfigFile) -> str:
    if file.path is None:
        return "there is no home directory"
    if file.unreachable:
        return file.unreachable
    return f"{file.path}{'' if file.exists else ' (there is no such file)'}"


def _line(found: Effective) -> str:
    setting = found.setting
    if found.value is None:
        default = setting.example if setting.default is None else toml(setting.default)
        return f"# {setting.name} = {default}  # default{': ' if setting.summary else ''}{setting.summary}\n"
    line = f"{setting.name} = {toml(found.value)}  # {comment(found.origin)}"
    return f"{line}\n" if is_text(found.value) else f"# {line}, which is not UTF-8: no file can have it\n"
