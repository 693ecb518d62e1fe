"""Reads the page of a command from its declaration.

- The docstring has the summary, then paragraphs, then lines that begin with ``Example:``.
- Each option says what it is; its panel is the heading of the section that it is in.
- `cli.help.exits` has the exit codes, and `cli.settings.options` what can be set without a flag.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from cli.help.exits import exits_of
from cli.help.headings import SERVER_AND_YOU
from cli.help.page import Examples, Page, Prose, Rows, Section

__all__ = ["contexts", "page_of", "pages"]

OPTIONS = "Options"
"""The heading of options that have no other."""

_OWN_WORDS = {
    "help": "Print this page, and exit.",
    "install_completion": "Let the shell that you use complete commands.",
    "show_completion": "Print the script that does that, for your own set-up.",
}
"""What is said of options that no command of ours declares."""

_ALL_SETTINGS = (
    "Most options can be set in chat.toml, or as variables whose names begin with CHAT_; the page of a "
    "command has their names. `chat config --path` prints where the file is."
)

_RANKING = (
    "A variable wins over the file, and what you type over both. "
    "`chat config` prints all settings, and where each comes from."
)


def page_of(ctx: Any) -> Page:
    """Return the page of the command or group that is asked about."""
    command = ctx.command
    summary, paragraphs, examples = _parts(command.help or "")
    if hasattr(command, "commands"):
        paragraphs += (f"`{ctx.command_path} COMMAND --help` describes a command.",)
    parameters = [each for each in command.get_params(ctx) if not each.hidden]
    sections: list[Section] = [*_commands(command), *_arguments(parameters), *_options(parameters)]
    path = ctx.command_path.partition(" ")[2]
    sections += [*_settings(path), *_exits(path)]
    if examples:
        sections.append(Examples("Examples" if len(examples) > 1 else "Example", examples))
    return Page(ctx.command_path, _usage(command, parameters), summary, paragraphs, tuple(sections))


def pages() -> dict[str, Page]:
    """Return the pages of all commands and groups, by what follows ``chat``."""
    return {path: page_of(context) for path, context in contexts().items()}


def contexts() -> dict[str, Any]:
    """Return what each command and group is asked about with, by what follows ``chat``."""
    from typer.main import get_command

    from cli.app import app

    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any, Any]] = [("", get_command(app), None)]
    for path, command, parent in waiting:
        name = path.split()[-1] if path else "chat"
        context = found[path] = typer.Context(command, parent, name, **command.context_settings)
        children = getattr(command, "commands", {})
        waiting += [(f"{path} {each}".strip(), child, context) for each, child in children.items()]
    return found


def _parts(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the summary, the paragraphs and the examples of a docstring."""
    summary, *others = inspect.cleandoc(text).replace("\b\n", "").split("\n\n")
    examples: tuple[str, ...] = ()
    if others and others[-1].startswith("Example:"):
        lines = others.pop().removeprefix("Example:").splitlines()
        examples = tuple(line.strip() for line in lines if line.strip())
    return _joined(summary), tuple(map(_joined, others)), examples


def _joined(text: str) -> str:
    return " ".join(text.split())


def _usage(command: Any, parameters: list[Any]) -> str:
    if hasattr(command, "commands"):
        return "[OPTION]... COMMAND [ARGUMENT]..."
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    return " ".join(["[OPTION]...", *(_bracketed(each) for each in arguments)])


def _bracketed(argument: Any) -> str:
    return str(argument.metavar) if argument.required else f"[{argument.metavar}]"


# --- sections ------------------------------------------------------------------------------------


def _commands(command: Any) -> Iterator[Rows]:
    """Yield the commands of a group, by their panels."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            row = (name, _parts(each.help or "")[0])
            panels.setdefault(each.rich_help_panel or "Commands", []).append(row)
    yield from (Rows(heading, "commands", tuple(rows)) for heading, rows in panels.items())


def _arguments(parameters: list[Any]) -> Iterator[Rows]:
    rows = [(str(each.metavar), _text(each)) for each in parameters if each.param_type_name == "argument"]
    if rows:
        yield Rows("Arguments" if len(rows) > 1 else "Argument", "options", tuple(rows))


def _options(parameters: list[Any]) -> list[Rows]:
    """Return the options by their panels: what a command has alone, then what many have."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for each in parameters:
        if each.param_type_name == "option":
            heading = each.rich_help_panel or OPTIONS
            panels.setdefault(heading, []).append((_term(each), _text(each)))
    found = [Rows(heading, "options", tuple(rows)) for heading, rows in panels.items()]
    return sorted(found, key=_place)


def _place(section: Rows) -> int:
    if section.heading == OPTIONS:
        return 3 if len(section.rows) == 1 else 1
    return 2 if section.heading == SERVER_AND_YOU else 0


def _term(option: Any) -> str:
    names = [*sorted(option.opts, key=lambda name: name.startswith("--")), *option.secondary_opts]
    return ", ".join(names) + ("" if option.is_flag else f" {option.metavar}")


def _text(parameter: Any) -> str:
    text = _joined(_OWN_WORDS.get(parameter.name) or parameter.help or "")
    default = _default(parameter)
    return f"{text} Default: {default}." if default else text


def _default(parameter: Any) -> str:
    value = parameter.default
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if isinstance(value, bool):
        return str(parameter.opts[0]) if value and parameter.secondary_opts else ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int) and parameter.show_default else ""


def _settings(command: str) -> Iterator[Prose]:
    """Say how options can be set without a flag."""
    from cli.app import app
    from cli.settings.options import settings_of

    if not command:
        yield Prose("Settings", _ALL_SETTINGS)
    elif table := settings_of(app.registered_commands).get(command):
        own = [name for name, each in table.items() if not each.shared]
        shared = [name for name, each in table.items() if each.shared]
        ways = [*_ways(own, f"in the table [{command}] of chat.toml", command)]
        ways += _ways(shared, "for all commands: above the tables")
        yield Prose("Settings", " ".join([*ways, _RANKING]))


def _ways(names: list[str], where: str, *prefix: str) -> Iterator[str]:
    if names:
        variable = "_".join(["chat", *prefix, names[0]]).upper()
        yield f"Set {_listed(names)} {where}, or as {variable}{' and so on' if names[1:] else ''}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _exits(command: str) -> Iterator[Rows]:
    rows = tuple((each.code, each.meaning) for each in exits_of(command))
    if rows:
        yield Rows("Exit codes", "codes", rows)
