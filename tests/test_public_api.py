"""What is public: exact lists of names, and two clients that are used in the same way.

A change here is a change for everybody who uses the library, and belongs in the changelog.
"""

import ast
import asyncio
import importlib
import inspect
import re
import subprocess
import sys
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

import chatcore
from transports import asyncio_tcp, threaded_tcp

ROOT = Path(__file__).parent.parent
TIMEOUT = 50.0

PUBLIC = {
    "chatcore": """
        COMPILED DEFAULT_URL LOBBY PROTOCOL RULES Accounts AccountsError Ack Act AddressList Backoff ChatError
        ClientFrame ClientLimits ClosedError Closing DisconnectedError Durations Error ErrorCode Event Forget
        Found Frame Gap Hello History HistoryLimits Hub Invite Invited Join Joined JournalCopy JournalError
        JournalReport JournalStatistics Leave Left Limits LocalError Members MemoryJournal Message MisuseError
        Moderate Moderated NickFrame Offline Online Page PageGap Ping Pong Position Post Presence
        ProtocolError RefusedError RemoteError Renamed RoomEntry RoomEvent RoomList RoomStatistics Rooms
        Search ServerFrame SqliteJournal Statistics Subscription UsageError Welcome Who __version__
        back_up_journal check_journal encode fold is_numeric is_reserved json_schema new_id new_key
        renew_epoch restore_journal stored_entries
        """,
    # For those who decide who may enter, and what they may do.
    "chatcore.gate": """
        ANYBODY Act Claim Gate Invitation Moderation OpenGate Peer Person Post Refusal Watch
        """,
    # For those who manage the accounts of a server.
    "chatcore.accounts": """
        ROLES AccountEntry Accounts AccountsCopy Administration AuditEntry BanEntry InviteEntry KeyEntry
        PublicUrl Returned Role back_up_accounts key_id owns restore_accounts
        """,
    # For those whose servers share a log.
    "chatcore.cluster": """
        Log LogEntry LogListener MemoryLog RecordLimits ReplicaStatus ReplicatedAccounts
        ReplicatedAdministration ReplicatedJournal RosterStatus SharedDirectory
        """,
    "transports.jetstream": """
        Credentials JetStreamLog Look MemberKept MonitorPage ServerLook Servers Stream StreamState
        last_entries look look_at read_credentials remove_member
        """,
    # For those who write plug-ins.
    "chatcore.transport": """
        GROUP Channel Endpoint Host Layers Listen MeasuredServer Peer Server ServerStatistics Session
        Site Transport Wire check_listens find_transports load_transport server_statistics
        """,
    # For those who serve over TLS.
    "transports.certificates": """
        Certificate certificate_pin parse_pin
        """,
    "chatcore.journal": """
        GROUP Conflict Draft DurabilityWord Feed Head Journal JournalKind Outcome Page PageGap Place Posted
        RoomPage RoomRecord Stored Unavailable always find_journals load_journal
        """,
    "chatcore.wire": """
        Capabilities Codec Fault Hangup Item LineBuffer Moved NonFrame Peer Recogniser Reply Stored Wire
        client_frames encode encode_acks server_frames
        """,
}
"""The public names of each public module, in the order of its ``__all__``."""

CHAT = """
    account address can_search closed durability limits nick role rooms secret server unanswered ask_nowait
    close events flush forget_device history invite_device is_mine is_replay join leave list_rooms moderate
    ping position post post_nowait receive search set_nick who
    """
"""The public names of a `Chat`."""

TWINS = {"__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__"}
"""Methods that Python calls by another name where they are awaited."""

ALIKE: dict[Any, Any] = {AsyncIterator: Iterator, asyncio.Future: Future}
"""Types of which each kind of client has its own."""


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_exactly_these(module: str) -> None:
    assert importlib.import_module(module).__all__ == PUBLIC[module].split()


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_can_be_loaded(module: str) -> None:
    loaded = importlib.import_module(module)
    for name in PUBLIC[module].split():
        assert getattr(loaded, name) is not None
    assert set(PUBLIC[module].split()) <= set(dir(loaded))


def test_every_public_class_and_function_says_what_it_is() -> None:
    silent = [
        f"{module}.{name}"
        for module in PUBLIC
        for name in PUBLIC[module].split()
        if inspect.isclass(value := getattr(importlib.import_module(module), name))
        or inspect.isroutine(value)
        if not (inspect.getdoc(value) or "").strip()
    ]
    assert silent == []


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ClientSession'"):
        chatcore.ClientSession  # type: ignore[attr-defined]  # noqa: B018  # that is the test


def test_the_three_lists_of_the_front_door_agree() -> None:
    tree = ast.parse(Path(chatcore.__file__).read_text("utf-8"))
    for_checkers = {
        alias.name: node.module
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert for_checkers == chatcore._HOME_OF
    assert set(for_checkers) | {"COMPILED", "__version__"} == set(chatcore.__all__)


# --- what is loaded for it -----------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_all_names_can_be_imported_together() -> None:
    assert {"chatcore.server.hub", "sqlite3"} <= loaded_by(
        "from chatcore import *; Hub, SqliteJournal, Message"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import transports.asyncio_tcp",
        "from transports.threaded_tcp import Chat",
        "from transports.threaded_tcp import Chat, connect, serve",
        "from chatcore import Backoff, ChatError, Event, Gap, Message, Offline, Position",
    ],
)
def test_a_client_loads_no_server_and_no_journal(code: str) -> None:
    loaded = loaded_by(code)
    assert "chatcore" in loaded
    assert not {name for name in loaded if name.startswith(("chatcore.server", "sqlite3"))}
    assert "chatcore.journal.sqlite" not in loaded


def test_a_threaded_program_that_takes_part_in_its_hub_loads_no_event_loop() -> None:
    loaded = loaded_by(
        "from chatcore import Hub\n"
        "with Hub() as hub, hub.subscribe('lobby') as subscription:\n"
        "    hub.post('lobby', 'program', 'hello')\n"
        "    assert [subscription.receive(5).type for _ in range(2)] == ['joined', 'message']"
    )
    assert "chatcore.server.subscription" in loaded
    assert not {"asyncio", "sqlite3"} & loaded


def test_the_front_door_loads_nothing_by_itself() -> None:
    loaded = {name for name in loaded_by("import chatcore") if name.startswith("chatcore")}
    assert loaded == {"chatcore", "chatcore.version"}


# --- two clients, one face -----------------------------------------------------------------------


def members(chat: type) -> dict[str, Any]:
    """Return what users may use of a class, under the names of the blocking one."""
    own = {TWINS.get(name, name): value for name, value in vars(chat).items()}
    dunders = {*TWINS.values(), "__repr__", "__del__"}
    return {name: value for name, value in own.items() if not name.startswith("_") or name in dunders}


def function_of(member: Any) -> Callable[..., Any]:
    """Return the function that a method or a property is."""
    function = member.fget if isinstance(member, property) else member
    assert callable(function)
    return function


def plain_type(hint: Any) -> Any:
    """Return a type as the blocking client would name it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in ALIKE:
        return ALIKE[origin][tuple(map(plain_type, arguments))]
    return hint


def parameters(function: Callable[..., Any]) -> list[tuple[str, object, object, object]]:
    """Return name, kind, default and type of each parameter of a function, or of what makes an object."""
    hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    return [
        (each.name, each.kind, each.default, plain_type(hints.get(each.name)))
        for each in inspect.signature(function).parameters.values()
    ]


def returned(function: Callable[..., Any]) -> object:
    """Return the type of what a function returns, once that was awaited."""
    return plain_type(typing.get_type_hints(function).get("return"))


def blocking_words(documented: object) -> str:
    """Return a docstring as the blocking client has it."""
    text = inspect.getdoc(documented) or ""
    return re.sub(r"\b(async|await) ", "", text).replace("asyncio_tcp", "threaded_tcp")


def test_the_names_of_a_chat_are_exactly_these() -> None:
    for chat in (asyncio_tcp.Chat, threaded_tcp.Chat):
        assert sorted(name for name in members(chat) if not name.startswith("_")) == sorted(CHAT.split())


def test_both_chats_have_the_same_members() -> None:
    assert set(members(asyncio_tcp.Chat)) == set(members(threaded_tcp.Chat))
    assert {name for name, value in members(asyncio_tcp.Chat).items() if isinstance(value, property)} == {
        name for name, value in members(threaded_tcp.Chat).items() if isinstance(value, property)
    }


@pytest.mark.parametrize("name", members(threaded_tcp.Chat))
def test_a_member_is_the_same_in_both_chats(name: str) -> None:
    one, other = (members(chat)[name] for chat in (asyncio_tcp.Chat, threaded_tcp.Chat))
    assert parameters(function_of(one)) == parameters(function_of(other))
    assert returned(function_of(one)) == returned(function_of(other))
    assert blocking_words(one) == blocking_words(other)
    assert name.startswith("_") or inspect.getdoc(one)


def test_the_chats_have_the_same_documentation() -> None:
    assert blocking_words(asyncio_tcp.Chat) == blocking_words(threaded_tcp.Chat)


@pytest.mark.parametrize("name", ["connect", "serve"])
def test_both_transports_are_used_in_the_same_way(name: str) -> None:
    one, other = (getattr(transport, name) for transport in (asyncio_tcp, threaded_tcp))
    assert parameters(one) == parameters(other)
    assert blocking_words(one) == blocking_words(other)
    assert "::\n" in (inspect.getdoc(one) or ""), "there is no example"


def test_both_transports_export_the_same_names() -> None:
    same = {"Chat", "Server", "connect", "serve", "transport"}
    assert set(asyncio_tcp.__all__) == same | {"AsyncioTransport", "new_event_loop"}
    assert set(threaded_tcp.__all__) == same | {"ThreadedTransport"}
