"""``chat history``: the messages of a journal."""

import json
import sqlite3
from pathlib import Path

import pytest

from chatcore.journal import Draft
from tests.cli.commands.conftest import Texts
from tests.cli.conftest import Inside
from tests.cli.processes import chat_server
from tests.journal.sqlite.files import damage, open_journal
from tests.server.driver import Clock
from transports.threaded_tcp import connect


def test_history_is_printed_by_room_and_range(journal: Path, texts: Texts) -> None:
    assert texts(str(journal)) == ["one", "two", "three"]
    assert texts(str(journal), "--room", "LOBBY") == ["one", "two"]
    assert texts(str(journal), "--room", "lobby", "--after", "1") == ["two"]
    assert texts(str(journal), "--room", "lobby", "--before", "2") == ["one"]
    beyond = "9" * 20
    assert texts(str(journal), "--room", "lobby", "--before", beyond) == ["one", "two"]
    assert texts(str(journal), "--room", "lobby", "--after", beyond) == []


def test_history_can_be_read_while_a_server_runs(journal: Path, texts: Texts) -> None:
    with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="bob") as bob:
        bob.post("four")
        assert texts(str(journal), "--room", "lobby") == ["one", "two", "four"]


def test_damaged_messages_are_a_gap_in_their_place_and_make_the_exit_code_5(
    journal: Path, inside: Inside
) -> None:
    damage(journal, 1)
    done = inside("history", str(journal), "--room", "lobby")
    gap, message = map(json.loads, done.stdout.splitlines())
    assert gap == {"type": "gap", "room": "lobby", "after": 0, "through": 1, "reason": "damaged"}
    assert message["text"] == "two"
    assert done.returncode == 5


@pytest.fixture
def timed(tmp_path: Path) -> Path:
    """A journal with messages of 08:00, 08:30 and 09:00 UTC on the 15th of January 2027."""
    path, clock = tmp_path / "timed.db", Clock(1_800_000_000.0)
    with open_journal(path, clock) as harness:
        for text in ("eight", "half past", "nine"):
            harness.post(text)
            clock.now += 1_800.0
    return path


def test_history_between_times_begins_with_the_first_and_ends_before_the_second(
    timed: Path, texts: Texts
) -> None:
    def between(*args: str) -> list[str]:
        return texts(str(timed), *args)

    first, second = "2027-01-15T08:00:00Z", "2027-01-15T08:30:00.000999Z"
    assert between("--since", first) == ["eight", "half past", "nine"]
    assert between("--since", second) == ["half past", "nine"]
    assert between("--until", second) == ["eight"]
    assert between("--since", first, "--until", second) == ["eight"]
    assert between("--since", first, "--until", first) == []
    assert between("--since", "2027-01-14", "--until", "2027-01-16 12:30") == ["eight", "half past", "nine"]
    assert between("--since", "2027-01-15 14:00+05:30") == ["half past", "nine"]
    assert between("--since", second, "--before", "3") == ["half past"]
    assert between("--after", "1", "--until", "2027-01-15T09:00Z") == ["half past"]


@pytest.mark.parametrize(("zone", "found"), [("UTC", []), ("Europe/Berlin", ["nine"]), ("Asia/Tokyo", None)])
def test_a_time_without_an_offset_is_local(
    timed: Path, zone: str, found: list[str] | None, inside: Inside
) -> None:
    done = inside("history", str(timed), "--since", "2027-01-15 09:45", TZ=zone)
    shown = [json.loads(line)["text"] for line in done.stdout.splitlines()]
    assert shown == (["eight", "half past", "nine"] if found is None else found)


def test_what_has_expired_is_a_gap_if_a_time_asks_for_it(timed: Path, inside: Inside) -> None:
    with sqlite3.connect(timed) as db:
        db.execute("DELETE FROM messages WHERE seq = 1")
    db.close()
    asked = inside("history", str(timed), "--since", "2027-01-01")
    gap, message, _ = map(json.loads, asked.stdout.splitlines())
    assert (gap["after"], gap["through"], gap["reason"], message["text"]) == (0, 1, "expired", "half past")
    assert asked.returncode == 5
    for args in ([], ["--until", "2100-01-01"], ["--since", "2027-01-15T08:45Z"], ["--since", "2100-01-01"]):
        assert inside("history", str(timed), *args).returncode == 0


def test_text_shows_what_a_message_is_and_gaps_in_their_place(tmp_path: Path, inside: Inside) -> None:
    path, clock = tmp_path / "journal.db", Clock(1_800_000_000.0)
    with open_journal(path, clock) as harness:
        harness.submit(
            Draft("ops", "1", "bob", "looks around\nand leaves", "action"),
            Draft("ops", "2", "bob", "lost"),
            Draft("ops", "3", "ci", "deployed", "notice"),
            Draft("ops", "4", "ana", "* bob waves\u202e"),
            Draft("ops", "5", "ana", "yes", "x.vote", 3),
        )
    damage(path, 2, room="ops")
    done = inside("history", str(path), "--text", TZ="UTC")
    at = "2027-01-15 08:00:00 ops"
    assert done.stdout.splitlines() == [
        f"{at} * bob looks around",
        f"{at} bob: and leaves",
        "-- ops: message 2 is missing: the server can no longer read it (damaged)",
        f"{at} ci (notice): deployed",
        f"{at} ana: * bob waves\ufffd",
        f"{at} ana: yes",
    ]
    assert done.returncode == 5


def test_an_empty_room_has_a_gap_only_for_a_time_at_which_somebody_spoke(timed: Path, inside: Inside) -> None:
    inside("room", "remove", "lobby", "--journal", str(timed), "--yes")
    for since, code in (("2027-01-15T09:00:00Z", 5), ("2027-01-15T09:00:01Z", 0)):
        assert inside("history", str(timed), "--room", "lobby", "--since", since).returncode == code


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--since", "yesterday"], "--since must be a time such as 2026-11-23"),
        (["--until", "2026-13-01"], "--until must be a time such as 2026-11-23"),
        (["--since", "2026-11-23", "--after", "1"], "use either --after or --since, not both"),
        (["--until", "2026-11-23", "--before", "0"], "use either --before or --until, not both"),
    ],
)
def test_bounds_that_are_invalid_or_exclude_each_other_are_one_line(
    journal: Path, args: list[str], complaint: str, inside: Inside
) -> None:
    done = inside("history", str(journal), *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [["nowhere.db"], ["{journal}", "--room", "nowhere"]])
def test_history_of_a_missing_file_or_room_is_one_line(
    journal: Path, args: list[str], inside: Inside
) -> None:
    done = inside("history", *(arg.format(journal=journal) for arg in args))
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert done.stderr.count("\n") == 1
