"""Journals on the command line: ``--journal NAME:ARGUMENT``, and where the default one is.

Commands that read a file take the same, with ``sqlite`` for NAME, or its path alone.

A journal is a plug-in: other packages may bring their own, and loading one may fail in any way. It is
imported only when it is chosen: SQLite takes as long as everything else together.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chatcore import HistoryLimits, Limits, UsageError
from chatcore.journal import Journal, JournalKind, find_journals, load_journal
from cli.places import journal_file
from cli.settings.server import server_setting

if TYPE_CHECKING:
    from chatcore.cluster import SharedDirectory
    from cli.settings.nats_journal import NatsAddress

__all__ = [
    "SHARED",
    "choose",
    "default_path",
    "directory_of",
    "file_of",
    "journal_to_check",
    "open_journal",
    "server_journal",
    "shared_address",
]

SHARED = ("nats", "tls")
"""The kinds that several servers share."""

_WORD = re.compile(r"[\w-]+")
"""What comes before the colon where a journal is named; in a path it rarely is a word."""


def default_path() -> Path:
    """Return the path of the journal that a server uses by default; raises `UsageError` if there is none."""
    path = journal_file()
    if path is None:
        raise UsageError("there is no home directory, so there is no default journal; name one, or set HOME")
    return path


def file_of(setting: str | None) -> Path:
    """Return the file of a journal that is named by ``sqlite:PATH`` or its path, or else the default one.

    Raises `UsageError` for a journal of another kind, and for one that is not installed: neither is a path
    of that name. ``./memory`` is one.
    """
    from chatcore import SqliteJournal

    if setting is None:
        return default_path()
    name, colon, argument = setting.partition(":")
    if name not in find_journals():
        if colon and _WORD.fullmatch(name) and not Path(setting).drive:
            raise _not_installed(name, f"sqlite:{setting}")
        return Path(setting)
    journal = choose(name).open(argument, HistoryLimits())
    if not isinstance(journal, SqliteJournal):
        raise UsageError(f"this command needs a journal in a file, sqlite:PATH, not {setting}")
    return journal.path


def server_journal(ctx: typer.Context, given: str | None) -> Path:
    """Return the file of a journal that is named, or else the one that ``chat server`` uses.

    That is the one in its settings, or the default. Raises `UsageError` for a journal of another kind.
    """
    if given:
        return file_of(given)
    setting = server_setting(ctx, "journal")  # where a name alone is that of a kind, and no path
    return file_of(setting if setting is None or ":" in setting else f"{setting}:")


def shared_address(ctx: typer.Context, given: str | None) -> "NatsAddress":
    """Return the address of a log that servers share, or else of the one that ``chat server`` uses.

    Raises `UsageError` for a journal of another kind.
    """
    from cli.settings.nats_journal import parse_address

    setting = given or server_setting(ctx, "journal") or ""
    name, _, argument = setting.partition(":")
    if name not in SHARED:
        named = f"not {setting}" if setting else "by --journal"
        raise UsageError(f"this command needs a log that servers share, nats://HOST,HOST,HOST, {named}")
    return parse_address(name, argument)


def journal_to_check(ctx: typer.Context, given: str | None) -> "Path | NatsAddress | None":
    """Return the file as `server_journal` does, or the address of a log that servers share.

    ``None`` where the server has no file, or there is no home. Raises `UsageError` for a journal of another
    kind that is named, and for an address that is wrong.
    """
    if (given or server_setting(ctx, "journal") or "").partition(":")[0] in SHARED:
        return shared_address(ctx, given)
    try:
        return server_journal(ctx, given)
    except UsageError:
        if given is not None:
            raise
        return None


def choose(name: str) -> JournalKind:
    """Return an installed kind of journal.

    Raises `UsageError` that lists the installed ones if there is no such journal, or that says why it cannot
    be loaded.
    """
    found = find_journals()
    if name not in found:
        raise _not_installed(name, f"sqlite:{name}" if Path(name).suffix or "/" in name else None)
    try:
        return load_journal(found[name])
    except Exception as error:  # a plug-in may raise anything
        raise UsageError(f"cannot load the journal {name!r}: {error}") from error


def _not_installed(name: str, file: str | None) -> UsageError:
    """Return the error for a journal that is not installed; ``file`` is how to name a file instead."""
    hint = f"; for a file write {file}" if file else ""
    return UsageError(f"there is no journal {name!r}; installed: {', '.join(find_journals())}{hint}")


def open_journal(
    setting: str | None, limits: HistoryLimits, *, search: bool = True
) -> tuple[JournalKind, Journal]:
    """Return the journal that ``--journal`` names, not started yet, and its kind; raises `UsageError`.

    Without ``search`` it has no index; only one in a file has.
    """
    name, _, argument = (setting or f"sqlite:{default_path()}").partition(":")
    if not search and name not in ("sqlite", *SHARED):
        raise UsageError("--no-search is for a journal in a file, sqlite:PATH: no other has an index")
    if not search:
        argument += f"{'&' if '?' in argument else '?'}search=off"
    kind = choose(name)
    return kind, kind.open(argument, limits)


def directory_of(setting: str | None, kind: JournalKind, limits: Limits) -> "SharedDirectory | None":
    """Return who is here at all servers that share the journal ``--journal`` names, not started yet.

    ``None`` for a journal of one server, which knows by itself who is here. Raises `UsageError`.
    """
    if setting is None or kind.name not in SHARED:
        return None
    from cli.settings.nats_journal import NatsKind

    assert isinstance(kind, NatsKind)
    return kind.directory(setting.partition(":")[2], limits)
