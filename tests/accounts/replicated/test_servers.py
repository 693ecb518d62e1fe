"""Gates of servers in a cluster: what is done at one of them, or on the command line, holds at all."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore import AccountsError
from chatcore.accounts.refusals import UNAUTHORIZED, UNAVAILABLE
from chatcore.accounts.replicated import ReplicatedAccounts, ReplicatedAdministration
from chatcore.accounts.replicated.machine import NOTHING, VERSION
from chatcore.accounts.replicated.state import AccountsState
from chatcore.gate import Moderation, Person
from chatcore.replication import Log, LogListener
from chatcore.replication.fence import Frame, ReadDigest, write_frame
from chatcore.replication.memory import MemoryLog
from tests.accounts.people import (
    DEADLINE,
    PEER,
    PEOPLE,
    Clock,
    Watch,
    act,
    ask,
    book_over_log,
    enter,
    gate_over_log,
    person,
)

RACES = 100


class DeadLog:
    """A log that cannot be reached."""

    def start(self, listener: LogListener, after: int) -> None:
        """Do nothing."""

    def append(self, data: bytes) -> None:
        """Lose it."""

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Say that it cannot be asked."""
        deliver(None)

    def close(self) -> None:
        """Do nothing."""


_: type[Log] = DeadLog


@pytest.fixture
def gates(log: MemoryLog, tmp_path: Path, clock: Clock, stack: ExitStack) -> list[ReplicatedAccounts]:
    """Two servers."""
    return [
        stack.enter_context(closing(gate_over_log(log, tmp_path / name, Watch(), clock)))
        for name in ("one.db", "two.db")
    ]


def test_of_two_servers_one_has_the_winner_of_each_race_for_an_invite(
    gates: list[ReplicatedAccounts], log: MemoryLog, clock: Clock
) -> None:
    with book_over_log(log, clock) as book:
        secrets = [book.invite().secret or "" for _ in range(RACES)]
    start = threading.Barrier(2)
    answers: list[list[object]] = [[], []]

    def redeem(number: int) -> None:
        for race, secret in enumerate(secrets):
            start.wait(DEADLINE)
            answers[number].append(enter(gates[number], f"racer{race}.{number}", invite=secret))

    threads = [threading.Thread(target=redeem, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pair in zip(*answers, strict=True):
        assert sum(isinstance(each, Person) for each in pair) == 1
        assert UNAUTHORIZED in pair
    with book_over_log(log, clock) as book:
        assert len(book.accounts()) == len(PEOPLE) + RACES
        assert book.invites() == []


@pytest.mark.parametrize("what", ["ban", "mute", "revoke", "private", "device", "address"])
def test_what_is_done_at_one_server_holds_at_the_other(
    what: str, gates: list[ReplicatedAccounts], log: MemoryLog, clock: Clock
) -> None:
    here, there = gates
    watch = there._watch
    assert isinstance(watch, Watch)
    ada = person(there, "ada")
    if what in ("ban", "mute"):
        assert act(here, "mona", "ban" if what == "ban" else "mute", None, "ada") is None
    elif what == "private":
        assert act(here, "mona", "close", "ops", present=frozenset({"bob"})) is None
    elif what == "device":
        assert ask(here.forget_device, ada) is None
    else:
        with book_over_log(log, clock) as book:
            book.revoke("ada") if what == "revoke" else book.ban(PEER.host)
    assert watch.was_revised()
    out, kept_out = there.may_stay(ada, PEER), there.may_join(ada, "ops")
    assert (out is not None) == (what not in ("mute", "private"))
    assert (kept_out is not None) == (what == "private")
    assert there.is_muted(ada, "lobby") == (what == "mute")


def test_a_server_starts_without_its_log_with_what_it_has_and_refuses_changes(
    log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate_over_log(log, tmp_path / "state.db").close()
    monkeypatch.setattr("chatcore.accounts.replicated.gate.OPENING", 0.01)
    with closing(ReplicatedAccounts(tmp_path / "state.db", DeadLog())) as gate:
        gate.start(Watch())
        mona = person(gate, "mona")
        assert ask(gate.moderate, mona, Moderation("ban", None, "ada")) is UNAVAILABLE


def test_a_start_takes_no_longer_than_to_read_the_log(
    log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.accounts.replicated.gate.OPENING", 10.0 * DEADLINE)
    done = threading.Event()

    def start() -> None:
        with closing(gate_over_log(log, tmp_path / "state.db")) as gate:
            person(gate, "ada")
            done.set()

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    assert done.wait(DEADLINE)
    thread.join()


def test_an_end_stores_what_was_asked_for_and_refuses_what_comes_then(log: MemoryLog, tmp_path: Path) -> None:
    gate = gate_over_log(log, tmp_path / "state.db")
    mona, answers = person(gate, "mona"), list[object]()
    gate.moderate(mona, Moderation("ban", None, "ada"), answers.append)
    gate.close()
    assert answers == [None]
    assert ask(gate.moderate, mona, Moderation("lift", None, "ada")) is UNAVAILABLE
    with book_over_log(log) as book:
        assert [ban.target for ban in book.bans()] == ["ada"]


def test_when_keys_were_used_is_known_on_the_command_line(
    gates: list[ReplicatedAccounts], log: MemoryLog, clock: Clock
) -> None:
    clock.time += 86_400.0
    person(gates[0], "ada")
    gates[0].close()
    with book_over_log(log, clock) as book:
        assert [key.used for key in book.keys("ada")] == [clock.time - clock.time % 86_400]


def test_two_servers_cannot_have_one_file(log: MemoryLog, tmp_path: Path) -> None:
    with (
        closing(gate_over_log(log, tmp_path / "state.db")),
        pytest.raises(AccountsError, match="in use by another server"),
    ):
        ReplicatedAccounts(tmp_path / "state.db", log.connect()).start(Watch())


def test_a_copy_can_be_read_while_a_server_has_it(log: MemoryLog, tmp_path: Path) -> None:
    path, last = tmp_path / "state.db", log.last
    with closing(gate_over_log(log, path)) as gate:
        person(gate, "ada")  # the gate notes soon that she used her key
        with closing(AccountsState(path, read_only=True)) as file:
            assert 0 < last <= file.header().position <= log.last


def test_an_operator_ends_a_fork_of_which_nobody_knows_yet(log: MemoryLog) -> None:
    other = Frame("n9", 0, 0, ReadDigest(1, "of something else"), NOTHING)
    log.append(write_frame(VERSION, other))
    with book_over_log(log) as book:
        assert book.forked
        book.begin_epoch()
        assert not book.forked
        book.invite()


def test_an_operator_learns_that_the_log_does_not_answer() -> None:
    with pytest.raises(AccountsError, match="the log does not answer"):
        ReplicatedAdministration(DeadLog(), by="local:root", patience=0.01)


def test_an_epoch_can_be_begun_from_a_server_and_from_the_command_line(
    gates: list[ReplicatedAccounts], log: MemoryLog
) -> None:
    before = gates[0].status()
    assert ask(gates[0].begin_epoch) is True
    with book_over_log(log) as book:
        book.begin_epoch()
    after = gates[0].status()
    assert before is not None
    assert after is not None
    assert after.position > before.position
    assert (after.stopped, after.forked, after.settling) == (None, "", False)
