"""The local directory: who has which nick, and by which sessions."""

from typing import Any

import pytest

from chatcore.address import Peer
from chatcore.gate import ANYBODY, Gate, OpenGate, Person, Refusal
from chatcore.limits import Limits
from chatcore.messages import ClosingWord
from chatcore.names import NICK_CHARS
from chatcore.server.directory import (
    ARRIVALS_BURST,
    ARRIVALS_PER_SECOND,
    SECRET_CHARS,
    Claimed,
    LocalDirectory,
    Seat,
)
from chatcore.server.rate_limit import TokenBucket
from tests.server.key_gate import KeyGate

ADA = Person("ada", "member", "ada/phone")
BOB = Person("bob", "member", "bob/phone")
UNKNOWN = "x" * SECRET_CHARS


class Visitor:
    """A session, as a directory sees it, which notes what it is told."""

    def __init__(self) -> None:
        self.ends: list[ClosingWord | None] = []
        self.renamed: list[tuple[str, bool]] = []

    def end(self, reason: ClosingWord | None) -> None:
        self.ends.append(reason)

    def is_in(self, room: str) -> bool:
        return False

    def wants(self, room: str) -> bool:
        return False

    def tell_nick(self) -> None:
        raise AssertionError("only a session may ask for that")

    def tell_invited(self) -> None:
        raise AssertionError("only a session may ask for that")

    def note_renamed(self, nick_before: str, *, asked: bool) -> None:
        self.renamed.append((nick_before, asked))


class Reception:
    """A directory, and what is asked of it."""

    def __init__(self, **limits: Any) -> None:
        self.directory = LocalDirectory(Limits(**limits))
        self.now = 0.0

    def ask(
        self, nick: str, person: Person = ANYBODY, secret: str | None = None, *, variant: bool = False
    ) -> Seat | Refusal:
        """Claim a nick for a new session; return the answer."""
        bucket = TokenBucket(1.0, 1, self.now)
        claim = Claimed(
            Visitor(), Peer("192.0.2.1", 7), person, nick, secret, bucket, self.now, variant=variant
        )
        answers: list[Seat | Refusal] = []
        self.directory.claim(claim, answers.append)
        (answer,) = answers
        return answer

    def seat(
        self, nick: str, person: Person = ANYBODY, secret: str | None = None, *, variant: bool = False
    ) -> Seat:
        """Claim a nick, and get it."""
        answer = self.ask(nick, person, secret, variant=variant)
        assert isinstance(answer, Seat)
        return answer

    def refusal(self, nick: str, person: Person = ANYBODY, secret: str | None = None) -> str:
        """Claim a nick, and do not get it; return the code."""
        answer = self.ask(nick, person, secret)
        assert isinstance(answer, Refusal)
        return answer.code

    def rename(self, seat: Seat, nick: str, *, variant: bool = False) -> str | Refusal:
        """Ask for another nick."""
        answers: list[str | Refusal] = []
        self.directory.rename(seat, nick, variant, answers.append)
        (answer,) = answers
        return answer

    def lose(self, seat: Seat, seconds: float = 120.0) -> None:
        """Vacate a seat whose connection broke."""
        self.directory.vacate(seat, self.now + seconds)

    def is_free(self, *nicks: str) -> list[bool]:
        return [self.directory.is_free(nick) for nick in nicks]

    def revise(self, gate: Gate) -> None:
        self.directory.revise(gate, self.directory.away())


def visitor(seat: Seat) -> Visitor:
    """Return the session that uses a seat."""
    assert isinstance(seat.session, Visitor)
    return seat.session


# --- nicks ---------------------------------------------------------------------------------------


def test_a_nick_is_free_until_it_is_taken_in_any_spelling() -> None:
    here = Reception()
    assert here.is_free("ana") == [True]
    ana = here.seat("Ana")
    assert here.is_free("ana", "ANA") == [False, False]
    assert here.directory.is_free("aNa", ana.identity)
    assert here.refusal("ANA") == "nick_taken"


def test_renaming_frees_the_old_nick() -> None:
    here = Reception()
    ana = here.seat("ana")
    assert here.rename(ana, "anna") == "anna"
    assert here.is_free("ana", "Anna") == [True, False]
    assert ana.identity.nick == "anna"


def test_renaming_to_another_spelling_keeps_the_nick_taken() -> None:
    here = Reception()
    ana = here.seat("ana")
    assert here.rename(ana, "ANA") == "ANA"
    assert (ana.identity.nick, here.is_free("ana")) == ("ANA", [False])


def test_a_nick_of_somebody_else_is_refused_and_nothing_changes() -> None:
    here = Reception()
    ana, bob = here.seat("ana"), here.seat("bob")
    answer = here.rename(ana, "BOB")
    assert isinstance(answer, Refusal)
    assert answer.code == "nick_taken"
    assert (ana.identity.nick, visitor(ana).renamed, visitor(bob).renamed) == ("ana", [], [])


def test_every_session_of_an_identity_learns_of_a_new_nick_and_whether_it_asked_for_it() -> None:
    here = Reception()
    one, two, other = here.seat("ada", ADA), here.seat("ada", ADA), here.seat("bob", BOB)
    here.rename(two, "ada-x")
    assert visitor(one).renamed == [("ada", False)]
    assert visitor(two).renamed == [("ada", True)]
    assert visitor(other).renamed == []


@pytest.mark.parametrize("until", [120.0, None], ids=["reserved", "forgotten"])
def test_a_seat_without_a_session_renames_nobody(until: float | None) -> None:
    here = Reception()
    ana = here.seat("ana")
    here.directory.vacate(ana, until)
    assert isinstance(here.rename(ana, "anna"), Refusal)
    assert here.is_free("ana", "anna") == [until is None, True]


def test_a_variant_has_the_lowest_free_number() -> None:
    here = Reception()
    nicks = [here.seat("4711", variant=True).identity.nick for _ in range(3)]
    assert nicks == ["4711", "4711-2", "4711-3"]
    ana, _ = here.seat("ana"), here.seat("bob")
    assert here.rename(ana, "BOB", variant=True) == "BOB-2"


def test_a_variant_of_a_long_nick_is_cut_to_fit() -> None:
    here = Reception()
    nick = "a" * NICK_CHARS
    assert here.seat(nick, variant=True).identity.nick == nick
    assert here.seat(nick, variant=True).identity.nick == "a" * (NICK_CHARS - 2) + "-2"


def test_an_account_never_gets_a_variant_of_a_nick() -> None:
    here = Reception()
    first = here.seat("ada", ADA)
    assert here.seat("ada", ADA, variant=True).identity is first.identity


# --- secrets and takeovers -----------------------------------------------------------------------


def test_secrets_are_long_and_unique() -> None:
    here = Reception()
    found = {here.seat(f"n{n}").secret for n in range(50)}
    assert len(found) == 50
    assert min(map(len, found)) >= SECRET_CHARS


def test_a_secret_moves_its_seat_and_ends_the_session_that_had_it() -> None:
    here = Reception()
    old = here.seat("ana")
    first, bucket = visitor(old), old.bucket
    new = here.seat("ana", secret=old.secret)
    assert new is old
    assert visitor(new) is not first
    assert first.ends == ["taken_over"]
    assert new.bucket is bucket  # no new allowance
    assert len(new.identity.seats) == 1


def test_a_takeover_may_change_the_nick_of_somebody_without_an_account() -> None:
    here = Reception()
    ana = here.seat("ana")
    assert here.seat("anna", secret=ana.secret).identity.nick == "anna"
    assert here.is_free("ana", "anna") == [True, False]


def test_a_takeover_that_asks_for_a_taken_nick_is_refused_and_ends_nobody() -> None:
    here = Reception()
    ana, _ = here.seat("ana"), here.seat("bob")
    assert here.refusal("bob", secret=ana.secret) == "nick_taken"
    assert visitor(ana).ends == []


def test_a_takeover_never_changes_the_nick_of_an_account() -> None:
    here = Reception()
    ada = here.seat("ada", ADA)
    again = here.seat("ada-ci", ADA, ada.secret)
    assert again is ada
    assert (again.identity.nick, here.is_free("ada-ci")) == ("ada", [True])


def test_a_takeover_puts_the_key_of_the_new_session_in_the_place_of_the_old_one() -> None:
    here = Reception()
    ada = here.seat("ada", ADA)
    laptop = Person("ada", "member", "ada/laptop")
    assert here.seat("ada", laptop, ada.secret).person is laptop


def test_an_unknown_secret_is_adopted_if_it_may_be_one_of_ours() -> None:
    here = Reception()
    assert here.seat("ana", secret=UNKNOWN).secret == UNKNOWN
    assert here.seat("bob", secret="short").secret != "short"


@pytest.mark.parametrize(
    ("owner", "thief"), [(ANYBODY, ADA), (ADA, ANYBODY), (BOB, ADA)], ids=["nobody's", "by nobody", "other"]
)
def test_a_secret_of_another_account_proves_nothing_and_is_not_adopted(owner: Person, thief: Person) -> None:
    here = Reception()
    seat = here.seat("bob", owner)
    other = here.seat("ada", thief, seat.secret)
    assert other is not seat
    assert other.secret != seat.secret
    assert (seat.identity.nick, visitor(seat).ends) == ("bob", [])


def test_a_secret_that_was_adopted_moves_its_seat_when_it_comes_again() -> None:
    here = Reception()
    first = here.seat("ada", ADA, UNKNOWN)
    assert here.seat("ada", ADA, UNKNOWN) is first


# --- accounts ------------------------------------------------------------------------------------


def test_a_key_joins_the_identity_of_the_nick_in_any_spelling() -> None:
    here = Reception()
    one = here.seat("Ada", ADA)
    two = here.seat("aDA", ADA)
    assert two.identity is one.identity
    assert (two.identity.nick, two.secret != one.secret) == ("Ada", True)


def test_an_identity_of_an_account_is_found_by_its_home_nick_and_its_present_one() -> None:
    here = Reception()
    ada = here.seat("ada", ADA)
    here.rename(ada, "ada-1")
    here.rename(ada, "ada-2")
    assert here.is_free("ada", "ada-1", "ada-2") == [False, True, False]
    assert here.seat("ada", ADA).identity is ada.identity
    assert here.seat("ada-2", ADA).identity is ada.identity
    assert here.seat("ada-1", ADA).identity is not ada.identity


def test_an_account_may_take_back_its_home_nick_in_another_spelling() -> None:
    here = Reception()
    ada = here.seat("ada", ADA)
    here.rename(ada, "ada-1")
    assert here.rename(ada, "ADA") == "ADA"
    assert here.is_free("ada", "ada-1") == [False, True]


@pytest.mark.parametrize("nick", ["ada-ci", "ada-bot"], ids=["home", "present"])
def test_identities_of_one_account_never_merge(nick: str) -> None:
    here = Reception()
    ada, bot = here.seat("ada", ADA), here.seat("ada-ci", ADA)
    here.rename(bot, "ada-bot")
    answer = here.rename(ada, nick)
    assert isinstance(answer, Refusal)
    assert answer.code == "nick_taken"


def test_sessions_of_an_account_are_counted_over_all_its_identities() -> None:
    here = Reception(sessions_per_account=3)
    seats = [here.seat("ada", ADA), here.seat("ada", ADA), here.seat("ada-ci", ADA)]
    assert here.refusal("ada", ADA) == "limit_exceeded"
    assert here.refusal("ada-x", ADA) == "limit_exceeded"
    assert here.is_free("ada-x") == [True]
    assert here.seat("ada", ADA, seats[0].secret) is seats[0]  # a takeover adds none
    here.seat("bob", BOB)
    here.lose(seats[1])
    here.seat("ada", ADA)


def test_a_session_that_returns_to_its_seat_counts_again() -> None:
    here = Reception(sessions_per_account=1)
    ada = here.seat("ada", ADA)
    here.lose(ada)
    here.seat("ada-ci", ADA)
    assert here.refusal("ada", ADA, ada.secret) == "limit_exceeded"


def test_people_without_an_account_are_not_counted_together() -> None:
    here = Reception(sessions_per_account=1)
    assert [here.seat(nick).identity.nick for nick in ("ana", "bob")] == ["ana", "bob"]


def test_an_account_may_say_hello_sixteen_times_together_and_then_once_every_two_seconds() -> None:
    here = Reception(sessions_per_account=None)
    for _ in range(ARRIVALS_BURST):
        here.seat("ada", ADA)
    refusal = here.ask("ada", ADA)
    assert refusal == Refusal("rate_limited", "too many sessions of your account said hello", 2.0)
    here.seat("bob", BOB)
    here.now += 1 / ARRIVALS_PER_SECOND
    here.seat("ada", ADA)
    assert here.refusal("ada", ADA) == "rate_limited"


# --- the end of a session ------------------------------------------------------------------------


def test_the_nick_of_a_lost_session_is_reserved_until_its_time() -> None:
    here = Reception()
    ana = here.seat("ana")
    assert here.directory.vacate(ana, 120.0) is ana.identity
    assert here.refusal("ana") == "nick_taken"
    here.directory.expire(ana.identity, 119.9)
    assert here.is_free("ana") == [False]
    here.directory.expire(ana.identity, 120.0)
    assert here.is_free("ana") == [True]
    assert here.seat("bob", secret=ana.secret).identity is not ana.identity


def test_a_goodbye_frees_the_nick_and_the_secret_proves_nothing_any_more() -> None:
    here = Reception()
    ana = here.seat("ana")
    assert here.directory.vacate(ana, None) is None
    assert here.is_free("ana") == [True]
    assert here.seat("bob", secret=ana.secret) is not ana


def test_a_lost_session_gives_up_its_seat_while_others_stay() -> None:
    here = Reception()
    one, two = here.seat("ada", ADA), here.seat("ada", ADA)
    assert here.directory.vacate(one, 120.0) is None
    assert one.identity.seats == (two,)
    again = here.seat("ada", ADA, one.secret)
    assert again is not one
    assert (again.identity, again.secret) == (two.identity, one.secret)


def test_the_last_session_of_an_account_reserves_both_its_nicks() -> None:
    here = Reception()
    one, two = here.seat("ada", ADA), here.seat("ada", ADA)
    here.rename(one, "ada-x")
    here.lose(one)
    here.lose(two)
    assert here.is_free("ada", "ada-x") == [False, False]
    again = here.seat("ada", Person("ada", "member", "ada/laptop"))
    assert again.identity is two.identity
    assert again.identity.seats == (again,)  # the seat that waited has no owner to come back
    assert here.seat("ada", ADA, two.secret).secret == two.secret


def test_an_old_time_does_nothing_once_the_owner_is_back() -> None:
    here = Reception()
    ana = here.seat("ana")
    here.directory.vacate(ana, 120.0)
    again = here.seat("ana", secret=ana.secret)
    here.directory.expire(ana.identity, 120.0)
    assert here.is_free("ana") == [False]
    here.directory.vacate(again, 220.0)
    here.directory.expire(ana.identity, 120.0)
    assert here.is_free("ana") == [False]


@pytest.mark.parametrize("person", [ANYBODY, ADA], ids=["nobody", "account"])
def test_forgetting_an_identity_twice_takes_nothing_from_its_next_owner(person: Person) -> None:
    here = Reception()
    first = here.seat("ada", person)
    here.directory.vacate(first, None)
    second = here.seat("ada", person)
    here.directory.expire(first.identity, 1_000.0)
    assert here.is_free("ada") == [False]
    assert here.seat("ada", person, second.secret) is second


# --- what a gate takes away ----------------------------------------------------------------------


def test_seats_without_a_session_are_forgotten_when_their_person_may_not_stay() -> None:
    gate, here = KeyGate("ada", "bob"), Reception()
    away, here_still, bob = here.seat("ada", ADA), here.seat("ada-ci", ADA), here.seat("bob", BOB)
    here.lose(away)
    here.lose(bob)
    gate.remove("ada")
    here.revise(gate)
    assert here.is_free("ada", "bob") == [True, False]
    assert here_still.session is not None  # sessions see to that themselves


def test_a_reserved_nick_that_became_the_one_of_an_account_is_forgotten() -> None:
    gate, here = KeyGate(), Reception()
    ada = here.seat("ada")
    here.lose(ada)
    here.revise(gate)
    assert here.is_free("ada") == [False]
    gate.add("ada")
    here.revise(gate)
    assert here.is_free("ada") == [True]
    assert here.seat("ada", ADA, ada.secret).secret == ada.secret


def test_an_open_gate_takes_nothing_away() -> None:
    here = Reception()
    here.lose(here.seat("ana"))
    here.revise(OpenGate())
    assert here.is_free("ana") == [False]
