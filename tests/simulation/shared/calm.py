"""The end of a simulation: faults are over, and all nodes have to agree with each other and their people."""

from collections import Counter
from pathlib import Path

from chatcore.roster.machine import ANNOUNCE
from tests.journal.replicated.node import dump
from tests.roster.cluster import dump as dump_roster
from tests.simulation.shared.cluster import ACCOUNT, ROOMS, STEPS, SharedCluster
from tests.simulation.shared.guest import Guest
from tests.simulation.step import expect

__all__ = ["run", "simulate_shared"]

_SETTLED = 80.0  # seconds in which each node has said again whom it has
_NOTICED = 2.0  # seconds in which what is done on one node is known on all
_ROUNDS = 40  # of these: whoever has not come by then, or has not said what is to be said, never will


def run(cluster: SharedCluster, steps: int) -> None:
    """Run chaos and calm, and judge both; raises `Violation`."""
    with cluster.patched():
        cluster.chaos(steps)
        cluster.begin_calm()
        cluster.settle(_SETTLED)
        _bring_in_all(cluster)
        _judge_rooms(cluster)
        _judge_nodes(cluster)
        for room in ROOMS:
            _judge_kick(cluster, room)
        _judge_kicks(cluster)
        cluster.judge.judge_nicks()
        _judge_nothing_is_left(cluster)


def simulate_shared(seed: int, directory: Path, steps: int = STEPS) -> Counter[str]:
    """Run one seed to its end, and return what was seen; raises `Violation`, or whatever was raised."""
    try:
        cluster = SharedCluster(seed, directory)
        run(cluster, steps)
    except Exception as error:
        error.add_note(
            f"seed={seed}: to replay it, python -m tests.simulation --shared {seed} --steps {steps}"
        )
        raise
    return cluster.judge.seen


def _bring_in_all(cluster: SharedCluster) -> None:
    """Have everybody in all rooms, and say all that was not acknowledged."""
    for _ in range(_ROUNDS):
        waits = [_bring_in(cluster, person.guest) for person in cluster.people if person.guest]
        for person in cluster.people:
            for older in person.guests[:-1]:
                older.say_goodbye()
                waits.append(True)
            if not person.guests and _may_come(cluster, person.nick, person.account):
                cluster.come(person, cluster.random.choice(cluster.nodes), person.nick)
                waits.append(True)
        cluster.settle(_NOTICED)
        if not any(waits):
            return
    expect(False, "it never becomes quiet:", cluster.guests)


def _may_come(cluster: SharedCluster, nick: str, account: str | None) -> bool:
    """Tell whether nobody else has a nick."""
    return account is not None or all(guest.nick != nick for guest in cluster.guests)


def _bring_in(cluster: SharedCluster, guest: Guest) -> bool:
    """Have somebody in all rooms; return whether there was anything to do."""
    waits = bool(guest.open)
    for room in ROOMS if not guest.open else ():
        if room not in guest.rooms:
            guest.join(room)
            waits = True
        elif guest.has_to_resume(room):
            guest.resume(room)
            waits = True
    cluster.read(guest.node)
    return waits


def _judge_rooms(cluster: SharedCluster) -> None:
    """Check that all members know who is in their rooms, by what they were told and by what they ask."""
    live = [guest for guest in cluster.guests if guest.is_live]
    for room in ROOMS:
        there = {guest.nick for guest in live if room in guest.rooms}
        for guest in live:
            if room not in guest.rooms:
                continue
            guest.rooms[room].judge(guest, there)
            guest.who(room)
            cluster.read(guest.node)
            expect(not guest.is_asking("who", room), guest, "is not shown who is in", room)
            guest.rooms[room].judge(guest, there)
            cluster.judge.seen["a list of members"] += 1
        _judge_counts(cluster, live, room, len(there))


def _judge_counts(cluster: SharedCluster, live: list[Guest], room: str, count: int) -> None:
    """Check that each node counts as many in a room, also in its list of rooms."""
    for node in cluster.nodes:
        for guest in [guest for guest in live if guest.node is node][:1]:
            guest.list_rooms()
            cluster.settle(_NOTICED)
            listed = {} if guest.listed is None else {each.room: each.count for each in guest.listed.rooms}
            expect(listed.get(room, 0) == count, guest, "is shown", listed, "and in", room, "are", count)


def _judge_nodes(cluster: SharedCluster) -> None:
    """Check that all nodes have read the same, to the end, and know the same."""
    first, *others = cluster.nodes
    assert first.roster.state is not None
    for node in cluster.nodes:
        expect(not node.roster.is_cut_off, node, "is cut off in the end")
        expect(node.position == cluster.machines.log.last, node, "has not read who is here")
        expect(node.journal.replica.header.position == cluster.posts.last, node, "has not read all posts")
    for node in others:
        assert node.roster.state is not None
        expect(dump_roster(node.roster.state) == dump_roster(first.roster.state), node, "knows others")
    for person in cluster.people:
        person.sender.judge_order()
        undone = [room for room in ROOMS if person.guest and not person.sender.is_done(room)]
        expect(not undone, person, "still waits for posts to", undone)


def _judge_kick(cluster: SharedCluster, room: str) -> None:
    """Check that whoever is put out on one node is out on all, and that everybody knows."""
    cluster.kick(cluster.random.choice(cluster.nodes), room)
    cluster.settle(_NOTICED)
    there = [guest for guest in cluster.guests if guest.account == ACCOUNT and room in guest.rooms]
    expect(not there, there, "are still in", room, "and were put out on another node")
    _judge_rooms(cluster)


def _judge_kicks(cluster: SharedCluster) -> None:
    """Check that each kick is in the log, also where it is asked for while a node says again whom it has."""
    before, asked = cluster.machines.log.last, 0
    for _ in range(round(ANNOUNCE)):
        for _ in range(2):  # so that something is on its way when a roster is due
            cluster.pass_time(0.5)
            for node in cluster.nodes:
                cluster.kick(node, ROOMS[0])
                asked += 1
        cluster.carry_all()
    cluster.settle(_NOTICED)
    said = cluster.judge.kicks_since(before)
    expect(said == asked, "of", asked, "kicks", said, "are in the log")


def _judge_nothing_is_left(cluster: SharedCluster) -> None:
    """Have everybody go, and check that no node knows anybody after a while."""
    for guest in cluster.guests:
        guest.lose()
        cluster.read(guest.node)
    cluster.settle(60.0)
    for node in cluster.nodes:
        found = {what: there for what, there in node.leftovers().items() if there}
        expect(not found, node, "still has", found)
        node.journal.replica.end()
    first, *others = [dump(node.path) for node in cluster.nodes]
    expect(all(other == first for other in others), "the files differ")
