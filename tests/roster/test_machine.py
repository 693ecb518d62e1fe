"""What each entry does to the state, rule by rule."""

from collections.abc import Sequence
from typing import Any

import pytest

from chatcore.replication import LogEntry
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, UnknownVersion, write_frame
from chatcore.roster.acts import Act, Claim, Enter, Exit, Forget, Kick, Part, Release, Rename, content_of
from chatcore.roster.machine import (
    LEASE,
    VERSION,
    Applied,
    Forgotten,
    Granted,
    Kicked,
    Lost,
    Machine,
    Present,
    Refused,
    Renamed,
    Taken,
    read,
)
from chatcore.roster.state import State
from tests.roster.cluster import dump, proof_of

SECOND = 1_000_000
KEEP = 60 * SECOND
A, B, C = (proof_of(name) for name in "abc")


class Writer:
    """Several servers that write to one log, each with its numbers."""

    def __init__(self, first: int = 1) -> None:
        self.machine = Machine("log", first)
        self.at = 1_000 * SECOND
        self.position = first - 1
        self.entries: list[LogEntry] = []
        self._following: dict[str, tuple[int, int]] = {}
        if first == 1:
            self.raw(b"nothing")
            self.at += 20 * SECOND

    @property
    def state(self) -> State:
        return self.machine.state

    def raw(self, data: bytes) -> Applied:
        self.position += 1
        self.entries.append(LogEntry(self.position, self.at, data))
        return self.machine.apply(self.entries[-1], read(self.entries[-1]))

    def write(self, node: str, content: Any, term: int, number: int, *, seen: int = 0) -> Applied:
        frame = Frame(node, term, number, ReadDigest(seen, NO_DIGEST), content)
        return self.raw(write_frame(VERSION, frame))

    def announce(self, node: str, rows: Sequence[Any] = (), *, is_last: bool = True) -> Applied:
        term, _ = self._following.get(node, (-1, 0))
        self._following[node] = (term + 1, 1)
        return self.write(node, content_of(Part(tuple(rows), is_last)), term + 1, 0)

    def say(self, node: str, *acts: Act) -> Applied:
        if node not in self._following:
            self.announce(node)
        *others, last = acts or (None,)
        if others and isinstance(last, Release):
            self.say(node, *acts[:-1])
            return self.say(node, last)
        if isinstance(last, Release) and not last.claimed and last.proof in self.state.seats:
            acts = (last._replace(claimed=self.state.seats[last.proof].claimed),)
        term, number = self._following[node]
        self._following[node] = (term, number + 1)
        return self.write(node, content_of(acts), term, number)

    def rows(self, node: str) -> list[Any]:
        """Return the roster of a server, as it is now."""
        return [
            (
                seat.proof,
                seat.claimed,
                seat.keep,
                tuple(seat.rooms),
                seat.identity.name,
                seat.identity.nick,
                seat.identity.named,
                seat.identity.home_folded,
                seat.identity.account,
            )
            for seat in self.state.at(node)
        ]


def claim(
    nick: str,
    fresh: str,
    proof: str | None = None,
    *,
    account: str | None = None,
    variant: bool = False,
    adopts: bool = True,
    most: int | None = None,
) -> Claim:
    return Claim(proof, fresh, adopts, nick, account, variant, KEEP, most)


@pytest.fixture
def log() -> Writer:
    return Writer()


def holder(log: Writer, nick: str) -> str | None:
    """Return the server at which a nick is in use."""
    found = log.state.holder(nick)
    return None if found is None else next((seat.node for seat in found.seats.values()), None)


def refusal(applied: Applied) -> Refused:
    [result] = applied.results
    assert isinstance(result, Refused)
    return result


# --- claims --------------------------------------------------------------------------------------


def test_the_first_claim_gets_the_nick_in_any_spelling(log: Writer) -> None:
    first, second = log.say("n1", claim("ada", A)), log.say("n2", claim("ADA", B))
    [granted] = first.results
    assert isinstance(granted, Granted)
    assert first.events == [Taken(A, "n1")]
    assert refusal(second).code == "nick_taken"
    assert holder(log, "Ada") == "n1"


def test_two_claims_in_one_entry_are_decided_in_their_order(log: Writer) -> None:
    granted, refused = log.say("n1", claim("ada", A), claim("ada", B)).results
    assert isinstance(granted, Granted)
    assert isinstance(refused, Refused)


def test_a_seat_that_is_claimed_twice_in_one_entry_is_released_by_its_last_claim_alone(log: Writer) -> None:
    first, last = log.say("n1", claim("ada", A), claim("ada", B, A)).results
    assert isinstance(first, Granted)
    assert isinstance(last, Granted)
    log.say("n1", Release(A, None, first.claimed))
    assert holder(log, "ada") == "n1"
    log.say("n1", Release(A, None, last.claimed))
    assert holder(log, "ada") is None


def test_the_proof_moves_the_seat_to_another_server(log: Writer) -> None:
    log.say("n1", claim("ada", A), Enter(A, "lobby"))
    moved = log.say("n2", claim("ada", B, A))
    name = log.state.seats[A].identity.name
    assert moved.results == [Granted(A, name, log.state.seats[A].claimed)]
    assert moved.events == [Present(name, "lobby"), Taken(A, "n2")]
    assert B not in log.state.seats
    assert log.say("n1", Release(A, None)).events == []  # it is no longer that server's
    assert holder(log, "ada") == "n2"


def test_a_moved_seat_may_be_called_otherwise(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    log.say("n1", claim("bob", B))
    assert refusal(log.say("n2", claim("bob", C, A))).code == "nick_taken"
    [granted] = log.say("n2", claim("cleo", C, A)).results
    assert isinstance(granted, Granted)
    assert log.state.holder("ada") is None


def test_an_unknown_proof_is_adopted_if_that_is_wanted(log: Writer) -> None:
    log.say("n1", claim("ada", A, C))
    log.say("n1", claim("bob", B, proof_of("short"), adopts=False))
    assert set(log.state.seats) == {C, B}


def test_a_variant_is_the_first_that_is_free(log: Writer) -> None:
    log.say("n1", claim("4711", A), claim("4711-2", B))
    log.say("n2", claim("4711", C, variant=True))
    assert log.state.seats[C].identity.nick == "4711-3"


def test_an_account_has_one_identity_on_several_servers(log: Writer) -> None:
    log.say("n1", claim("ada", A, account="ada"))
    log.say("n1", Rename(A, "ada-away", False))
    log.say("n2", claim("ada", B, account="ada"))  # it has not heard of that, and finds it all the same
    assert log.state.seats[B].identity is log.state.seats[A].identity
    assert log.state.seats[B].identity.nick == "ada-away"
    assert refusal(log.say("n2", claim("ada", C))).code == "nick_taken"
    assert log.say("n1", Release(A, KEEP)).events == []
    assert list(log.state.seats) == [B]


def test_the_sessions_of_an_account_are_counted_on_all_servers(log: Writer) -> None:
    log.say("n1", claim("ada", A, account="ada", most=2))
    log.say("n2", claim("ada", B, account="ada", most=2))
    assert refusal(log.say("n2", claim("ada", C, account="ada", most=2))).code == "limit_exceeded"
    [moved] = log.say("n2", claim("ada", C, A, account="ada", most=2)).results
    assert isinstance(moved, Granted)


def test_a_secret_of_another_account_counts_as_none(log: Writer) -> None:
    log.say("n1", claim("ada", A, account="ada"))
    [granted] = log.say("n2", claim("bob", B, A, account="bob")).results
    assert isinstance(granted, Granted)
    assert granted.proof == B
    assert log.state.seats[A].node == "n1"


# --- the end of a seat ---------------------------------------------------------------------------


def test_a_broken_connection_reserves_the_nick_for_its_owner(log: Writer) -> None:
    log.say("n1", claim("ada", A), Release(A, KEEP))
    log.at += 59 * SECOND
    assert refusal(log.say("n2", claim("ada", B))) == Refused("nick_taken", "ada", SECOND)
    [granted] = log.say("n2", claim("ada", B, A)).results
    assert isinstance(granted, Granted)
    log.at += 2 * SECOND
    assert refusal(log.say("n2", claim("ada", B))) == Refused("nick_taken", "ada")


def test_a_reserved_nick_is_free_after_its_time(log: Writer) -> None:
    log.say("n1", claim("ada", A), Release(A, KEEP))
    name = log.state.seats[A].identity.name
    log.at += 61 * SECOND
    assert log.announce("n2").events == [Forgotten(name)]
    [granted] = log.say("n2", claim("ada", B)).results
    seat = log.state.seats[B]
    assert granted == Granted(B, seat.identity.name, seat.claimed)


def test_a_goodbye_frees_the_nick(log: Writer) -> None:
    log.say("n1", claim("ada", A), Enter(A, "lobby"))
    name = log.state.seats[A].identity.name
    assert log.say("n1", Release(A, None)).events == [Present(name, "lobby"), Forgotten(name)]
    assert log.state.rooms() == []


def test_whoever_claims_a_seat_keeps_it_when_the_session_before_leaves_it(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    before = log.state.seats[A].claimed
    log.say("n1", claim("ada", B, A))
    log.say("n1", Release(A, None, before))
    assert holder(log, "ada") == "n1"


def test_only_what_is_reserved_can_be_forgotten_by_any_server(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    log.say("n2", Forget(A))
    assert holder(log, "ada") == "n1"
    log.say("n1", Release(A, KEEP))
    log.say("n2", Forget(A))
    assert log.state.identities == {}


# --- nicks and rooms -----------------------------------------------------------------------------


def test_a_rename_is_in_the_order_of_the_log(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    log.say("n2", claim("bob", B))
    name = log.state.seats[A].identity.name
    renamed = log.say("n1", Rename(A, "cleo", False))
    assert (renamed.results, renamed.events) == (["cleo"], [Renamed(name, "ada")])
    assert refusal(log.say("n2", Rename(B, "CLEO", False))).code == "nick_taken"
    assert log.say("n2", Rename(B, "cleo", True)).results == ["cleo-2"]
    assert log.say("n1", Rename(B, "dora", False)).results == [None]  # it is not that server's


def test_rooms_have_seats_of_all_servers(log: Writer) -> None:
    log.say("n1", claim("ada", A), Enter(A, "lobby"), Enter(A, "lobby"))
    log.say("n2", claim("bob", B), Enter(B, "lobby"))
    assert [seat.proof for seat in log.state.in_room("lobby")] == [A, B]
    name = log.state.seats[A].identity.name
    assert log.say("n1", Exit(A, "lobby"), Exit(A, "lobby")).events == [Present(name, "lobby")]
    assert [seat.proof for seat in log.state.in_room("lobby")] == [B]


def test_a_kick_is_for_all_servers(log: Writer) -> None:
    assert log.say("n1", Kick("ada", "lobby")).events == [Kicked("ada", "lobby", "n1")]
    assert log.say("n1", Kick(None, "lobby")).events == [Kicked(None, "lobby", "n1")]


# --- servers that are gone -----------------------------------------------------------------------


def test_a_silent_server_is_gone_after_its_lease_by_the_time_of_the_log(log: Writer) -> None:
    log.say("n1", claim("ada", A), Enter(A, "lobby"))
    log.say("n2", claim("bob", B))
    name = log.state.seats[A].identity.name
    log.at += round(LEASE * SECOND) - 1
    assert log.say("n2").events == []
    log.at += 1
    assert log.say("n2").events == [Present(name, "lobby")]
    assert refusal(log.say("n2", claim("ada", C))).wait == KEEP
    [granted] = log.say("n2", claim("ada", C, A)).results
    assert isinstance(granted, Granted)


def test_nothing_counts_that_a_server_wrote_in_the_term_in_which_it_was_gone(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    log.at += 20 * SECOND
    assert log.say("n1", Release(A, None)).void
    assert log.state.holder("ada") is not None
    assert not log.announce("n1").void


def test_a_server_that_comes_back_has_again_what_nobody_took(log: Writer) -> None:
    log.say("n1", claim("ada", A), claim("bob", B), claim("cleo", C), Enter(A, "lobby"))
    rows = log.rows("n1")
    log.at += 20 * SECOND
    log.say("n2", claim("bob", proof_of("x"), B))
    log.say("n2", Forget(C))
    log.say("n2", claim("cleo", proof_of("thief")))
    back = log.announce("n1", rows)
    assert [event for event in back.events if isinstance(event, Lost)] == [Lost(B, "n1"), Lost(C, "n1")]
    assert [seat.proof for seat in log.state.in_room("lobby")] == [A]
    assert (holder(log, "ada"), holder(log, "bob"), holder(log, "cleo")) == ("n1", "n2", "n2")
    assert log.state.seats[A].identity.reserved_until is None


def test_a_seat_that_another_had_meanwhile_is_not_taken_back(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    rows = log.rows("n1")
    log.at += 20 * SECOND
    log.say("n2", claim("ada", B, A))
    log.say("n2", Release(A, KEEP))
    assert log.announce("n1", rows).events == [Lost(A, "n1")]


def test_what_a_roster_leaves_out_is_reserved_once_all_of_it_was_said(log: Writer) -> None:
    log.say("n1", claim("ada", A), claim("bob", B), claim("cleo", C))
    one, two, _ = log.rows("n1")
    log.announce("n1", [one], is_last=False)
    assert len(log.state.at("n1")) == 3
    term, number = log._following["n1"]
    log.write("n1", content_of(Part((two,), True)), term, number)
    assert [seat.proof for seat in log.state.at("n1")] == [A, B]
    assert refusal(log.say("n2", claim("cleo", proof_of("x")))).wait == KEEP


def test_a_rename_by_another_server_is_not_undone_by_an_older_roster(log: Writer) -> None:
    log.say("n1", claim("ada", A, account="ada"))
    log.say("n2", claim("ada", B, account="ada"))
    rows = log.rows("n1")
    log.say("n2", Rename(B, "ada-away", False))
    log.announce("n1", rows)
    assert log.state.seats[A].identity.nick == "ada-away"


class Room(str):
    """A room that counts how often it is compared."""

    compared = 0
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Room.compared += 1
        return str.__eq__(self, other)


def test_a_row_costs_no_more_than_a_few_comparisons_for_each_of_its_rooms(log: Writer) -> None:
    log.say("n1", claim("ada", A))
    [row] = log.rows("n1")
    names = [f"room-{number}" for number in range(1_000)]
    log.announce("n1", [(*row[:3], names, *row[4:])])
    rooms = [*map(Room, names[::-1])]
    content = {"roster": [[*row[:3], rooms, *row[4:]]], "last": True}
    frame = Frame("n1", 2, 0, ReadDigest(0, NO_DIGEST), content)
    applied = log.machine.apply(LogEntry(log.position + 1, log.at, b""), frame)
    assert not applied.void
    assert (applied.events, list(log.state.seats[A].rooms)) == ([], names)
    assert 0 < Room.compared <= 4 * len(names)


# --- another log, and the middle of one ----------------------------------------------------------


def test_at_first_nobody_gets_a_nick_who_has_no_seat() -> None:
    log = Writer()
    log.machine, log.position = Machine("log", 1), 0
    log.announce("n1", [(A, 5, KEEP, ["lobby"], f"{A}.1", "ada", 5, None, None)])
    log.at += 5 * SECOND
    assert refusal(log.say("n2", claim("bob", B))) == Refused("unavailable", "bob", 10 * SECOND)
    [granted] = log.say("n2", claim("ada", B, A)).results
    assert isinstance(granted, Granted)
    log.at += 10 * SECOND
    [granted] = log.say("n2", claim("bob", B)).results
    assert isinstance(granted, Granted)


def test_whoever_reads_from_the_middle_knows_the_same_once_all_have_said_all(log: Writer) -> None:
    log.say("n1", claim("ada", A, account="ada"), Enter(A, "lobby"))
    log.say("n2", claim("ada", B, account="ada"), claim("bob", C), Enter(C, "tea"))
    other = Machine("log", log.position + 1)
    first = len(log.entries)
    log.at += SECOND
    log.say("n1", Rename(A, "ada-away", False))
    log.announce("n2", log.rows("n2"))
    log.announce("n1", log.rows("n1"))
    log.say("n1", Exit(A, "lobby"))
    for entry in log.entries[first:]:
        other.apply(entry, read(entry))
    assert dump(other.state) == dump(log.state)


# --- the fence, and what is void -----------------------------------------------------------------


def test_an_entry_counts_once_and_in_its_order(log: Writer) -> None:
    acts = content_of([claim("ada", A)])
    assert log.write("n1", acts, 0, 1).void
    log.announce("n1")
    assert log.write("n1", acts, 0, 2).void
    assert not log.write("n1", acts, 0, 1).void
    assert log.write("n1", acts, 0, 1).void


def test_a_term_begins_with_a_roster(log: Writer) -> None:
    assert log.write("n1", content_of([claim("ada", A)]), 0, 0).void


def test_an_entry_of_a_server_that_has_read_more_than_there_is_is_void(log: Writer) -> None:
    assert log.write("n1", content_of(Part((), True)), 0, 0, seen=log.position + 1).void


ROW = [A, 5, KEEP, ["lobby"], f"{A}.1", "ada", 5, None, None]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"acts": 3},
        {"acts": [[]]},
        {"acts": ["claim"]},
        {"acts": [["fly", A]]},
        {"acts": [["exit", A]]},
        {"acts": [["exit", "A", "lobby"]]},
        {"acts": [["exit", None, "lobby"]]},
        {"acts": [["exit", A, "no room"]]},
        {"acts": [["exit", A, "lobby\n"]]},
        {"acts": [["release", A, -1]]},
        {"acts": [["release", A, True]]},
        {"acts": [["release", A, 1.5]]},
        {"acts": [["rename", A, "", False]]},
        {"acts": [["rename", A, "ada", 1]]},
        {"acts": [["kick", 1, "lobby"]]},
        {"acts": [["claim", None, B, True, "ada", None, False, None, None]]},
        {"acts": [["claim", None, None, True, "ada", None, False, 1, None]]},
        {"acts": [["exit", A, "lobby"]] * 513},
        {"acts": [], "more": 1},
        {"roster": []},
        {"roster": [[]], "last": True},
        {"roster": [ROW[:-1]], "last": True},
        {"roster": [[None, *ROW[1:]]], "last": True},
        {"roster": [[*ROW[:3], "lobby", *ROW[4:]]], "last": True},
        {"roster": [[*ROW[:4], "ada", *ROW[5:]]], "last": True},
        {"roster": [], "last": 1},
    ],
)
def test_what_is_not_of_the_form_is_void_for_all(log: Writer, content: Any) -> None:
    log.announce("n1")
    assert log.write("n1", content, 0, 1).void
    assert log.write("n1", content, 1, 0).void
    assert not log.write("n1", content_of([claim("ada", A)]), 0, 1).void


def test_what_is_of_the_form_counts(log: Writer) -> None:
    assert not log.write("n1", {"roster": [ROW], "last": True}, 0, 0).void
    assert holder(log, "ada") == "n1"


def test_what_is_no_entry_of_ours_only_lets_time_pass(log: Writer) -> None:
    log.say("n1", claim("ada", A), Release(A, KEEP))
    log.at += 61 * SECOND
    assert log.raw(b"\xff").void
    assert log.state.holder("ada") is None


def test_an_entry_of_a_later_version_is_not_read() -> None:
    data = write_frame(VERSION + 1, Frame("n1", 0, 0, ReadDigest(0, NO_DIGEST), {"acts": []}))
    with pytest.raises(UnknownVersion):
        read(LogEntry(1, 0, data))


def test_entries_follow_each_other(log: Writer) -> None:
    with pytest.raises(ValueError, match="9 does not follow 1"):
        log.machine.apply(LogEntry(9, 0, b""), None)
