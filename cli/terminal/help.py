"""What ``/help`` says: everyday commands with what they do, and the others by what they are for.

All of it is on one screen, so commands that few people need have no row of their own: ``/help COMMAND`` says
what one does.
"""

from collections.abc import Mapping

from cli.terminal.input import ALIASES, COMMANDS, Form

__all__ = ["describe_command", "describe_commands"]

GROUPS = {
    "what you hear of": ("/highlight", "/hush", "/ignore", "/unignore", "/quiet"),
    "what was not sent": ("/resend", "/drop"),
    "your devices": ("/device",),
    "for moderators": ("/kick", "/mute", "/ban", "/lift", "/close", "/open", "/admit"),
}
"""Commands that have no row of their own."""

KEYS = (
    "{send} sends, {newline} starts a new line, {complete} completes, {find} searches what you typed,"
    " Ctrl-D quits"
)

_COLUMN = 15
"""Where summaries begin, unless what is typed is longer: a command is one row."""


def describe_commands(keys: Mapping[str, str], *, words: bool) -> str:
    """Return the list of commands; with ``words`` without the keys that only a drawn prompt has.

    ``keys`` are the names of the keys, by what they do.
    """
    grouped = {name for names in GROUPS.values() for name in names}
    lines = [_row(name, form, keys) for name, form in COMMANDS.items() if name not in grouped]
    lines.append(_usage("//text", "send a message that starts with a slash"))
    lines += [f"{what}: {', '.join(names)}" for what, names in GROUPS.items()]
    lines.append(f"{', '.join(ALIASES)} do what {', '.join(ALIASES.values())} do")
    return "\n".join(lines if words else [*lines, KEYS.format_map(keys)])


def describe_command(wanted: str, keys: Mapping[str, str]) -> str:
    """Return what a command does; it may be typed without its slash."""
    typed = f"/{wanted.lstrip('/')}".casefold()
    name = ALIASES.get(typed, typed)
    form = COMMANDS.get(name)
    return f"there is no {typed}; /help lists the commands" if form is None else _row(name, form, keys)


def _row(name: str, form: Form, keys: Mapping[str, str]) -> str:
    return _usage(f"{name} {form.argument}", form.summary.format_map(keys))


def _usage(typed: str, summary: str) -> str:
    return f"{typed:{_COLUMN}} {summary}" if len(typed) <= _COLUMN else f"{typed}  {summary}"
