"""Which streams may be used, and which servers."""

from typing import Any

import pytest

from transports.jetstream.stream import Stream, Unfit, version_problem

STREAM = Stream.of_messages("chat", 3)


def info(**changes: Any) -> dict[str, Any]:
    """Return what a server says of our stream, with other settings."""
    config = {**STREAM.config(), "max_consumers": -1, "compression": "none", **changes}
    state = {"messages": 4, "first_seq": 3, "last_seq": 6, "bytes": 400}
    peers = [{"name": "b", "current": True}, {"name": "c", "current": True, "offline": True}]
    return {"config": config, "state": state, "cluster": {"leader": "a", "replicas": peers}}


def test_what_a_server_says_of_our_stream_is_read() -> None:
    state = STREAM.read_info(info(metadata={"identity": "e1"}))
    assert state.identity == "e1"
    assert (state.first, state.last, state.size) == (3, 6, 400)
    assert (state.leader, state.current, state.others) == ("a", ("a", "b"), ("c",))


def test_a_stream_without_entries_begins_after_its_last() -> None:
    told = info()
    told["state"] = {"messages": 0, "first_seq": 0, "last_seq": 0, "bytes": 0}
    assert STREAM.read_info(told)[1:3] == (1, 0)
    told["state"] = {"messages": 0, "first_seq": 8, "last_seq": 7, "bytes": 0}
    assert STREAM.read_info(told)[1:3] == (8, 7)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metadata": {}}, "not made by chat, since its metadata has no identity"),
        ({"metadata": {"epoch": "e"}}, "not made by chat"),
        ({"metadata": None}, "not made by chat"),
        ({"num_replicas": 1}, "it has 1 replicas, not 3"),
        ({"storage": "memory"}, "storage is memory, not file"),
        ({"subjects": ["chat.log", "other"]}, "subjects"),
        ({"retention": "workqueue"}, "retention"),
        ({"discard": "old"}, "discard is old, not new"),
        ({"max_age": 1_000}, "max_age is 1000, not unset"),
        ({"max_msgs": 10}, "max_msgs"),
        ({"max_msg_size": 1_000}, "max_msg_size"),
        ({"deny_delete": False}, "deny_delete is unset, not True"),
        ({"allow_direct": False}, "allow_direct"),
        ({"allow_rollup_hdrs": True}, "allow_rollup_hdrs"),
        ({"allow_msg_ttl": True}, "allow_msg_ttl"),
        ({"no_ack": True}, "no_ack"),
        ({"sealed": True}, "sealed"),
        ({"persist_mode": "async"}, "persist_mode"),
        ({"republish": None}, "republish"),
        ({"republish": {"src": "chat.log", "dest": "chat.feed", "headers_only": True}}, "republish"),
        ({"mirror": {"name": "x"}}, "mirror"),
        ({"subject_transform": {"src": "a", "dest": "b"}}, "subject_transform"),
        ({"something_of_later": True}, "something_of_later"),
    ],
)
def test_a_stream_that_is_set_up_otherwise_is_unfit(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Unfit, match=words):
        STREAM.read_info(info(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"max_bytes": 1},
        {"max_bytes": -1},
        {"num_replicas": 5},
        {"description": "ours"},
        {"duplicate_window": 120_000_000_000},
        {"compression": "s2"},
        {"placement": {"cluster": "a"}},
        {"metadata": {"identity": "e", "_nats.level": "1"}},
        {"persist_mode": "default"},
        {"sealed": False},
    ],
)
def test_what_belongs_to_an_installation_may_be_as_it_likes(changes: dict[str, Any]) -> None:
    STREAM.read_info(info(**changes))


def test_another_log_may_expire() -> None:
    live = Stream("chat-live", "chat.live", "chat.live.feed", 3, 1_000_000, max_age=120.0)
    config = live.config()
    assert (config["max_age"], config["discard"]) == (120_000_000_000, "old")
    assert live.expires
    assert not STREAM.expires
    live.read_info({**info(), "config": config})


@pytest.mark.parametrize("version", ["2.12.3", "2.12.10", "2.15.1", "3.0.0", "2.13.0-RC.1"])
def test_servers_from_the_floor_on_may_be_used(version: str) -> None:
    assert version_problem(version) is None


@pytest.mark.parametrize("version", ["2.12.2", "2.9.10", "1.0", "", "weekly"])
def test_older_and_unknown_servers_may_not(version: str) -> None:
    assert version_problem(version) is not None


def test_every_new_stream_has_an_identity_of_its_own() -> None:
    identities = {STREAM.config()["metadata"]["identity"] for _ in range(10)}
    assert len(identities) == 10
