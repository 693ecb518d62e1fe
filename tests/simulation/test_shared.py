"""Hubs that share a journal and a directory, by seeds; and whether planted mistakes are found."""

from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from chatcore.gate import Refusal
from chatcore.roster.acts import Act, Claim, Exit, Kick
from chatcore.roster.machine import Granted, Machine
from chatcore.roster.replica import Answer, RosterReplica
from chatcore.server.directory import Claimed, Identity, Seat
from chatcore.server.mirror import Mirror
from chatcore.server.room import Room
from chatcore.server.shared_directory import SharedDirectory
from tests.rows import SHARED_SEEDS
from tests.simulation.shared import calm
from tests.simulation.shared.calm import simulate_shared
from tests.simulation.shared.cluster import SharedCluster
from tests.simulation.step import Violation

_PER_TEST = 3

_PLANTED_SEEDS = 60

_MORE = 50
"""Seeds that are run besides, at most, until all that is rare was seen."""

RARE = {
    "a room removed",
    "an account banned",
    "a kick read by another node",
    "a list of members",
    "a nick refused: nick_taken",
    "a node killed",
    "a node paused",
    "a node that begins with an older file",
    "a node that knows that it is cut off",
    "a session resumed",
    "closed: taken_over",
    "refused: nick_taken",
}
"""What such a simulation is for."""

_seen: Counter[str] = Counter()


@pytest.mark.parametrize("first", range(0, SHARED_SEEDS, _PER_TEST))
def test_hubs_that_share_a_directory_keep_their_promises(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + _PER_TEST):
        (each := tmp_path / str(seed)).mkdir()
        _seen.update(simulate_shared(seed, each))


def test_what_is_rare_happens_too(tmp_path: Path) -> None:
    for seed in range(SHARED_SEEDS, SHARED_SEEDS + _MORE):
        if not RARE - _seen.keys():
            break
        (each := tmp_path / str(seed)).mkdir()
        _seen.update(simulate_shared(seed, each))
    assert not RARE - _seen.keys()


# --- planted mistakes ------------------------------------------------------------------------------


def claim_answered_at_append() -> AbstractContextManager[Any]:
    """A claim of a nick that is free as far as is known is answered before it was read back."""
    claim = SharedDirectory.claim

    def answer_early(
        directory: SharedDirectory, claimed: Claimed, answer: Callable[[Seat | Refusal], None]
    ) -> None:
        _, replica, _ = directory._running
        state = replica.state
        is_free = state is not None and state.holder(claimed.nick) is None
        if is_free and not replica.is_cut_off and claimed.secret is None:
            secret = "s" * 32 + claimed.nick
            answer(directory._seat(Identity(claimed.nick, claimed.person.account), "", secret, claimed))
        else:
            claim(directory, claimed, answer)

    return mock.patch.object(SharedDirectory, "claim", answer_early)


def lease_not_noticed_by_its_node() -> AbstractContextManager[Any]:
    """A node that is cut off does not notice."""
    return mock.patch.object(RosterReplica, "is_cut_off", False)


def lease_not_noticed_by_others() -> AbstractContextManager[Any]:
    """A node that is killed has its people for as long as the log is read."""
    return mock.patch("chatcore.roster.machine._LEASE", 10**12)


def exit_lost() -> AbstractContextManager[Any]:
    """Nobody says who has left a room."""
    ask = RosterReplica.ask

    def ask_all_but_exits(replica: RosterReplica, act: Act, answer: Answer | None = None) -> None:
        if not isinstance(act, Exit):
            ask(replica, act, answer)

    return mock.patch.object(RosterReplica, "ask", ask_all_but_exits)


def takeover_unheard() -> AbstractContextManager[Any]:
    """A session that was moved to another node is not ended where it was."""
    return mock.patch.object(SharedDirectory, "roster_lost")


def kick_is_local() -> AbstractContextManager[Any]:
    """Whoever is put out stays in the room on other nodes."""
    return mock.patch.object(SharedDirectory, "kick")


def kick_unheard() -> AbstractContextManager[Any]:
    """A node passes over what the log says of who is put out."""
    take = Mirror.take

    def take_no_kicks(mirror: Mirror, state: Any, events: Any) -> list[Identity]:
        with mock.patch.object(mirror._host, "put_out"):
            return take(mirror, state, events)

    return mock.patch.object(Mirror, "take", take_no_kicks)


def kick_passed_over() -> AbstractContextManager[Any]:
    """A kick that waits while its node says again whom it has is not said."""
    begin_roster = RosterReplica._begin_roster

    def begin_without_kicks(replica: RosterReplica) -> None:
        replica._queue = deque(each for each in replica._queue if not isinstance(each[0], Kick))
        begin_roster(replica)

    return mock.patch.object(RosterReplica, "_begin_roster", begin_without_kicks)


def claims_lost() -> AbstractContextManager[Any]:
    """A claim that is given up has no answer."""
    ask = RosterReplica.ask

    def ask_without_end(replica: RosterReplica, act: Act, answer: Answer | None = None) -> None:
        if isinstance(act, Claim) and answer is not None:
            ask(replica, act, lambda result: None if result is None else answer(result))
        else:
            ask(replica, act, answer)

    return mock.patch.object(RosterReplica, "ask", ask_without_end)


def never_vacated() -> AbstractContextManager[Any]:
    """A seat that is left stays with its node."""
    return mock.patch.object(SharedDirectory, "vacate", return_value=None)


def renamed_unheard() -> AbstractContextManager[Any]:
    """Nobody is told of a rename."""
    return mock.patch.object(Mirror, "rename")


def unmirrored() -> AbstractContextManager[Any]:
    """Rooms do not show who comes and goes on other nodes."""
    return mock.patch.object(Room, "show")


def last_stamp_for_all() -> AbstractContextManager[Any]:
    """A claim has the stamp of the last claim of its seat in the same entry."""
    note = RosterReplica._note_result

    def note_last(replica: RosterReplica, act: Act, result: Any) -> None:
        if isinstance(result, Granted) and replica.state is not None:
            seat = replica.state.seats.get(result.proof)
            result = result if seat is None else result._replace(claimed=seat.claimed)
        note(replica, act, result)

    return mock.patch.object(RosterReplica, "_note_result", note_last)


def any_secret_moves() -> AbstractContextManager[Any]:
    """Whoever asks for a nick with a secret gets it, whatever the secret."""
    claim = Machine._claim

    def accept(machine: Machine, act: Claim, node: str) -> Any:
        holder = machine.state.holder(act.nick)
        seats = list(holder.seats) if holder is not None and act.proof is not None else []
        return claim(machine, act._replace(proof=seats[0]) if seats else act, node)

    return mock.patch.object(Machine, "_claim", accept)


PLANTS = (
    claim_answered_at_append,
    lease_not_noticed_by_its_node,
    lease_not_noticed_by_others,
    exit_lost,
    takeover_unheard,
    kick_is_local,
    kick_unheard,
    kick_passed_over,
    claims_lost,
    never_vacated,
    renamed_unheard,
    unmirrored,
    last_stamp_for_all,
    any_secret_moves,
)


def _is_found(seed: int, directory: Path) -> bool:
    try:
        simulate_shared(seed, directory)
    except (AssertionError, LookupError):
        return True
    return False


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_found(plant: Callable[[], AbstractContextManager[Any]], tmp_path: Path) -> None:
    with plant():
        for seed in range(_PLANTED_SEEDS):
            (each := tmp_path / str(seed)).mkdir()
            if _is_found(seed, each):
                return
    raise AssertionError("nothing was found")


def test_a_seed_says_how_to_replay_it(tmp_path: Path) -> None:
    planted = mock.patch.object(SharedCluster, "begin_calm", side_effect=Violation("planted"))
    with planted, pytest.raises(Violation, match="planted") as caught:
        simulate_shared(3, tmp_path, steps=20)
    assert "python -m tests.simulation --shared 3 --steps 20" in caught.value.__notes__[0]


def test_a_seed_is_the_same_each_time(tmp_path: Path) -> None:
    logs = []
    for run in ("one", "two"):
        (each := tmp_path / run).mkdir()
        cluster = SharedCluster(4, each)
        calm.run(cluster, 200)
        logs.append(cluster.log)
    assert logs[0] == logs[1]
