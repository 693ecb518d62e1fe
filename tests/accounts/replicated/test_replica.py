"""One server's copy of the accounts: what it appends, when it answers, and when it stops."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chatcore.accounts.refusals import UNAUTHORIZED
from chatcore.accounts.replicated import machine as machine_module
from chatcore.accounts.replicated.machine import Applied
from chatcore.accounts.tokens import digest
from chatcore.gate import Person
from chatcore.replication import machine as fenced_machine
from chatcore.replication.fence import ReadDigest
from chatcore.replication.outbox import GIVE_UP, RESEND, Outbox
from tests.accounts.people import Clock
from tests.accounts.replicated.recorded import entry
from tests.accounts.replicated.servers import Server, invite, redeem, run_until_quiet
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import dump
from tests.logged import watched_log


class World:
    """Two servers, and a log that does as it should."""

    def __init__(self, directory: Path, *, faults: float = 0.0, seed: int = 1) -> None:
        self.random = Random(seed)
        self.clock = Clock()
        self.log = FaultyLog(self.random, self.clock, faults)
        self.servers = [Server(directory / name, self.log, self.clock) for name in ("one.db", "two.db")]
        self.one, self.two = self.servers

    def do(self, server: Server, content: dict[str, Any]) -> Applied | None:
        """Have an act done, and all servers read it."""
        answers: list[Applied | None] = []
        server.ask(content, answers)
        server.step()
        self.settle()
        return answers[0]

    def settle(self) -> None:
        """Let time pass until all is quiet."""
        run_until_quiet(self.log, self.servers, self.clock, self.random)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which nothing arrives."""
        self.clock.time += seconds
        for server in self.servers:
            server.step()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_answer_comes_when_it_was_read_and_is_in_force(world: World) -> None:
    answers: list[Applied | None] = []
    world.one.ask(invite("one"), answers)
    world.one.step()
    assert answers == []
    world.settle()
    assert len(answers) == 1
    world.do(world.two, redeem("zoe", "one"))
    assert all(digest("key of zoe") in server.replica.snapshot.keys for server in world.servers)


def test_without_a_connection_changes_are_refused_and_what_is_known_is_in_force(
    world: World, tmp_path: Path
) -> None:
    world.do(world.one, invite("one"))
    world.do(world.one, redeem("zoe", "one"))
    world.one.kill()
    later = Server.__new__(Server)
    later.__dict__.update(world.one.__dict__)
    later._log = FaultyLog(world.random, world.clock)
    later.start()  # which finds another log
    answers: list[Applied | None] = []
    later.ask(invite("two"), answers)
    later.step()
    assert answers == [None]
    assert digest("key of zoe") in later.replica.snapshot.keys


def test_what_others_change_has_everybody_looked_at_and_an_account_more_here_does_not(world: World) -> None:
    world.do(world.one, invite("one"))
    before = [server.revised for server in world.servers]
    world.do(world.one, redeem("zoe", "one"))
    assert [server.revised - n for server, n in zip(world.servers, before, strict=True)] == [0, 1]


# --- giving up and settling ----------------------------------------------------------------------


@pytest.mark.logs("accounts.unsettled", "accounts.settled")
def test_what_is_not_read_is_given_up_and_never_counts_once_it_is_settled(world: World) -> None:
    world.do(world.one, invite("one", uses=5))
    answers: list[Applied | None] = []
    world.one.ask(redeem("zoe", "one"), answers)
    world.one.step()
    (late,) = world.log.on_its_way
    world.log.on_its_way.clear()
    for _ in range(30):
        world.pass_time(RESEND)
        world.log.on_its_way.clear()
    assert answers == [None]
    world.one.ask(redeem("zac", "one"), answers)
    world.one.step()
    assert answers == [None, None]  # refused while it does not know
    world.pass_time(RESEND)
    world.settle()
    world.log.write(late)
    world.settle()
    assert isinstance(applied := world.do(world.one, redeem("zig", "one")), Applied)
    assert isinstance(applied.result, Person)
    assert [*world.two.replica.snapshot.people] == ["zig"]


def test_an_entry_that_was_lost_is_sent_again(world: World) -> None:
    answers: list[Applied | None] = []
    world.one.ask(invite("one"), answers)
    world.one.step()
    world.log.on_its_way.clear()
    world.pass_time(GIVE_UP / 2)
    world.settle()
    assert len(answers) == 1
    assert answers[0] is not None


# --- stopping ------------------------------------------------------------------------------------


@pytest.mark.logs("accounts.stopped")
def test_an_entry_of_a_later_version_stops_changes_and_nothing_else(world: World) -> None:
    world.do(world.one, invite("one"))
    world.do(world.one, redeem("zoe", "one"))
    world.log.write(entry({"act": "later"}).replace(b'"v":1', b'"v":2'))
    world.pass_time(0.1)
    answers: list[Applied | None] = []
    world.one.ask(invite("two"), answers)
    world.one.step()
    assert answers == [None]
    assert "version 2" in str(world.one.replica.follower.stopped)
    assert digest("key of zoe") in world.one.replica.snapshot.keys


@pytest.mark.logs("accounts.stopped", "accounts.continued")
def test_it_continues_when_the_log_is_complete_again(world: World) -> None:
    world.do(world.one, invite("one"))
    listener, log = world.one.replica.follower, world.log
    listener.opened(log.identity, 1, log.last - 1, "replicated")
    world.one.step()
    assert world.one.replica.follower.stopped is not None
    listener.opened(log.identity, 1, log.last, "replicated")
    world.one.step()
    world.settle()
    assert world.do(world.one, invite("two")) is not None


@pytest.mark.logs("accounts.forked")
def test_a_fork_refuses_changes_until_an_epoch_begins(world: World) -> None:
    world.do(world.one, invite("one"))
    world.log.write(entry(invite("x"), node="n9", seen=ReadDigest(1, "of something else")))
    world.settle()
    assert world.do(world.one, invite("two")) is None
    assert world.do(world.one, {"epoch": "next"}) is not None
    assert world.do(world.two, invite("two")) is not None
    assert world.one.replica.header.epoch == "next"


@pytest.mark.logs("accounts.unusable", "accounts.recovered")
@pytest.mark.parametrize("fate", ["before", "after"])
def test_a_file_that_fails_delays_an_answer_and_changes_none(world: World, fate: str) -> None:
    world.do(world.one, invite("one"))
    world.one.plan.append(fate)
    applied = world.do(world.one, redeem("zoe", "one"))
    assert isinstance(applied, Applied)
    assert isinstance(applied.result, Person)
    assert digest("key of zoe") in world.one.replica.snapshot.keys


def test_a_file_that_stays_unusable_is_said_once(world: World) -> None:
    world.do(world.one, invite("one"))
    with watched_log() as logged:
        world.one.plan += ["before"] * 3
        assert world.do(world.one, redeem("zoe", "one")) is not None
        assert not world.one.plan
        assert world.do(world.one, invite("two")) is not None
    assert logged.names == ["accounts.unusable", "accounts.recovered"]


# --- a log that loses, repeats, delays and reorders ----------------------------------------------


def storm(directory: Path, seed: int) -> Counter[str]:
    """Let servers fight for invites over a faulty log, with kills and failures; judge what came of it."""
    world = World(directory, faults=0.3, seed=seed)
    random, asked, done = world.random, dict[str, list[Applied | None]](), Counter[str]()
    for number in range(120):
        server = random.choice(world.servers)
        match random.choice(("invite", "redeem", "redeem", "step", "step", "take", "take", "fail", "kill")):
            case "invite":
                server.ask(invite(f"invite {number % 9}"), [])
            case "redeem":
                nick = f"zoe{number}"
                asked[nick] = []
                server.ask(redeem(nick, f"invite {random.randrange(9)}"), asked[nick])
            case "take" if world.log.on_its_way:
                world.log.take()
            case "fail" if random.random() < 0.3:
                server.plan.append(random.choice(("before", "after")))
            case "kill" if random.random() < 0.2:
                server.kill()
                server.start()
            case _:
                server.step()
        world.clock.time += random.choice((0.01, 0.3))
    world.log.faults = 0.0
    world.settle()
    for server in world.servers:
        server.plan.clear()
        server.kill()
    first, second = (dump(server.path) for server in world.servers)
    assert first == second, "the states differ"
    people = {row[2] for row in first if isinstance(row, tuple) and row[0] == "people"}
    for nick, answers in asked.items():
        assert len(answers) <= 1, nick
        answer = "lost" if not answers else "given up" if answers[0] is None else "refused"
        if answers and answers[0] is not None and isinstance(answers[0].result, Person):
            answer = "won"
            assert nick in people, f"{nick} was told to be in and is not"
        elif answer == "refused":
            assert answers[0] is not None
            assert answers[0].result is UNAUTHORIZED
            assert nick not in people, f"{nick} was refused and is in"
        done[answer] += 1
    return done


def storms(directory: Path, seeds: int) -> Counter[str]:
    """Run a storm for each of some seeds; return what became of all that was asked."""
    done = Counter[str]()
    for seed in range(seeds):
        (each := directory / str(seed)).mkdir()
        done += storm(each, seed)
    return done


@pytest.mark.logs("accounts.unusable", "accounts.recovered")
def test_all_servers_agree_on_who_has_won_an_invite(tmp_path: Path) -> None:
    done = storms(tmp_path, 25)
    assert min(done[each] for each in ("won", "refused")) > 20


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """Entries count in whatever order they come, and however often."""
    patch.setattr(fenced_machine, "admits", lambda known, term, number: True)

    def read_any(outbox: Outbox[Applied], node: str, term: int, number: int, applied: Applied) -> None:
        parcels: Any = outbox._parcels
        for parcel in [each for each in parcels if each.number == number]:
            if node == outbox.node and term == outbox._term:
                parcels.remove(parcel)
                outbox._settled = True
                parcel.answer(applied)

    patch.setattr(Outbox, "read", read_any)


def time_of_a_server(patch: pytest.MonkeyPatch) -> None:
    """An act is done at the time of the server that reads it."""
    ticks = iter(range(10**9))
    patch.setattr(machine_module.AccountsMachine, "_now", property(lambda machine: float(next(ticks))))


@pytest.mark.parametrize(
    ("plant", "words"), [(no_fence, "and is in|and is not"), (time_of_a_server, "the states differ")]
)
def test_a_planted_fault_is_found(
    plant: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=words):
        storms(tmp_path, 40)
