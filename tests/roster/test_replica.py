"""What one server says, when it says it again, and what it takes from the others."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from chatcore.replication import LogEntry
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, write_frame
from chatcore.replication.outbox import GIVE_UP
from chatcore.roster.acts import ACTS, PART_BYTES, PART_ROWS, Claim, Enter, Exit, Kick, Release, Rename, Row
from chatcore.roster.machine import ANNOUNCE, LEASE, SETTLED, VERSION, Event, Granted, Kicked, Refused, Result
from chatcore.roster.replica import BEAT, LISTEN, RosterReplica, read_entry
from tests.journal.replicated.faulty_log import FaultyConnection, FaultyLog
from tests.roster.cluster import proof_of

SECOND = 1_000_000
A, B, C = (proof_of(name) for name in "abc")


class World:
    """A log, and the time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.log = FaultyLog(Random(1), lambda: self.now)
        self.log.write(b"nothing")
        self.now += 2 * LEASE
        self.servers: list[Server] = []

    def server(self) -> "Server":
        self.servers.append(Server(self))
        return self.servers[-1]

    def run(self, seconds: float = 0.0, *, without: Sequence["Server"] = ()) -> None:
        """Let time pass, a quarter of a second each, and all do what is due."""
        end = self.now + seconds
        while True:
            for server in self.servers:
                if server not in without:
                    server.work()
            if self.now >= end and not self.log.on_its_way:
                break
            self.now += 0.25 if self.now < end else 0.0

    def said(self) -> list[dict[str, Any]]:
        """Return what is in the log."""
        return [json.loads(entry.data) for entry in self.log.entries if entry.data != b"nothing"]


class Server:
    def __init__(self, world: World) -> None:
        self.world = world
        self.connection: FaultyConnection = world.log.connect()
        self.replica = RosterReplica(self.connection.append, lambda: world.now, self)
        self.lost: list[str] = []
        self.kicked: list[Kicked] = []
        self.begun = 0
        self.first = 1
        self.connection.start(self, 0)
        self.connection.open()

    def opened(self, identity: str, first: int, last: int, durability: str) -> None:
        self.replica.opened(identity, self.first, last)

    def entries(self, entries: Sequence[LogEntry]) -> None:
        self.replica.apply([read_entry(entry) for entry in entries if entry.position >= self.first])

    def roster_lost(self, proof: str) -> None:
        self.lost.append(proof)

    def roster_changed(self, events: Sequence[Event]) -> None:
        self.kicked += [event for event in events if isinstance(event, Kicked)]

    def roster_began(self) -> None:
        self.begun += 1

    def is_cut_off(self) -> bool:
        return self.replica.is_cut_off

    def patience(self) -> float | None:
        return self.replica.patience

    def work(self) -> None:
        for _ in range(4):
            self.replica.step()
            while self.world.log.on_its_way:
                self.world.log.take()
            for server in self.world.servers:
                if server.connection.is_open and server.connection.missing:
                    server.connection.deliver(99)

    def ask(self, act: Claim | Rename) -> list[Result]:
        answers: list[Result] = []
        self.replica.ask(act, answers.append)
        return answers

    def claims(self, nick: str, fresh: str, proof: str | None = None) -> list[Result]:
        return self.ask(Claim(proof, fresh, True, nick, None, False, 60 * SECOND, None))

    def nicks(self) -> list[str]:
        assert self.replica.state is not None
        return sorted(one.nick for one in self.replica.state.identities.values())


@pytest.fixture
def world() -> World:
    return World()


def until(world: World, is_so: Callable[[], bool], *, seconds: float, without: Sequence[Server] = ()) -> None:
    end = world.now + seconds
    while not is_so():
        assert world.now < end
        world.run(0.25, without=without)


def announced(world: World) -> list[bytes]:
    """Let a minute pass, and return the parts of a roster that were said."""
    before = len(world.log.entries)
    world.run(ANNOUNCE + 1)
    return [entry.data for entry in world.log.entries[before:] if b'"roster"' in entry.data]


def test_what_is_claimed_early_waits_for_the_roster(world: World) -> None:
    one = world.server()
    answers = one.claims("ada", A)
    world.run()
    [granted] = answers
    assert isinstance(granted, Granted)
    assert [entry["number"] for entry in world.said()] == [0, 1]
    assert world.said()[0]["roster"] == []


@pytest.mark.logs("roster.cut_off", "roster.back")
def test_what_is_claimed_without_a_log_waits_for_a_lease(world: World) -> None:
    one = world.server()
    one.connection.cut()
    answers = one.claims("ada", A)
    world.run(LEASE - 1)
    assert answers == []
    world.run(1)
    assert answers == one.claims("bob", B) == [None]
    one.connection.open()
    world.run()
    assert one.nicks() == []


def test_what_is_claimed_while_it_says_its_roster_again_waits_for_that(world: World) -> None:
    one = world.server()
    world.run()
    until(world, lambda: world.now >= 1_030 + ANNOUNCE - 0.25, seconds=ANNOUNCE)
    world.now += 0.25
    one.replica.step()
    answers = one.claims("ada", A)
    assert answers == []
    world.run()
    assert isinstance(answers[0], Granted)
    assert world.said()[-2]["roster"] == []


def test_a_kick_that_waits_while_it_says_its_roster_again_is_said_after_that(world: World) -> None:
    one = world.server()
    world.run()
    until(world, lambda: world.now >= 1_030 + ANNOUNCE - 0.25, seconds=ANNOUNCE)
    world.now += 0.25
    one.replica.ask(Kick("ada", "lobby"))
    world.run()
    assert world.said()[-2]["roster"] == []
    assert world.said()[-1]["acts"] == [["kick", "ada", "lobby"]]


def test_what_was_asked_together_is_one_entry(world: World) -> None:
    one = world.server()
    world.run()
    for number in range(ACTS + 1):
        one.claims(f"nick-{number}", proof_of(str(number)))
    world.run()
    assert [len(entry["acts"]) for entry in world.said()[1:]] == [ACTS, 1]


def test_a_claim_of_two_servers_at_once_has_one_winner_and_both_know_the_same(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    first, second = one.claims("ada", A), two.claims("ada", B)
    world.run()
    assert isinstance(first[0], Granted)
    assert isinstance(second[0], Refused)
    assert one.nicks() == two.nicks() == ["ada"]


def test_a_session_that_moves_is_lost_where_it_was(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    two.claims("ada", B, A)
    world.run()
    assert (one.lost, two.lost) == ([A], [])


def test_it_beats_and_announces_and_does_nothing_else(world: World) -> None:
    one = world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    one.replica.ask(Enter(A, "lobby"))
    one.replica.ask(Enter(A, "tea"))
    one.replica.ask(Exit(A, "tea"))
    world.run(ANNOUNCE + 1)
    said = world.said()
    beats = [entry for entry in said if entry.get("acts") == []]
    assert len(beats) == ANNOUNCE / BEAT - 1
    [row] = said[-1]["roster"]
    assert (row[0], row[3], said[-1]["last"]) == (A, ["lobby"], True)


def test_a_large_roster_is_said_in_parts_and_nothing_in_between(world: World) -> None:
    one = world.server()
    world.run()
    for number in range(2 * PART_ROWS + 1):
        one.claims(f"nick-{number}", proof_of(str(number)))
    world.run()
    until(world, lambda: len(world.said()[-1].get("roster", "")) == 1, seconds=ANNOUNCE + 1)
    parts = [(len(entry["roster"]), entry["last"]) for entry in world.said()[-3:]]
    assert parts == [(PART_ROWS, False), (PART_ROWS, False), (1, True)]
    world.run(1)
    assert len(one.nicks()) == 2 * PART_ROWS + 1


def test_a_roster_of_people_in_many_rooms_is_said_in_parts_that_are_not_too_large(world: World) -> None:
    one = world.server()
    world.run()
    proofs = [proof_of(str(number)) for number in range(60)]
    for number, proof in enumerate(proofs):
        one.claims(f"nick-{number}", proof)
    world.run()
    rooms = [f"{number:064}" for number in range(130)]
    for proof in proofs:
        for room in rooms:
            one.replica.ask(Enter(proof, room))
    world.run()
    parts = announced(world)
    assert [len(json.loads(data)["roster"]) for data in parts] == [29, 29, 2]
    assert PART_BYTES - 10_000 < len(parts[0]) <= PART_BYTES
    assert not one.is_cut_off()
    assert one.replica.state is not None
    assert [list(seat.rooms) for seat in one.replica.state.seats.values()] == [rooms] * 60


def test_a_row_that_is_larger_than_a_part_is_one_of_its_own(world: World) -> None:
    one = world.server()
    world.run()
    for nick, proof in (("ada", A), ("bob", B), ("cleo", C)):
        one.claims(nick, proof)
    world.run()
    rooms = [f"{number:064}" for number in range(5_000)]
    for room in rooms:
        one.replica.ask(Enter(B, room))
    world.run()
    parts = [json.loads(data) for data in announced(world)]
    assert [[row[0] for row in part["roster"]] for part in parts] == [[A], [B], [C]]
    assert one.replica.state is not None
    assert list(one.replica.state.seats[B].rooms) == rooms


def test_what_a_log_loses_is_sent_again_and_given_up_if_somebody_waits(world: World) -> None:
    one = world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    one.connection.cut()
    lost = one.claims("bob", B)
    one.replica.ask(Release(A, None))
    world.run(1)
    one.connection.open()
    world.run(2)
    assert isinstance(lost[0], Granted)
    one.connection.cut()
    given_up = one.claims("cleo", C)
    one.replica.ask(Release(B, None))
    world.run(GIVE_UP + 1)
    assert given_up == [None]
    one.connection.open()
    world.run(1)
    assert one.nicks() == []  # the goodbye was said all the same


@pytest.mark.logs("roster.cut_off", "roster.back")
def test_a_server_that_is_cut_off_knows_that_it_is_taken_for_gone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    one.claims("bob", B)
    world.run()
    one.connection.cut()
    world.run(LEASE + BEAT + 1)
    assert one.is_cut_off()
    assert one.claims("cleo", C) == [None]
    assert not two.is_cut_off()
    moved = two.claims("ada", C, A)
    world.run(1)
    assert isinstance(moved[0], Granted)
    one.connection.open()
    world.run(1)
    assert (one.is_cut_off(), one.lost) == (False, [A])
    assert "cut off: nothing was heard of who is here for 15 s, and the other servers" in caplog.text
    assert "it is known again who is here; 1 sessions have lost their nicks meanwhile" in caplog.text
    assert one.nicks() == two.nicks() == ["ada", "bob"]


def test_the_figures_are_of_all_servers_as_long_as_they_are_known(world: World) -> None:
    one = world.server()
    assert one.replica.status() == (None, None, None, False, 0, 0, 0)
    two = world.server()
    world.run()
    one.claims("ada", A)
    two.claims("bob", B)
    assert one.replica.status().waiting == 1
    world.run()
    assert one.replica.status() == two.replica.status() == (2, 0, 2, False, 0, 0, 1)
    two.connection.cut()
    world.run(LEASE + BEAT + 1)
    assert one.replica.status() == (1, 1, 1, False, 0, 0, 1)  # whoever is reserved is no session
    assert two.replica.status()[:4] == (None, None, None, True)
    two.connection.open()
    world.run(1)
    assert one.replica.status() == (2, 0, 2, False, 0, 0, 1)
    assert two.replica.status() == (2, 0, 2, False, 0, 0, 2)
    world.run(ANNOUNCE)
    assert [server.replica.status().announcements for server in (one, two)] == [2, 3]


def test_the_figures_count_what_was_given_up(world: World) -> None:
    one = world.server()
    world.run()
    one.connection.cut()
    one.claims("ada", A)
    one.claims("bob", B)
    one.replica.ask(Kick("ada", "lobby"))  # nobody waits for that
    world.run(GIVE_UP - 1)
    assert one.replica.status()[4:6] == (2, 0)
    world.run(2)
    assert one.replica.status()[4:6] == (0, 2)
    world.run(LEASE)
    one.claims("cleo", C)
    assert one.replica.status()[4:6] == (0, 3)
    one.connection.open()
    world.run(1)
    assert one.replica.status()[:6] == (1, 0, 0, False, 0, 3)


def kinds(world: World, server: Server) -> list[str]:
    """Return the kinds of what a server has said, in its order."""
    said = [entry for entry in world.said() if entry["node"] == server.replica.node]
    return [kind for entry in said for kind, *_ in entry.get("acts", [["roster"]])]


@pytest.mark.parametrize("others", [0, 2], ids=["alone", "with others"])
def test_a_kick_that_comes_when_the_roster_is_due_is_said_after_it(world: World, others: int) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    world.run(ANNOUNCE - 0.25)
    for _ in range(others):
        one.replica.ask(Enter(A, "lobby"))
    one.replica.step()  # so there is something on its way when the roster is due
    world.now += 0.25
    one.replica.ask(Kick("ada", "lobby"))
    one.replica.ask(Kick(None, "tea"))
    one.replica.step()
    before = len(kinds(world, one))
    world.run(1)
    assert two.kicked == [Kicked("ada", "lobby", one.replica.node), Kicked(None, "tea", one.replica.node)]
    assert kinds(world, one)[before:] == ["enter"] * others + ["roster", "kick", "kick"]


def test_a_kick_that_a_log_loses_is_said_again_after_the_roster_and_once(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    one.connection.cut()
    one.replica.ask(Kick("ada", "lobby"))
    given_up = one.claims("bob", B)
    world.run(GIVE_UP + 1)
    assert (given_up, one.is_cut_off()) == ([None], False)
    one.replica.ask(Kick("ada", "tea"))
    one.connection.open()
    world.run(1)
    assert [(kick.account, kick.room) for kick in two.kicked] == [("ada", "lobby"), ("ada", "tea")]
    assert kinds(world, one)[-3:] == ["roster", "kick", "kick"]
    world.run(2 * ANNOUNCE)
    assert len(two.kicked) == 2


def test_a_kick_that_was_given_up_and_is_read_after_all_is_not_said_again(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.replica.ask(Kick("ada", "lobby"))
    one.replica.step()
    late, world.log.on_its_way = world.log.on_its_way, []
    world.now += GIVE_UP
    one.replica.step()
    one.replica.ask(Kick("ada", "lobby"))  # and another one
    world.log.on_its_way = late + world.log.on_its_way
    world.run(1)
    assert [(kick.account, kick.room) for kick in two.kicked] == [("ada", "lobby")] * 2
    assert kinds(world, one)[-3:] == ["kick", "roster", "kick"]


@pytest.mark.logs("roster.kick_lost")
def test_a_kick_that_cannot_be_said_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.connection.cut()
    one.replica.ask(Kick("ada", "lobby"))
    one.replica.step()
    one.replica.ask(Kick("bob", "lobby"))
    world.run(LEASE - 1)
    assert "may still be in" not in caplog.text
    world.run(1)
    one.replica.ask(Kick(None, "tea"))
    lost = [record.getMessage() for record in caplog.records if "may still be in" in record.message]
    assert lost == [
        f"{who} at other servers, which cannot be reached"
        for who in ("ada may still be in lobby", "bob may still be in lobby", "everybody may still be in tea")
    ]
    one.connection.open()
    world.run(ANNOUNCE + 1)
    assert (two.kicked, one.is_cut_off()) == ([], False)


def test_what_is_done_in_rooms_while_it_is_cut_off_is_said_by_its_roster_alone(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    one.connection.cut()
    one.replica.ask(Kick("ada", "lobby"))  # before it knows that
    world.run(LEASE + BEAT + 1)
    for _ in range(100):
        one.replica.ask(Enter(A, "lobby"))
        one.replica.ask(Exit(A, "lobby"))
    one.replica.ask(Enter(A, "den"))
    one.replica.ask(Kick("ada", "den"))
    before = len(world.said())
    one.connection.open()
    world.run(1)
    said = [entry for entry in world.said()[before:] if entry["node"] == one.replica.node]
    assert [[list(Row(*row).rooms) for row in entry["roster"]] for entry in said] == [[[]], [["den"]]]
    assert two.replica.state is not None
    assert list(two.replica.state.seats[A].rooms) == ["den"]


def test_a_seat_is_let_go_that_was_lost_while_the_roster_was_on_its_way(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    world.run(ANNOUNCE - 1)
    world.now += 1
    one.replica.step()
    roster, world.log.on_its_way = world.log.on_its_way, []
    moved = two.claims("ada", B, A)
    until(world, lambda: bool(moved), seconds=1, without=[one])
    two.replica.ask(Release(A, None))
    until(world, lambda: two.nicks() == [], seconds=1, without=[one])
    world.log.on_its_way = roster
    world.run(1)
    assert "ada" in str(world.said()[-2]["roster"])
    assert world.said()[-1]["acts"][0][:2] == ["release", A]
    assert (one.lost, one.nicks(), two.nicks()) == ([A], [], [])


def test_who_was_cut_off_for_long_loses_what_somebody_else_has_got(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    one.claims("bob", B)
    world.run()
    one.connection.cut()
    world.run(LEASE + 61 + BEAT)
    stranger = two.claims("ada", C)
    world.run()
    assert isinstance(stranger[0], Granted)
    one.connection.open()
    world.run(1)
    assert one.lost == [A]
    assert one.nicks() == ["ada", "bob"]


def test_another_log_begins_with_the_rosters_of_all(world: World) -> None:
    one, two = world.server(), world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    for server in (one, two):
        server.connection.cut()
    world.log = FaultyLog(Random(2), lambda: world.now)
    world.log.identity = "log-2"
    for server in (two, one):
        server.connection = world.log.connect()
        server.replica._outbox._append = server.connection.append
        server.connection.start(server, 0)
        server.connection.open()
    two.work()
    thief = two.claims("ada", C)
    world.run()
    assert isinstance(thief[0], Refused)
    assert (one.nicks(), one.lost, one.begun) == (["ada"], [], 2)
    world.run(LEASE)
    assert isinstance(two.claims("bob", B), list)
    world.run()
    assert two.nicks() == ["ada", "bob"]


def test_whoever_reads_from_the_middle_says_nothing_until_it_knows_everybody(world: World) -> None:
    one = world.server()
    world.run()
    one.claims("ada", A)
    world.run(5)
    late = world.server()
    late.connection.cut()
    late.first = world.log.last + 1
    late.connection.open()
    world.run(SETTLED - 10)
    assert late.is_cut_off()
    world.run(20)
    assert not late.is_cut_off()
    assert late.nicks() == ["ada"]
    thief = late.claims("ada", B)
    world.run()
    assert isinstance(thief[0], Refused)


def test_where_nothing_is_left_of_a_log_servers_let_people_in_soon(world: World) -> None:
    world.log.write(b"nothing")
    one = world.server()
    one.connection.cut()
    one.first = world.log.last + 1
    one.connection.open()
    other = world.server()
    other.connection.cut()
    other.first = one.first
    other.connection.open()
    answers = one.claims("ada", A)
    world.run(LISTEN + 1)
    assert isinstance(answers[0], Granted)
    assert (one.nicks(), other.nicks()) == (["ada"], ["ada"])
    assert not other.is_cut_off()
    thief = other.claims("ada", B)
    world.run()
    assert isinstance(thief[0], Refused)


@pytest.mark.logs("roster.cut_off", "roster.back")
def test_alone_after_a_server_that_began_in_the_middle_it_waits_and_not_forever(world: World) -> None:
    gone = world.server()
    world.run(1)
    gone.connection.cut()
    world.servers.clear()
    one = world.server()
    one.connection.cut()
    one.first = 2
    one.connection.open()
    world.run(SETTLED - 10)
    assert one.claims("ada", A) == [None]
    patience = one.patience()
    assert patience is not None
    assert 0 < patience <= 10
    world.run(11)
    answers = one.claims("ada", A)
    world.run(1)
    assert isinstance(answers[0], Granted)


@pytest.mark.logs("roster.stopped")
def test_a_later_version_stops_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    one = world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    world.log.write(write_frame(VERSION + 1, Frame("n9", 0, 0, ReadDigest(0, NO_DIGEST), {"acts": []})))
    world.run(1)
    assert one.is_cut_off()
    assert one.claims("bob", B) == [None]
    assert one.nicks() == ["ada"]
    assert "another server writes who is here in version 2" in caplog.text


def test_entries_that_are_missing_begin_it_again(world: World) -> None:
    one = world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    world.log.write(b"nothing")
    world.log.write(b"nothing")
    one.entries(world.log.entries[-1:])
    assert one.begun == 2


def test_another_entry_in_the_place_of_the_last_one_begins_it_again(world: World) -> None:
    one = world.server()
    world.run()
    one.claims("ada", A)
    world.run()
    last = world.log.entries[-1]
    one.entries([last])
    assert one.begun == 1
    one.entries([last._replace(data=b"nothing")])
    assert (one.begun, one.nicks()) == (2, [])


def test_it_says_when_it_has_something_to_do(world: World) -> None:
    one = world.server()
    assert one.patience() == LEASE  # the log comes first
    one.connection.deliver(9)
    assert one.patience() == 0.0
    world.run()
    assert one.patience() == BEAT
    one.connection.cut()
    world.now += BEAT
    one.replica.step()
    assert one.patience() == 1.0
