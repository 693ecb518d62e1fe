"""Every metric of a server: its name, its kind, its help, its labels, and its values in a snapshot.

- A name says its unit, and a count since the start ends in ``_total``, as is the custom of Prometheus.
- No label has a room, a nick or an address: there may be any number of those, and each would be a series.
- What a journal or a transport does not count is missing, instead of being 0. So is what only NATS
  knows of a log, without a connection to it, and who is at other servers, while this one is cut off.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from chatcore import COMPILED, Durations, ErrorCode, JournalStatistics, Statistics, __version__
from chatcore.transport import ServerStatistics
from cli.metrics.shared import LogName, LogSnapshot

if TYPE_CHECKING:
    from chatcore.cluster import RosterStatus

__all__ = ["FAMILIES", "Family", "Snapshot"]


class Snapshot(NamedTuple):
    """A server at one moment.

    ``server`` is ``None`` where the transport does not know how late it is. Where the journal is this
    server's alone, there are no ``logs``, and ``roster`` is ``None``.
    """

    hub: Statistics
    server: ServerStatistics | None
    logs: Mapping[LogName, LogSnapshot]
    roster: "RosterStatus | None"


Labels = tuple[str, ...]

Values = Iterable[tuple[Labels, float]]
"""The values of a counter or a gauge, with their labels."""


class Family(NamedTuple):
    """One metric. A counter's series are called ``name``, those of a histogram ``name_bucket`` and so on."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    values: Callable[[Snapshot], Values | Durations | None]
    labels: Labels = ()


_OfLog = Callable[[LogSnapshot], float | None]


def _one(value: Callable[[Statistics], float]) -> Callable[[Snapshot], Values]:
    return lambda snapshot: [((), value(snapshot.hub))]


def _refusals(snapshot: Snapshot) -> Values:
    refusals = snapshot.hub.refusals
    return [((code,), refusals.get(code, 0)) for code in get_args(ErrorCode)]


def _of_journal(value: Callable[[JournalStatistics], float]) -> Callable[[Snapshot], Values | None]:
    def values(snapshot: Snapshot) -> Values | None:
        journal = snapshot.hub.journal
        return None if journal is None else [((), value(journal))]

    return values


def _commits(snapshot: Snapshot) -> Durations | None:
    return None if snapshot.hub.journal is None else snapshot.hub.journal.commits


def _of_logs(name: str, kind: Literal["counter", "gauge"], words: str, value: _OfLog) -> Family:
    def values(snapshot: Snapshot) -> Values | None:
        known = ((log, value(seen)) for log, seen in snapshot.logs.items())
        return [((log,), figure) for log, figure in known if figure is not None] or None

    return Family(name, kind, words, values, ("log",))


def _of_roster(value: "Callable[[RosterStatus], float | None]") -> Callable[[Snapshot], Values | None]:
    def values(snapshot: Snapshot) -> Values | None:
        known = None if snapshot.roster is None else value(snapshot.roster)
        return None if known is None else [((), known)]

    return values


def _lag(snapshot: Snapshot) -> Durations | None:
    return None if snapshot.server is None else snapshot.server.lag


def _late(snapshot: Snapshot) -> Values | None:
    return None if snapshot.server is None else [((), snapshot.server.late)]


FAMILIES: Final = (
    Family(
        "chat_build_info",
        "gauge",
        "Always 1; the labels say which version runs, and whether it is the compiled build.",
        lambda _: [((__version__, str(COMPILED).lower()), 1)],
        ("version", "compiled"),
    ),
    # who is here
    Family(
        "chat_connections",
        "gauge",
        "Connections there are now. Those in the state live have said hello.",
        lambda snapshot: snapshot.hub.states.items(),
        ("wire", "state"),
    ),
    Family("chat_rooms", "gauge", "Rooms that are in use.", _one(lambda hub: len(hub.rooms))),
    Family(
        "chat_members",
        "gauge",
        "Members of all rooms together: somebody in two rooms counts twice.",
        _one(lambda hub: sum(room.count for room in hub.rooms)),
    ),
    Family(
        "chat_subscriptions",
        "gauge",
        "Rooms that the server's own program reads.",
        _one(lambda hub: hub.subscriptions),
    ),
    Family(
        "chat_connections_accepted_total",
        "counter",
        "Connections that were accepted.",
        _one(lambda hub: hub.accepted),
    ),
    Family(
        "chat_connections_turned_away_total",
        "counter",
        "Connections that a limit forbade.",
        _one(lambda hub: hub.turned_away),
    ),
    Family(
        "chat_connections_stalled_total",
        "counter",
        "Connections that were closed because their peer took nothing any more.",
        _one(lambda hub: hub.stalled),
    ),
    # what is said
    Family("chat_messages_total", "counter", "Messages that were stored.", _one(lambda hub: hub.messages)),
    Family(
        "chat_deliveries_total",
        "counter",
        "Messages of rooms that were sent to members: one for each message and member.",
        _one(lambda hub: hub.deliveries),
    ),
    Family(
        "chat_received_bytes_total",
        "counter",
        "Bytes that clients have sent, before encryption.",
        _one(lambda hub: hub.received_bytes),
    ),
    Family(
        "chat_sent_bytes_total",
        "counter",
        "Bytes that clients were sent, before encryption.",
        _one(lambda hub: hub.sent_bytes),
    ),
    Family(
        "chat_refusals_total",
        "counter",
        "What clients asked and were refused, by the code of the error.",
        _refusals,
        ("code",),
    ),
    Family(
        "chat_catch_ups_total",
        "counter",
        "Pages that were read from the journal for members that were away or had fallen behind.",
        _one(lambda hub: hub.catch_ups),
    ),
    # the journal
    Family(
        "chat_journal_commit_seconds",
        "histogram",
        "How long the journal took to make posts safe; those that came together share a commit.",
        _commits,
    ),
    Family(
        "chat_journal_failures_total",
        "counter",
        "Commits that failed.",
        _of_journal(lambda journal: journal.failures),
    ),
    Family(
        "chat_journal_available",
        "gauge",
        "1 if the journal can be written to, 0 between a failure and its end.",
        _of_journal(lambda journal: journal.available),
    ),
    Family(
        "chat_journal_queued_posts",
        "gauge",
        "Posts that wait to be stored, without those that are being stored.",
        _of_journal(lambda journal: journal.queued),
    ),
    Family(
        "chat_journal_late_seconds",
        "gauge",
        "How long the journal has been at its present write: it grows while the disk hangs.",
        _of_journal(lambda journal: journal.late),
    ),
    # the logs that servers share
    _of_logs(
        "chat_log_connected",
        "gauge",
        "1 if the server is connected to the log that it shares with others, else 0.",
        lambda log: log.stream is not None,
    ),
    _of_logs(
        "chat_log_lag_entries",
        "gauge",
        "Entries of the log that the server has not read yet.",
        lambda log: log.lag,
    ),
    _of_logs(
        "chat_log_void_entries_total",
        "counter",
        "Entries of the log that did not count: they came twice, or after what they follow was given up.",
        lambda log: log.replica.void,
    ),
    _of_logs(
        "chat_log_settling",
        "gauge",
        "1 while the server has given up entries, and does not know yet that none of them will be stored.",
        lambda log: log.replica.settling,
    ),
    _of_logs(
        "chat_log_forked",
        "gauge",
        "1 if servers have read different logs: they refuse what belongs in it until an operator decides.",
        lambda log: log.replica.forked != "",
    ),
    _of_logs(
        "chat_log_stopped",
        "gauge",
        "1 if the server reads no more of the log, because of what that is now; its own log says why.",
        lambda log: log.replica.stopped is not None,
    ),
    _of_logs("chat_log_entries", "gauge", "Entries that the log has.", lambda log: log.entries),
    _of_logs("chat_log_bytes", "gauge", "How large the log is.", lambda log: log.size),
    _of_logs(
        "chat_log_free_bytes",
        "gauge",
        "How much larger the log may get; what belongs in it is refused when it is full.",
        lambda log: log.free,
    ),
    _of_logs(
        "chat_log_replicas",
        "gauge",
        "NATS servers that should have the log.",
        lambda log: log.replicas,
    ),
    _of_logs(
        "chat_log_replicas_current",
        "gauge",
        "NATS servers that have all of it.",
        lambda log: log.current,
    ),
    # who is here at all servers of a log
    Family(
        "chat_roster_servers",
        "gauge",
        "Chat servers that were heard of in the last 15 seconds, this one among them.",
        _of_roster(lambda roster: roster.servers),
    ),
    Family(
        "chat_roster_servers_gone",
        "gauge",
        "Chat servers that went within the last hour; one that was started again counts here, too.",
        _of_roster(lambda roster: roster.gone),
    ),
    Family(
        "chat_roster_sessions",
        "gauge",
        "Sessions at all chat servers together.",
        _of_roster(lambda roster: roster.sessions),
    ),
    Family(
        "chat_roster_cut_off",
        "gauge",
        "1 while the other servers may take this one for gone: it lets nobody in.",
        _of_roster(lambda roster: roster.is_cut_off),
    ),
    Family(
        "chat_roster_claims_waiting",
        "gauge",
        "Requests for a nick that wait for the log of who is here.",
        _of_roster(lambda roster: roster.waiting),
    ),
    Family(
        "chat_roster_claims_given_up_total",
        "counter",
        "Requests for a nick that were refused, since the log of who is here did not answer.",
        _of_roster(lambda roster: roster.given_up),
    ),
    Family(
        "chat_roster_announcements_total",
        "counter",
        "Times that the server has said whom it has: every minute, and whenever it had given something up.",
        _of_roster(lambda roster: roster.announcements),
    ),
    # what waits
    Family("chat_reads_waiting", "gauge", "Reads that wait for the journal.", _one(lambda hub: hub.reads)),
    Family(
        "chat_searches_waiting",
        "gauge",
        "Searches that are being answered, or wait for that.",
        _one(lambda hub: hub.searches),
    ),
    Family(
        "chat_turns_waiting",
        "gauge",
        "Connections that have sent more than their turn, and are not read until others had theirs.",
        _one(lambda hub: hub.turns),
    ),
    Family(
        "chat_lag_seconds",
        "histogram",
        "How late the event loop, or the pump of the threaded transport, was; measured every second.",
        _lag,
    ),
    Family("chat_late_seconds", "gauge", "How late it is now: more than 0 while it is held up.", _late),
)
"""All metrics, in the order in which they are shown."""
