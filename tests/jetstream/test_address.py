"""How the journal of several servers is written: `nats://HOST,HOST?...`."""

from pathlib import Path

import pytest

from chatcore import HistoryLimits, UsageError
from cli.settings.nats_journal import nats, parse_address, tls


def test_an_address_has_hosts_and_options() -> None:
    address = parse_address(
        "tls", "//a,b:4223,[::1]:1?stream=team&replicas=3&creds=/c&ca=/ca&state=/s.db&bytes=2GiB&search=off"
    )
    assert address.hosts == ("a:4222", "b:4223", "[::1]:1")
    assert address.encrypted
    assert (address.stream, address.replicas, address.max_bytes) == ("team", 3, 2 * 1024**3)
    assert (address.credentials, address.authority) == (Path("/c"), Path("/ca"))
    assert parse_address("nats", "//a?monitor=http://a:1,http://b").monitors == ("http://a:1", "http://b")
    assert (address.state, address.search) == (Path("/s.db"), False)


def test_what_is_not_given_has_a_default() -> None:
    address = parse_address("nats", "//a")
    assert (address.hosts, address.stream, address.replicas) == (("a:4222",), "chat", 1)
    assert (address.max_bytes, address.credentials, address.search) == (None, None, True)
    assert address.state.name == "shared-chat.db"
    assert parse_address("nats", "//a,b,c").replicas == 3


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("", "is named as nats://HOST"),
        ("a", "is named as nats://HOST"),
        ("//", "is named as nats://HOST"),
        ("//ada:secret@a", "put it into a file"),
        ("//a?stream", "NAME=VALUE"),
        ("//a?streams=x", "unknown option 'streams'"),
        ("//a?stream=x&stream=y", "stream is given twice"),
        ("//a?stream=a.b", "letters, digits"),
        ("//a?stream=", "letters, digits"),
        ("//a?replicas=2", "must be one of 1, 3, 5"),
        ("//a?bytes=many", "bytes=4GiB"),
        ("//a?monitor=ada:8222", "monitor=http://HOST:8222"),
        ("//a?monitor=", "monitor=http://HOST:8222"),
        ("//a?creds=", "a path is missing"),
        ("//a?ca=/x", "is for tls://"),
        ("//a,", "is not HOST or HOST:PORT"),
        ("//a:0", "is not HOST or HOST:PORT"),
        ("//a:65536", "is not HOST or HOST:PORT"),
        ("//a b", "is not HOST or HOST:PORT"),
        ("//a/b", "is not HOST or HOST:PORT"),
    ],
)
def test_a_wrong_address_is_refused_in_words(argument: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_address("nats", argument)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (HistoryLimits(history_messages=5), "history_messages"),
        (HistoryLimits(history_bytes=None), "history_bytes"),
        (HistoryLimits(history_seconds=60.0), "history_seconds"),
        (HistoryLimits(dedupe_seconds=60.0), "dedupe_seconds"),
    ],
)
def test_limits_of_the_record_are_refused(limits: HistoryLimits, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} belongs to the log.*`chat cluster set {name}=VALUE`"):
        nats.open("//a", limits)


def test_a_journal_has_its_copy_where_the_address_says(tmp_path: Path) -> None:
    limits = HistoryLimits(memory_history_bytes=2_000_000)
    assert nats.open(f"//a?state={tmp_path}/s.db", limits).path == tmp_path / "s.db"


def test_files_that_are_missing_are_named() -> None:
    with pytest.raises(UsageError, match="creds=/nowhere is not a file"):
        nats.open("//a?creds=/nowhere", HistoryLimits())
    with pytest.raises(UsageError, match="cannot read ca=/nowhere"):
        tls.open("//a?ca=/nowhere", HistoryLimits())
