"""What the metrics of a server say of the logs that it shares, by what is known of them."""

import pytest

from chatcore import MemoryJournal
from chatcore.cluster import ReplicaStatus, RosterStatus
from cli.metrics.families import FAMILIES, Snapshot
from cli.metrics.shared import LogName, LogSnapshot, watch_logs, watch_roster
from cli.settings.journals import choose
from tests.server.driver import Host
from transports.jetstream import StreamState

REPLICA = ReplicaStatus("abc", 40, 40, 3, settling=False, forked="", stopped=None)
STREAM = StreamState("abc", 1, 40, 1_000, 4_000, 3, "n0", ("n0", "n1"), ("n2",))
ROSTER = RosterStatus(3, 1, 40, is_cut_off=False, waiting=2, given_up=7, announcements=9)
ONLY_NATS_KNOWS = {"lag_entries", "entries", "bytes", "free_bytes", "replicas", "replicas_current"}


def figures(log: LogSnapshot) -> dict[str, float]:
    """Return the values of all metrics of a log, by what their names have after ``chat_log_``."""
    return figures_of({"messages": log}, "messages")


def figures_of(logs: dict[LogName, LogSnapshot], name: str) -> dict[str, float]:
    """Return those of one of several logs."""
    return values_of(Snapshot(Host().hub.statistics(), None, logs, None), "chat_log_", (name,))


def values_of(snapshot: Snapshot, prefix: str, labels: tuple[str, ...] = ()) -> dict[str, float]:
    """Return the values of all metrics with such names and these labels, by the rest of their names."""
    found: dict[str, float] = {}
    for family in FAMILIES:
        if family.name.startswith(prefix) and (values := family.values(snapshot)) is not None:
            assert isinstance(values, list)
            assert len(family.labels) == len(labels)
            found |= {family.name.removeprefix(prefix): value for of, value in values if of == labels}
    return found


def roster(status: RosterStatus | None) -> dict[str, float]:
    """Return the values of all metrics of who is here, by what their names have after ``chat_roster_``."""
    return values_of(Snapshot(Host().hub.statistics(), None, {}, status), "chat_roster_")


def test_a_log_that_is_well() -> None:
    assert figures(LogSnapshot(REPLICA, STREAM)) == {
        "connected": 1,
        "lag_entries": 0,
        "void_entries_total": 3,
        "settling": 0,
        "forked": 0,
        "stopped": 0,
        "entries": 40,
        "bytes": 1_000,
        "free_bytes": 3_000,
        "replicas": 3,
        "replicas_current": 2,
    }


def test_the_log_of_the_accounts_has_the_same_figures_of_its_own() -> None:
    forked = LogSnapshot(REPLICA._replace(position=30, forked="at 7"), STREAM)
    both: dict[LogName, LogSnapshot] = {"messages": LogSnapshot(REPLICA, None), "accounts": forked}
    accounts = figures_of(both, "accounts")
    assert accounts == figures(LogSnapshot(REPLICA, STREAM)) | {"lag_entries": 10, "forked": 1}
    assert figures_of(both, "messages") == figures(LogSnapshot(REPLICA, None))


def test_a_server_is_behind_what_it_or_nats_knows_of() -> None:
    assert figures(LogSnapshot(REPLICA, STREAM._replace(last=45)))["lag_entries"] == 5
    assert figures(LogSnapshot(REPLICA._replace(last=47), STREAM._replace(last=45)))["lag_entries"] == 7
    assert figures(LogSnapshot(REPLICA, STREAM._replace(last=39)))["lag_entries"] == 0  # seen a while ago


def test_without_a_connection_nothing_is_said_of_what_only_nats_knows() -> None:
    connected = figures(LogSnapshot(REPLICA, STREAM))
    alone = figures(LogSnapshot(REPLICA, None))
    assert alone == {name: value for name, value in connected.items() if name not in ONLY_NATS_KNOWS} | {
        "connected": 0
    }


@pytest.mark.parametrize(
    ("change", "figure"),
    [({"settling": True}, "settling"), ({"forked": "at 7"}, "forked"), ({"stopped": "another"}, "stopped")],
)
def test_what_needs_an_operator_is_1(change: dict[str, object], figure: str) -> None:
    assert figures(LogSnapshot(REPLICA._replace(**change), STREAM))[figure] == 1  # type: ignore[arg-type]  # any


def test_a_full_log_has_no_room_and_one_without_a_limit_says_nothing_of_it() -> None:
    assert figures(LogSnapshot(REPLICA, STREAM._replace(size=4_100)))["free_bytes"] == 0
    assert "free_bytes" not in figures(LogSnapshot(REPLICA, STREAM._replace(max_bytes=-1)))


def test_a_log_that_lost_all_it_had_has_no_entries() -> None:
    assert figures(LogSnapshot(REPLICA, STREAM._replace(first=41)))["entries"] == 0


def test_one_nats_server_alone_which_names_no_leader_has_all_of_the_log() -> None:
    alone = STREAM._replace(replicas=1, leader="", current=(), others=())
    assert figures(LogSnapshot(REPLICA, alone))["replicas_current"] == 1
    lost = STREAM._replace(leader="", current=())
    assert figures(LogSnapshot(REPLICA, lost))["replicas_current"] == 0


def test_a_journal_that_is_not_shared_has_no_log() -> None:
    assert watch_logs(choose("memory"), MemoryJournal(), None)() == {}
    assert figures_of({}, "messages") == {}
    assert watch_roster(None)() is None
    assert roster(None) == {}


def test_who_is_here() -> None:
    assert roster(ROSTER) == {
        "servers": 3,
        "servers_gone": 1,
        "sessions": 40,
        "cut_off": 0,
        "claims_waiting": 2,
        "claims_given_up_total": 7,
        "announcements_total": 9,
    }


def test_a_server_that_is_cut_off_says_nothing_of_the_others() -> None:
    cut_off = ROSTER._replace(servers=None, gone=None, sessions=None, is_cut_off=True)
    others = {"servers", "servers_gone", "sessions"}
    known = {name: value for name, value in roster(ROSTER).items() if name not in others}
    assert roster(cut_off) == known | {"cut_off": 1}
