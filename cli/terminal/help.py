"""What ``/help`` says: everyday commands with what they do, and the others by what they are for.

All of it is on one screen, so commands that few people need have no row of their own: ``/help COMMAND`` says
what one does.
"""

from cli.terminal.input import ALIASES, COMMANDS, Form

__all__ = ["describe_command", "describe_commands"]

GROUPS = {
    "what you hear of": ("/highlight", "/hush", "/ignore", "/unignore", "/quiet"),
    "what was not sent": ("/resend", "/drop"),
    "one more device of yours": ("/device",),
    "for moderators": ("/kick", "/mute", "/ban", "/lift", "/close", "/open", "/admit"),
}
"""Commands that have no row of their own."""

KEYS = "Enter sends, Alt-Enter starts a new line, Tab completes, Ctrl-R searches what you typed, Ctrl-D quits"

_COLUMN = 15
"""Where summaries begin, unless what is typed is longer: a command is one row."""


def describe_commands(*, words: bool) -> str:
    """Return the list of commands; with ``words`` without the keys that only a drawn prompt has."""
    grouped = {name for names in GROUPS.values() for name in names}
    lines = [_row(name, form) for name, form in COMMANDS.items() if name not in grouped]
    lines.append(_usage("//text", "send a message that starts with a slash"))
    lines += [f"{what}: {', '.join(names)}" for what, names in GROUPS.items()]
    lines.append(f"{', '.join(ALIASES)} do what {', '.join(ALIASES.values())} do")
    return "\n".join(lines if words else [*lines, KEYS])


def describe_command(wanted: str) -> str:
    """Return what a command does; it may be typed without its slash."""
    typed = f"/{wanted.lstrip('/')}".casefold()
    name = ALIASES.get(typed, typed)
    form = COMMANDS.get(name)
    return f"there is no {typed}; /help lists the commands" if form is None else _row(name, form)


def _row(name: str, form: Form) -> str:
    return _usage(f"{name} {form.argument}", form.summary)


def _usage(typed: str, summary: str) -> str:
    return f"{typed:{_COLUMN}} {summary}" if len(typed) <= _COLUMN else f"{typed}  {summary}"
