"""A typed chat protocol, and everything that a program needs to take part in it.

This is the front door: what is exported here is public, with one transport to connect or serve by. ::

    from chatcore import Message
    from transports.asyncio_tcp import connect  # or transports.threaded_tcp

Nine modules are public besides: `chatcore.gate`, for those who decide who may enter and what they may do,
`chatcore.accounts`, for those who manage the accounts of a server, `chatcore.logs`, for those who read or
write its log, `chatcore.cluster` and `transports.jetstream`, for those whose servers share a log,
`transports.certificates`, for those who serve over TLS, and `chatcore.transport`, `chatcore.journal` and
`chatcore.wire`, for those who write plug-ins. Everything else is internal and may change at any time.
``docs/library.md`` shows how to use all this.

Names are loaded when they are first asked for, so that a client never loads the server.

To read the code, take it in this order. The ground: `version`, `subclassing`, `errors`, `logs`, `names`,
`nicks`, who has which, `ids`, `kinds`, `terms`, what words are to a search, `limits`, `fields` and
`messages`, which has every frame, `durations`, how long things took, `encoding`, which writes the two that
come with every post, `arguments`, `schema`, `address`, `site`, what browsers are served, `private`, which
keeps files from others, and `sqlite`, for what is stored in them, and `replication`, a log that servers
share. `roster` is who is here, on all of them. The seams: `gate`, `wire`, `journal` and `transport`. Then the
two sides, which never import each other: `server` and `client`; and `accounts`, a gate. `cluster` has the
names of what servers that share a log are made of. The docstring of each package continues from there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from chatcore.version import COMPILED, __version__

if TYPE_CHECKING:
    from chatcore.accounts.gate import Accounts
    from chatcore.address import DEFAULT_URL, AddressList
    from chatcore.client.backoff import Backoff, Offline, Online
    from chatcore.client.events import Event
    from chatcore.client.identity import new_key
    from chatcore.durations import Durations
    from chatcore.errors import (
        AccountsError,
        ChatError,
        ClosedError,
        DisconnectedError,
        ErrorCode,
        JournalError,
        LocalError,
        MisuseError,
        ProtocolError,
        RefusedError,
        RemoteError,
        UsageError,
    )
    from chatcore.ids import new_id
    from chatcore.journal.memory import MemoryJournal
    from chatcore.journal.sqlite import (
        JournalCopy,
        JournalReport,
        SqliteJournal,
        back_up_journal,
        check_journal,
        renew_epoch,
        restore_journal,
        stored_entries,
    )
    from chatcore.journal.statistics import JournalStatistics
    from chatcore.limits import ClientLimits, HistoryLimits, Limits
    from chatcore.messages import (
        PROTOCOL,
        Ack,
        Act,
        ClientFrame,
        Closing,
        Error,
        Forget,
        Found,
        Frame,
        Gap,
        Hello,
        History,
        Invite,
        Invited,
        Join,
        Joined,
        Leave,
        Left,
        Members,
        Message,
        Moderate,
        Moderated,
        NickFrame,
        Page,
        PageGap,
        Ping,
        Pong,
        Position,
        Post,
        Presence,
        Renamed,
        RoomEntry,
        RoomList,
        Rooms,
        Search,
        ServerFrame,
        Welcome,
        Who,
        encode,
    )
    from chatcore.names import LOBBY, RULES, fold, is_numeric, is_reserved
    from chatcore.schema import json_schema
    from chatcore.server.hub import Hub
    from chatcore.server.room_reader import RoomEvent
    from chatcore.server.statistics import RoomStatistics, Statistics
    from chatcore.server.subscription import Subscription

__all__ = [
    "COMPILED",
    "DEFAULT_URL",
    "LOBBY",
    "PROTOCOL",
    "RULES",
    "Accounts",
    "AccountsError",
    "Ack",
    "Act",
    "AddressList",
    "Backoff",
    "ChatError",
    "ClientFrame",
    "ClientLimits",
    "ClosedError",
    "Closing",
    "DisconnectedError",
    "Durations",
    "Error",
    "ErrorCode",
    "Event",
    "Forget",
    "Found",
    "Frame",
    "Gap",
    "Hello",
    "History",
    "HistoryLimits",
    "Hub",
    "Invite",
    "Invited",
    "Join",
    "Joined",
    "JournalCopy",
    "JournalError",
    "JournalReport",
    "JournalStatistics",
    "Leave",
    "Left",
    "Limits",
    "LocalError",
    "Members",
    "MemoryJournal",
    "Message",
    "MisuseError",
    "Moderate",
    "Moderated",
    "NickFrame",
    "Offline",
    "Online",
    "Page",
    "PageGap",
    "Ping",
    "Pong",
    "Position",
    "Post",
    "Presence",
    "ProtocolError",
    "RefusedError",
    "RemoteError",
    "Renamed",
    "RoomEntry",
    "RoomEvent",
    "RoomList",
    "RoomStatistics",
    "Rooms",
    "Search",
    "ServerFrame",
    "SqliteJournal",
    "Statistics",
    "Subscription",
    "UsageError",
    "Welcome",
    "Who",
    "__version__",
    "back_up_journal",
    "check_journal",
    "encode",
    "fold",
    "is_numeric",
    "is_reserved",
    "json_schema",
    "new_id",
    "new_key",
    "renew_epoch",
    "restore_journal",
    "stored_entries",
]

_HOMES = {
    "chatcore.accounts.gate": "Accounts",
    "chatcore.address": "DEFAULT_URL AddressList",
    "chatcore.client.backoff": "Backoff Offline Online",
    "chatcore.client.events": "Event",
    "chatcore.client.identity": "new_key",
    "chatcore.durations": "Durations",
    "chatcore.errors": (
        "AccountsError ChatError ClosedError DisconnectedError ErrorCode JournalError LocalError MisuseError "
        "ProtocolError RefusedError RemoteError UsageError"
    ),
    "chatcore.ids": "new_id",
    "chatcore.journal.memory": "MemoryJournal",
    "chatcore.journal.sqlite": (
        "JournalCopy JournalReport SqliteJournal back_up_journal check_journal renew_epoch restore_journal "
        "stored_entries"
    ),
    "chatcore.journal.statistics": "JournalStatistics",
    "chatcore.limits": "ClientLimits HistoryLimits Limits",
    "chatcore.messages": (
        "PROTOCOL Ack Act ClientFrame Closing Error Forget Found Frame Gap Hello History Invite Invited Join "
        "Joined Leave Left Members Message Moderate Moderated NickFrame Page PageGap Ping Pong Position Post "
        "Presence Renamed RoomEntry RoomList Rooms Search ServerFrame Welcome Who encode"
    ),
    "chatcore.names": "LOBBY RULES fold is_numeric is_reserved",
    "chatcore.schema": "json_schema",
    "chatcore.server.hub": "Hub",
    "chatcore.server.room_reader": "RoomEvent",
    "chatcore.server.statistics": "RoomStatistics Statistics",
    "chatcore.server.subscription": "Subscription",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


if not TYPE_CHECKING:  # a type checker sees the imports above, and refuses every other name

    def __getattr__(name: str) -> Any:
        """Load a public name from where it is defined (PEP 562)."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
        return value

    def __dir__() -> list[str]:
        return __all__
