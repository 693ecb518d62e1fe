"""The journal that several servers share, as ``chat server --journal nats://...`` finds it.

What follows the name is the rest of an address: the servers of the log, and options. NATS itself is imported
once such a journal is chosen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from chatcore import HistoryLimits, Limits, UsageError
from chatcore.journal import JournalKind
from cli.places import shared_state_file
from cli.settings.limits import RECORD_LIMITS

if TYPE_CHECKING:
    from chatcore.cluster import ReplicatedJournal, SharedDirectory
    from transports.jetstream import JetStreamLog, Servers, Stream

__all__ = [
    "NatsAddress",
    "NatsKind",
    "live_stream_of",
    "nats",
    "parse_address",
    "servers_of",
    "stream_of",
    "tls",
]

PORT: Final = 4222

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?")
_MONITOR = re.compile(r"http://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?/?")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIZE = re.compile(r"([1-9]\d{0,8})([KMGT]iB)?")
_UNITS = {None: 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
_REPLICAS = {"1": 1, "3": 3, "5": 5}
_OPTIONS = ("stream", "replicas", "creds", "state", "bytes", "ca", "monitor", "search")


@dataclass(frozen=True, slots=True)
class NatsAddress:
    """What an address says. ``hosts`` are ``HOST:PORT``, in the order in which they are tried."""

    hosts: tuple[str, ...]
    encrypted: bool
    stream: str
    replicas: int
    max_bytes: int | None
    credentials: Path | None
    authority: Path | None
    state: Path
    monitors: tuple[str, ...]
    search: bool


class NatsKind:
    """``--journal nats://HOST,HOST:PORT?stream=NAME&replicas=3&creds=PATH&state=PATH``, or ``tls://``.

    ``bytes=4GiB`` is how large the stream may get where it is made. ``ca=PATH`` has the authorities that
    certificates are checked against, of ``tls://``. ``monitor=URL,URL`` is where the servers show how they
    are set up, which is asked whether they sync always.
    """

    def __init__(self, name: str, summary: str) -> None:
        self.name = name
        self.summary = summary

    def open(self, argument: str, limits: HistoryLimits) -> "ReplicatedJournal":
        """Return the journal of an address; raises `UsageError`."""
        address = parse_address(self.name, argument)
        default = HistoryLimits()
        for name in RECORD_LIMITS:
            if getattr(limits, name) != getattr(default, name):
                raise UsageError(
                    f"{name} belongs to the log, and is the same on all of its servers; "
                    f"change it with `chat cluster set {name}=VALUE`"
                )
        try:
            from chatcore.cluster import ReplicatedJournal

            return ReplicatedJournal(address.state, _log(address), search=address.search)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"a journal at {self.name}:// needs nats-py; install chatcore[cluster]"
            ) from error

    def directory(self, argument: str, limits: Limits) -> "SharedDirectory":
        """Return who is here at all servers of the log of an address; raises `UsageError`."""
        address = parse_address(self.name, argument)
        from chatcore.cluster import SharedDirectory
        from transports.jetstream import JetStreamLog

        return SharedDirectory(JetStreamLog(servers_of(address), live_stream_of(address)), limits)


def parse_address(scheme: str, argument: str) -> NatsAddress:
    """Return what an address says; raises `UsageError` that says what is wrong with it."""
    example = f"{scheme}://HOST,HOST,HOST?stream=chat&replicas=3"
    hosts, _, query = argument.removeprefix("//").partition("?")
    if not argument.startswith("//") or not hosts:
        raise UsageError(f"a journal that servers share is named as {example}")
    if "@" in hosts:
        raise UsageError("a password in an address would be shown to others; put it into a file, creds=PATH")
    options = _options(query)
    stream = options.get("stream", "chat")
    if not _NAME.fullmatch(stream):
        raise UsageError(f"stream={stream} is invalid: letters, digits, - and _ make up to 64 characters")
    addresses = tuple(map(_host, hosts.split(",")))
    if "ca" in options and scheme != "tls":
        raise UsageError("ca=PATH is for tls://")
    return NatsAddress(
        hosts=addresses,
        encrypted=scheme == "tls",
        stream=stream,
        replicas=_replicas(options, len(addresses)),
        max_bytes=_size(options.get("bytes")),
        credentials=_path(options.get("creds")),
        authority=_path(options.get("ca")),
        state=_path(options.get("state")) or _default_state(stream),
        monitors=_monitors(options.get("monitor")),
        search=options.get("search", "on") != "off",
    )


def _log(address: NatsAddress) -> "JetStreamLog":
    from transports.jetstream import JetStreamLog

    return JetStreamLog(servers_of(address), stream_of(address))


def servers_of(address: NatsAddress) -> "Servers":
    """Return the servers of an address; raises `UsageError` for files that cannot be used."""
    from transports.jetstream import Servers

    context = None
    if address.encrypted:
        import ssl

        try:
            context = ssl.create_default_context(cafile=address.authority)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"cannot read ca={address.authority}: {error}") from error
    if address.credentials is not None and not address.credentials.is_file():
        raise UsageError(f"creds={address.credentials} is not a file")
    return Servers(address.hosts, context, address.credentials, address.monitors)


def stream_of(address: NatsAddress) -> "Stream":
    """Return the stream of an address."""
    from transports.jetstream import Stream

    if address.max_bytes is None:
        return Stream.of_messages(address.stream, address.replicas)
    return Stream.of_messages(address.stream, address.replicas, address.max_bytes)


def live_stream_of(address: NatsAddress) -> "Stream":
    """Return the stream of who is here."""
    from transports.jetstream import Stream

    return Stream.of_live(address.stream, address.replicas)


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise UsageError(f"what follows the ? is NAME=VALUE with & in between, not {query!r}") from None
    names = [name for name, _ in pairs]
    for name in names:
        if name not in _OPTIONS:
            raise UsageError(f"unknown option {name!r}; there are {', '.join(_OPTIONS)}")
        if names.count(name) > 1:
            raise UsageError(f"{name} is given twice")
    return dict(pairs)


def _host(text: str) -> str:
    match = _HOST.fullmatch(text)
    port = int(match[2] or PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise UsageError(f"{text!r} is not HOST or HOST:PORT")
    return f"{match[1]}:{port}"


def _replicas(options: Mapping[str, str], hosts: int) -> int:
    text = options.get("replicas", "3" if hosts >= 3 else "1")
    if text not in _REPLICAS:
        raise UsageError(f"replicas={text} is invalid: it must be one of {', '.join(_REPLICAS)}")
    return _REPLICAS[text]


def _monitors(text: str | None) -> tuple[str, ...]:
    urls = () if text is None else tuple(text.split(","))
    for url in urls:
        if not _MONITOR.fullmatch(url):
            raise UsageError(
                f"monitor={url} is invalid; write monitor=http://HOST:8222, with commas in between"
            )
    return urls


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"bytes={text} is invalid; write bytes=4GiB")
    return int(match[1]) << _UNITS[match[2]]


def _path(text: str | None) -> Path | None:
    if text is None:
        return None
    if not text or "\0" in text:
        raise UsageError("a path is missing in the address of the journal")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"there is no home directory for {text}") from None


def _default_state(stream: str) -> Path:
    path = shared_state_file(stream)
    if path is None:
        raise UsageError("there is no home directory for the local copy of the log; add state=PATH")
    return path


nats = NatsKind("nats", "in a log of NATS that servers share, nats://HOST,HOST,HOST?stream=NAME&replicas=3")
tls = NatsKind("tls", "the same, encrypted, tls://HOST,HOST,HOST?stream=NAME&replicas=3&ca=PATH")
_: JournalKind = nats
