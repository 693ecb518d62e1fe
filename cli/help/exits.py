"""The exit codes of all commands, as ``--help`` and ``docs/operations.md`` have them.

A code never changes its meaning: scripts and monitors depend on them. `cli.report` has their names.
"""

from dataclasses import dataclass

__all__ = ["EXITS", "Exit", "exits_of"]


@dataclass(frozen=True, slots=True)
class Exit:
    """What a code means for some commands; the code is a number, or says which numbers."""

    code: str
    meaning: str
    commands: tuple[str, ...]


_CHAT = ("",)
"""``chat`` itself: what a code means for all commands."""

_CLIENTS = ("client", "send", "tail", "rooms", "status", "search", "join")
_ACCOUNTS = ("invite", "ban", "unban", "bans", "audit")
_ACCOUNT = tuple(f"account {name}" for name in ("add", "list", "role", "remove", "keys", "revoke"))
_CHANGES = ("cluster remove", "cluster set", "cluster new-epoch")
_LISTS = ("config", "transports", "journals", "schema", "cluster config")
_ALL = (
    *("server", "backup", "restore", "history", "doctor", "trust", "bench", "room remove"),
    *_CLIENTS,
    *_ACCOUNTS,
    *_ACCOUNT,
    *_LISTS,
    *("cluster status", *_CHANGES),
)

EXITS = (
    Exit("0", "success", _CHAT),
    Exit("1", "failure", _CHAT),
    Exit("0", "a signal stopped it cleanly", ("server",)),
    Exit("0", "all of the input is stored, or you left", ("client",)),
    Exit("0", "the message is stored", ("send",)),
    Exit("0", "you are let in", ("join",)),
    Exit("0", "the server answers", ("status",)),
    Exit("0", "everything is printed", ("tail", "rooms", "search", "history", *_LISTS)),
    Exit("0", "every member got every stored message once, in order", ("bench",)),
    Exit("0", "there is a new backup", ("backup",)),
    Exit("0", "the file is restored", ("restore",)),
    Exit("0", "nothing is wrong", ("doctor", "cluster status")),
    Exit("0", "it is done", ("trust", "room remove", *_CHANGES, *_ACCOUNTS, *_ACCOUNT)),
    Exit("1", "it cannot listen, cannot use the journal or the accounts, or crashed", ("server",)),
    Exit(
        "1",
        "there is no server, it keeps this address out, or the connection was lost",
        ("tail", "rooms", "search", "join"),
    ),
    Exit(
        "1",
        "there is no server, it keeps this address out, the connection was lost, or you said no",
        ("client",),
    ),
    Exit(
        "1",
        "there is no server, it keeps this address out, the connection was lost, or the time was over",
        ("send",),
    ),
    Exit("1", "there is no server, or no answer in time", ("status",)),
    Exit("1", "a delivery was lost, duplicated, altered or out of order, or there is no server", ("bench",)),
    Exit("1", "there is no new backup; an older one is as it was", ("backup",)),
    Exit("1", "nothing is restored; what there was is as it was", ("restore",)),
    Exit("1", "something is wrong", ("doctor", "cluster status")),
    Exit("1", "the journal cannot be read", ("history",)),
    Exit("1", "the journal cannot be used, or you said no", ("room remove",)),
    Exit("1", "it runs, is unknown, or cannot be removed now, or you said no", ("cluster remove",)),
    Exit("1", "the log cannot be changed", ("cluster set",)),
    Exit("1", "the log cannot be changed, or you said no", ("cluster new-epoch",)),
    Exit("1", "the accounts cannot be used", (*_ACCOUNTS, *(each for each in _ACCOUNT if "rem" not in each))),
    Exit("1", "the accounts cannot be used, or you said no", ("account remove",)),
    Exit("1", "the file of keys cannot be used", ("trust",)),
    Exit("1", "the output cannot be written", _LISTS),
    Exit("2", "an argument, an option, a setting or a line of JSON is invalid", ("client",)),
    Exit(
        "2",
        "an argument, an option or a setting is invalid",
        (*_CHAT, *(each for each in _ALL if each != "client")),
    ),
    Exit("3", "the server refused it", (*_CHAT, *_CLIENTS)),
    Exit("3", "the server refused a member or a post", ("bench",)),
    Exit("4", "the server speaks no version of the protocol that this does", (*_CHAT, *_CLIENTS)),
    Exit("5", "messages are missing", _CHAT),
    Exit("5", "everything there is was printed, but messages are missing", ("tail", "history")),
    Exit("5", "there is a new backup; messages in it are damaged", ("backup",)),
    Exit("5", "the journal is restored; messages in it are damaged", ("restore",)),
    Exit("5", "the server gave up before the end of the search", ("search",)),
    Exit("130", "Ctrl-C", (*_CHAT, *(each for each in _ALL if each != "server"))),
    Exit("128 + N", "signal N, such as 143 for SIGTERM", ("tail",)),
)
"""Each meaning of each code."""


def exits_of(command: str) -> tuple[Exit, ...]:
    """Return the exit codes of a command, such as ``send`` or ``account add``; of ``chat`` if empty."""
    return tuple(each for each in EXITS if command in each.commands)
