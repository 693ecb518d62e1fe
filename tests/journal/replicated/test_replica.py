"""One server, or two, step by step: what is refused and when, what is sent again, and where it stops."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from chatcore.journal import Draft, Outcome, Unavailable
from chatcore.journal.replicated import replica as replica_module
from chatcore.journal.replicated.machine import DRAFTS, SLOTS, Applied
from chatcore.journal.replicated.postings import BATCH_BYTES
from chatcore.journal.replicated.reaches import BARRIER, WAIT
from chatcore.replication.fence import read_frame
from chatcore.replication.outbox import GIVE_UP, ON_THE_WAY, RESEND
from tests.journal.replicated.entries import entry
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import Node
from tests.server.driver import Clock

NOW = 1_800_000_000.0


class World:
    """A log that loses nothing, and two servers."""

    def __init__(self, directory: Path) -> None:
        self.random = Random(1)
        self.clock = Clock(NOW)
        self.log = FaultyLog(self.random, self.clock)
        self.nodes = [Node(directory / name, self.log, self.clock, self.random) for name in ("one", "two")]

    def start(self) -> tuple[Node, Node]:
        """Start both, connected."""
        one, two = self.nodes
        for node in (one, two):
            node.start()
            node.connection.open()
            node.step()
        return one, two

    def go_on(self, *nodes: Node) -> None:
        """Let everything happen that can, without any time."""
        for _ in range(6):
            for node in nodes or self.nodes:
                if node.is_up and node.connection.is_open:
                    node.connection.deliver(1_000)
                if node.is_up:
                    node.step()
            while self.log.on_its_way:
                self.log.take()


class Outcomes(list[Outcome]):
    """The outcomes of a submission, once there are any."""

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take them; this is the callback."""
        assert not self
        self.extend(outcomes)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two servers that are down."""
    world = World(tmp_path)
    yield world
    for node in world.nodes:
        if node.is_up:
            node.kill()


def post(node: Node, *ids: str, text: str = "hi") -> Outcomes:
    """Submit drafts together."""
    outcomes = Outcomes()
    node.submit([Draft("a", id_, "ana", text) for id_ in ids], outcomes.take)
    return outcomes


def are_refused(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether there are outcomes, and all are refusals."""
    return bool(outcomes) and all(isinstance(outcome, Unavailable) for outcome in outcomes)


def ids(world: World, node: Node) -> list[str]:
    """Return the ids of what can be read at a server."""
    page = node.read("a", 0)
    assert page is not None
    return [stored.id for stored in page.messages]


# --- what is sent, and when it is answered -------------------------------------------------------


def test_an_outcome_waits_until_the_entry_was_read_back(world: World) -> None:
    one, two = world.start()
    outcomes = post(one, "1", "2")
    one.step()
    world.log.take()
    one.step()
    assert not outcomes
    one.connection.deliver(1)
    one.step()
    assert outcomes == [SLOTS, SLOTS + 1]
    assert not two.heads["a"]
    world.go_on()
    assert two.heads == one.heads == {"a": SLOTS + 1, "b": 0}


def test_what_waits_shares_an_entry_up_to_a_number_and_a_size(world: World) -> None:
    one, _ = world.start()
    many = [post(one, *(f"{n}-{k}" for k in range(30))) for n in range(2)]
    one.step()
    frames = [read_frame(data, 1) for data in world.log.on_its_way]
    assert [len(frame.content["drafts"]) for frame in frames if frame] == [60]
    world.go_on()
    assert all(len(each) == 30 for each in many)
    post(one, *map(str, range(DRAFTS + 1)))
    large = post(one, "x", "y", "z", text="x" * (BATCH_BYTES // 2))
    one.step()
    frames = [read_frame(data, 1) for data in world.log.on_its_way]
    sizes = [len(frame.content["drafts"]) for frame in frames if frame]
    assert sizes[0] == DRAFTS
    assert sum(sizes) == DRAFTS + 4
    assert len(sizes) == 4
    world.go_on()
    assert len(large) == 3


def test_few_entries_are_on_the_way_and_the_rest_waits(world: World) -> None:
    one, _ = world.start()
    for n in range(20):
        post(one, str(n))
        one.step()
    assert len(world.log.on_its_way) == ON_THE_WAY
    world.go_on()
    assert len(ids(world, one)) == 20


def test_what_was_lost_is_sent_again_after_a_second_in_its_order(world: World) -> None:
    one, _ = world.start()
    first = post(one, "1")
    one.step()
    second = post(one, "2")
    one.step()
    sent = list(world.log.on_its_way)
    world.log.on_its_way.pop(0)
    world.go_on()
    assert not first + second
    assert one.running().status.void == 1
    assert one.running().patience == pytest.approx(RESEND)
    world.clock.now += RESEND
    one.step()
    assert world.log.on_its_way == sent
    world.go_on()
    assert first + second == [2 * SLOTS, 3 * SLOTS]


def test_what_was_on_the_way_is_sent_again_when_the_connection_is_back(world: World) -> None:
    one, _ = world.start()
    one.connection.cut()
    outcomes = post(one, "1")
    world.go_on()
    one.connection.open()
    world.go_on()
    assert outcomes == [SLOTS]


@pytest.mark.logs("replica.draft_impossible")
def test_a_draft_that_no_entry_may_hold_costs_nobody_else_anything(world: World) -> None:
    one, _ = world.start()
    first = post(one, "1")
    bad = post(one, "2", text="\x07")
    last = post(one, "3")
    world.go_on()
    assert are_refused(bad)
    assert [*first, *last] == [SLOTS, SLOTS + 1]


# --- giving up and settling ----------------------------------------------------------------------


@pytest.mark.logs("replica.unsettled", "replica.settled")
def test_nothing_new_is_taken_until_the_fate_of_what_was_given_up_is_read(world: World) -> None:
    one, two = world.start()
    early = post(one, "1")
    one.step()
    late = world.log.on_its_way.pop()
    waiting = [post(one, str(n)) for n in range(2, 5)]
    world.clock.now += GIVE_UP
    one.step()
    assert all(map(are_refused, (early, *waiting)))
    world.log.on_its_way = [late]  # it arrives in the end, and counts: the new term has not begun
    world.log.take()
    one.connection.deliver(10)
    one.step()
    assert ids(world, one) == ["1"]
    during = post(one, "6")
    one.step()
    assert are_refused(during)
    world.clock.now += RESEND
    one.step()
    world.log.take()  # what begins the new term is in the log, and not read yet
    still = post(one, "7")
    one.step()
    assert are_refused(still)
    one.connection.deliver(10)
    one.step()
    world.log.write(late)
    again = post(one, "1", "2")
    world.go_on()
    assert again == [SLOTS, 4 * SLOTS + 1]
    assert ids(world, one) == ids(world, two) == ["1", "2"]


def test_a_submission_that_was_stored_in_part_is_answered_once(world: World) -> None:
    one, _ = world.start()
    outcomes = post(one, *map(str, range(DRAFTS + 5)))
    one.step()
    world.log.take()
    world.log.on_its_way.clear()
    one.connection.deliver(1)
    one.step()
    assert not outcomes
    world.clock.now += GIVE_UP + 1
    one.step()
    assert outcomes[:DRAFTS] == list(range(SLOTS, SLOTS + DRAFTS))
    assert are_refused(outcomes[DRAFTS:])
    assert len(outcomes) == DRAFTS + 5


def test_a_request_on_its_way_is_refused_too(world: World) -> None:
    one, _ = world.start()
    answers: list[Applied | Unavailable] = []
    one.request({"remove": "a"}, answers.append)
    one.step()
    one.request({"remove": "b"}, answers.append)
    world.clock.now += GIVE_UP
    one.step()
    one.request({"remove": "b"}, answers.append)
    one.step()
    assert answers == [Unavailable(replica_module.RETRY)] * 3


# --- without a log -------------------------------------------------------------------------------


def test_without_a_log_reads_are_served_from_the_state_and_posts_are_refused(world: World) -> None:
    one, _ = world.start()
    post(one, "1")
    world.go_on()
    one.kill()
    one.start()
    assert (one.epoch, one.heads["a"]) == (world.log.identity, SLOTS)
    one.step()
    outcomes = post(one, "2")
    one.step()
    assert are_refused(outcomes)
    assert ids(world, one) == ["1"]
    one.connection.open()
    world.go_on(one)
    assert post(one, "1") == []
    world.go_on(one)
    assert len(ids(world, one)) == 1


def test_a_server_that_has_never_seen_a_log_begins_with_nothing(world: World) -> None:
    one, _ = world.nodes
    one.start()
    first = one.epoch
    assert first not in ("", world.log.identity)
    one.connection.open()
    world.go_on()
    assert one.epoch == world.log.identity


# --- readers who are ahead -----------------------------------------------------------------------


def test_a_position_that_was_read_elsewhere_is_waited_for(world: World) -> None:
    one, two = world.start()
    post(one, "1")
    world.go_on(one)
    answers: list[bool | Unavailable] = []
    two.reach("a", SLOTS, answers.append)
    two.step()
    assert not answers
    world.log.on_its_way.clear()
    two.connection.deliver(1)
    two.step()
    assert answers == [True]


def test_a_position_that_the_log_does_not_have_is_found_by_a_barrier(world: World) -> None:
    one, _ = world.start()
    answers: list[bool | Unavailable] = []
    for n in range(50):
        one.reach("a", (n + 5) * SLOTS, answers.append)
        one.step()
    assert len(world.log.on_its_way) == 1
    world.go_on(one)
    assert answers == [False]
    world.clock.now += BARRIER
    world.go_on(one)
    assert answers == [False] * 50
    assert world.log.last == 2


@pytest.mark.logs("replica.unsettled")
def test_a_position_that_nobody_can_look_up_is_unavailable_in_the_end(world: World) -> None:
    one, _ = world.start()
    one.connection.cut()
    answers: list[bool | Unavailable] = []
    one.reach("a", 5 * SLOTS, answers.append)
    one.step()
    world.clock.now += WAIT
    one.step()
    assert answers == [Unavailable(1.0)]


def test_readers_who_wait_keep_no_server_busy(world: World) -> None:
    one, _ = world.nodes
    one.start()
    one.reach("a", 5 * SLOTS, lambda answer: None)
    one.step()
    assert one.running().patience == pytest.approx(WAIT)
    one.connection.open()
    one.fail("before")
    world.log.write(entry({"drafts": []}))
    world.go_on(one)
    assert one.running().follower.file is None
    assert one.running().patience
    world.clock.now += 1.0
    world.go_on(one)
    assert one.running().patience is None  # a barrier has told them


def test_a_position_that_was_read_is_answered_from_the_room(world: World) -> None:
    one, _ = world.start()
    post(one, "1")
    world.go_on()
    answers: list[bool | Unavailable] = []
    for seq in (0, SLOTS, SLOTS + 1):
        one.reach("a", seq, answers.append)
    one.reach("elsewhere", 1, answers.append)
    one.step()
    assert answers == [True, True, False, False]


# --- where it stops ------------------------------------------------------------------------------


def has_stopped(world: World, node: Node) -> str:
    """Check that a server refuses posts and serves reads; return why it has stopped."""
    outcomes = post(node, "late")
    answers: list[bool | Unavailable] = []
    node.reach("a", 99 * SLOTS, answers.append)
    node.step()
    assert are_refused(outcomes)
    assert answers == [Unavailable(1.0)]
    assert ids(world, node)[:1] == ["1"]
    return node.running().follower.stopped or ""


@pytest.mark.logs("replica.stopped")
def test_an_entry_of_a_later_version_stops_a_server_and_it_serves_what_it_has(world: World) -> None:
    one, two = world.start()
    post(one, "1")
    world.go_on()
    world.log.write(entry({"something": "new"}, version=2))
    post(two, "2")
    world.go_on()
    assert has_stopped(world, one) == "entry 2 is of version 2, and this knows 1"
    assert ids(world, one) == ["1"]
    one.kill()
    one.start()
    one.connection.open()
    world.go_on()
    assert has_stopped(world, one)


@pytest.mark.logs("replica.forked")
def test_servers_that_have_read_different_logs_find_that_and_refuse_posts_until_an_epoch_begins(
    world: World,
) -> None:
    one, two = world.start()
    other = FaultyLog(world.random, world.clock)
    three = Node(one.path.with_name("three"), other, world.clock, world.random)
    post(one, "1")
    world.go_on()
    fork(world, three)
    post(three, "from three")
    three.step()
    world.log.on_its_way += other.on_its_way
    world.go_on()
    refused = [post(node, "2") for node in (one, two)]
    world.go_on()
    assert all(map(are_refused, refused))
    assert "has read something else up to entry 1" in one.running().header.forked
    assert one.running().header == two.running().header
    assert ids(world, one) == ["1"]
    other.entries += world.log.entries[1:]
    three.connection.deliver(10)
    three.step()
    assert three.running().header.forked  # it was told by what the others appended
    one.request({"epoch": "second"})
    world.go_on()
    accepted = post(two, "2")
    world.go_on()
    assert accepted
    assert not are_refused(accepted)
    assert one.epoch == two.epoch == "second"
    assert world.log.last < 10  # they do not tell each other again and again
    three.kill()


def fork(world: World, node: Node) -> None:
    """Have a server read another first entry than the others have."""
    node.log.identity = world.log.identity
    node.log.entries = [world.log.entries[0]._replace(at=world.log.entries[0].at + 1)]
    node.start()
    node.connection.open()
    node.step()
    node.connection.deliver(1)
    node.step()


@pytest.mark.logs("replica.stopped", "replica.continued")
def test_a_log_that_is_shorter_than_what_was_read_stops_a_server_until_it_is_whole(world: World) -> None:
    one, two = world.start()
    post(one, "1")
    post(two, "2")
    world.go_on()
    entries = list(world.log.entries)
    del world.log.entries[1:]
    one.connection.open()
    one.step()
    assert has_stopped(world, one) == "the log ends with entry 1, and 2 were read"
    world.log.entries[:] = entries
    one.connection.open()
    world.go_on()
    outcomes = post(one, "3")
    world.go_on()
    assert len(outcomes) == 1
    assert not are_refused(outcomes)
    assert ids(world, one) == ids(world, two)


@pytest.mark.logs("replica.stopped")
def test_another_log_stops_a_server(world: World) -> None:
    one, _ = world.start()
    post(one, "1")
    world.go_on()
    world.log.identity = "log-2"
    one.connection.open()
    one.step()
    assert has_stopped(world, one) == "the log is log-2, and what was read is of log-1"
    assert one.epoch == "log-1"


@pytest.mark.logs("replica.stopped")
def test_a_log_with_another_entry_in_the_place_of_one_that_was_read_stops_a_server(world: World) -> None:
    one, _ = world.start()
    post(one, "1")
    world.go_on()
    one.kill()
    world.log.entries[0] = world.log.entries[0]._replace(data=entry({"drafts": []}))
    one.start()
    one.running().follower.opened("log-1", 1, 1, "replicated")
    one.running().follower.entries(world.log.entries[:1])
    one.step()
    assert has_stopped(world, one) == "entry 1 is another than was read"


@pytest.mark.logs("replica.stopped")
def test_a_log_without_its_beginning_stops_a_server_that_needs_it(world: World) -> None:
    one, _ = world.nodes
    one.start()
    one.running().follower.opened("log-1", 5, 9, "replicated")
    one.step()
    assert one.running().follower.stopped == "the log begins with entry 5, and only 0 were read"
    outcomes = post(one, "1")
    one.step()
    assert are_refused(outcomes)


@pytest.mark.logs("replica.stopped")
def test_an_entry_that_is_missing_is_never_passed_over(world: World) -> None:
    one, _ = world.start()
    post(one, "1")
    world.go_on()
    post(one, "2")
    post(one, "3")
    world.go_on(world.nodes[1])
    one.running().follower.entries([world.log.entries[-1]._replace(position=7)])
    one.step()
    assert has_stopped(world, one) == "entries 2 to 6 are missing"


# --- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["before", "after"])
def test_a_write_that_failed_is_done_again_or_found(world: World, fate: str) -> None:
    one, two = world.start()
    outcomes = post(one, "1")
    one.step()
    world.log.take()
    one.fail(fate)
    one.connection.deliver(1)
    one.step()
    assert not outcomes
    assert one.heads["a"] == 0
    world.clock.now += 1.0
    world.go_on()
    assert outcomes == [SLOTS]
    assert ids(world, one) == ids(world, two) == ["1"]


@pytest.mark.logs("replica.unsettled")
def test_what_is_on_the_way_is_given_up_while_the_file_cannot_be_used(world: World) -> None:
    one, _ = world.start()
    outcomes = post(one, "1")
    one.step()
    world.clock.now += GIVE_UP - 0.5
    one.fail("before")
    one.step()
    world.log.take()
    one.connection.deliver(5)
    one.step()
    assert one.running().follower.file is None
    world.clock.now += 0.5
    one.step()
    assert are_refused(outcomes)
    assert one.running().patience
    world.clock.now += 1.0
    world.go_on()
    again = post(one, "1")
    world.go_on()
    assert again == [SLOTS]  # it was stored nevertheless
    assert ids(world, one) == ["1"]


def test_an_epoch_that_an_entry_begins_is_reported_between_the_messages(world: World) -> None:
    one, two = world.start()
    post(one, "1")
    world.go_on(one)
    one.request({"epoch": "second"})
    world.go_on(one)
    post(one, "2")
    world.go_on()
    assert one.epoch == two.epoch == "second"
    assert one.heads == two.heads


def test_time_passes_in_a_silent_log_where_messages_expire_by_their_age(world: World) -> None:
    one, _ = world.start()
    assert one.running().patience is None
    one.request({"limits": {"history_seconds": 10}})
    post(one, "1")
    world.go_on(one)
    last = world.log.last
    assert one.running().patience == pytest.approx(replica_module.TICK)
    world.clock.now += replica_module.TICK
    world.go_on(one)
    assert world.log.last == last + 1
    assert ids(world, one) == []
