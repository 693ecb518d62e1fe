"""What the acts of moderation do: who is in, who may speak, and for how long."""

import pytest

from chatcore import UsageError
from chatcore.accounts import Accounts, Administration
from chatcore.accounts.refusals import UNAUTHORIZED
from chatcore.accounts.statements import KEPT_SECONDS
from chatcore.gate import Act, Moderation, Peer, Person, Refusal
from tests.accounts.people import PEER, Clock, Watch, act, ask, enter, key_of, person


def may_enter(gate: Accounts, room: str) -> list[str]:
    names = ("olga", "mona", "ada", "bob", "gus")
    return [name for name in names if gate.may_join(person(gate, name), room) is None]


# --- private rooms -------------------------------------------------------------------------------


def test_a_room_that_is_closed_is_for_those_who_were_there(gate: Accounts) -> None:
    assert may_enter(gate, "ops") == ["olga", "mona", "ada", "bob"]
    assert act(gate, "ada", "close", "ops", present=frozenset({"ada", "olga"})) is None
    assert may_enter(gate, "ops") == ["olga", "ada"]
    assert gate.is_private("ops")
    assert not gate.may_see(person(gate, "mona"), "ops")
    assert not gate.is_private("lobby")


def test_the_keeper_admits_kicks_and_opens(gate: Accounts, watch: Watch) -> None:
    act(gate, "ada", "close", "ops", present=frozenset({"ada"}))
    assert act(gate, "ada", "admit", "ops", "BOB-phone") is None
    assert may_enter(gate, "ops") == ["ada", "bob"]
    assert act(gate, "ada", "kick", "ops", "bob") is None
    assert may_enter(gate, "ops") == ["ada"]
    assert watch.expelled == [("bob", "ops")]
    assert act(gate, "ada", "open", "ops") is None
    assert may_enter(gate, "ops") == ["olga", "mona", "ada", "bob"]


def test_a_room_that_is_closed_again_has_a_new_list(gate: Accounts) -> None:
    act(gate, "ada", "close", "ops", present=frozenset({"ada", "bob"}))
    act(gate, "ada", "open", "ops")
    act(gate, "ada", "close", "ops", present=frozenset({"ada"}))
    assert may_enter(gate, "ops") == ["ada"]


def test_a_guest_stays_on_the_list_of_a_room_that_is_opened(gate: Accounts) -> None:
    assert act(gate, "mona", "admit", "ops", "gus") is None
    act(gate, "ada", "close", "ops", present=frozenset({"ada"}))
    act(gate, "ada", "open", "ops")
    assert "gus" in may_enter(gate, "ops")
    assert may_enter(gate, "lobby") == ["olga", "mona", "ada", "bob"]


def test_moderators_enter_a_private_room_only_when_admitted_and_may_admit_themselves(
    gate: Accounts, book: Administration
) -> None:
    act(gate, "ada", "close", "ops", present=frozenset({"ada"}))
    assert may_enter(gate, "ops") == ["ada"]
    assert act(gate, "mona", "admit", "ops", "mona") is None
    assert may_enter(gate, "ops") == ["mona", "ada"]
    last = book.audit()[-1]
    assert (last.by, last.act, last.room, last.target) == ("mona", "admit", "ops", "mona")


def test_a_keeper_who_is_kicked_keeps_nothing(gate: Accounts) -> None:
    act(gate, "ada", "close", "ops", present=frozenset({"ada", "bob"}))
    assert act(gate, "mona", "kick", "ops", "ada") is None
    assert act(gate, "ada", "admit", "ops", "ada") == "forbidden"
    assert may_enter(gate, "ops") == ["bob"]
    assert act(gate, "bob", "close", "ops", present=frozenset({"bob"})) == "forbidden"
    assert act(gate, "mona", "open", "ops") is None


def test_a_keeper_who_is_banned_from_the_room_keeps_it_no_longer(gate: Accounts, clock: Clock) -> None:
    act(gate, "ada", "close", "ops", present=frozenset({"ada", "bob"}))
    act(gate, "mona", "ban", "ops", "ada", 60.0)
    assert act(gate, "ada", "kick", "ops", "bob") == "forbidden"
    clock.time += 60.0
    assert act(gate, "ada", "kick", "ops", "bob") is None


def test_nobody_closes_a_room_from_outside_but_a_moderator(gate: Accounts) -> None:
    assert act(gate, "ada", "close", "ops", present=frozenset({"bob"})) == "forbidden"
    assert act(gate, "mona", "close", "ops", present=frozenset({"bob"})) is None
    assert may_enter(gate, "ops") == ["mona", "bob"]


def test_a_kick_from_a_public_room_puts_out_and_keeps_nobody_out(gate: Accounts, watch: Watch) -> None:
    assert act(gate, "mona", "kick", "lobby", "ada") is None
    assert watch.expelled == [("ada", "lobby")]
    assert "ada" in may_enter(gate, "lobby")


def test_a_room_that_is_removed_is_forgotten(gate: Accounts, watch: Watch) -> None:
    act(gate, "ada", "close", "ops", present=frozenset({"ada"}))
    act(gate, "mona", "ban", "ops", "bob")
    while watch.was_revised(0.0):
        pass
    gate.room_removed("ops")
    assert watch.was_revised()
    assert may_enter(gate, "ops") == ["olga", "mona", "ada", "bob"]


# --- bans and mutes ------------------------------------------------------------------------------


def test_a_ban_keeps_out_until_it_ends(gate: Accounts, watch: Watch, clock: Clock) -> None:
    ada = person(gate, "ada")
    assert act(gate, "mona", "ban", None, "ada", 60.0) is None
    assert watch.was_revised()
    clock.time += 20.0
    answers = (gate.may_stay(ada, PEER), enter(gate, "ada"))
    assert {(answer.code, answer.retry_after) for answer in answers if isinstance(answer, Refusal)} == {
        ("forbidden", 40.0)
    }
    clock.time += 40.0
    assert gate.may_stay(ada, PEER) is None
    assert enter(gate, "ada") == ada


def test_what_has_ended_goes_on_if_the_clock_was_ahead_and_is_set_back(
    gate: Accounts, book: Administration, watch: Watch, clock: Clock
) -> None:
    ada, bob, invite = person(gate, "ada"), person(gate, "bob"), book.invite(seconds=60.0)
    acts: tuple[tuple[Act, str], ...] = (("ban", "ada"), ("mute", "bob"))
    for what, nick in acts:
        act(gate, "mona", what, None, nick, 60.0)
        assert watch.was_revised()
    clock.time += 3_600.0
    assert watch.was_revised()
    assert act(gate, "mona", "ban", None, "gus") is None  # with which the writer removes what is old
    assert watch.was_revised()
    assert enter(gate, "ada") == ada
    assert (gate.is_muted(bob, "lobby"), book.invites()) == (False, [])
    clock.time -= 3_600.0
    assert watch.was_revised()
    assert gate.may_stay(ada, PEER) is not None
    assert gate.is_muted(bob, "lobby")
    assert [each.id for each in book.invites()] == [invite.id]


def test_a_ban_from_a_room_is_for_that_room_alone(gate: Accounts, clock: Clock) -> None:
    act(gate, "mona", "ban", "lobby", "ada", 60.0)
    assert may_enter(gate, "lobby") == ["olga", "mona", "bob"]
    assert "ada" in may_enter(gate, "ops")
    clock.time += 60.0
    assert "ada" in may_enter(gate, "lobby")


def test_who_is_banned_does_nothing_more(gate: Accounts) -> None:
    mona = person(gate, "mona")
    assert act(gate, "olga", "ban", None, "mona") is None
    assert ask(gate.moderate, mona, Moderation("ban", None, "ada")).code == "forbidden"
    assert ask(gate.invite_device, mona).code == "forbidden"


@pytest.mark.parametrize("room", [None, "lobby"])
def test_a_mute_ends_by_itself_and_the_hub_is_told(
    gate: Accounts, watch: Watch, clock: Clock, room: str | None
) -> None:
    ada = person(gate, "ada")
    assert act(gate, "mona", "mute", room, "ada", 60.0) is None
    assert watch.was_revised()
    assert gate.is_muted(ada, "lobby")
    assert gate.is_muted(ada, "ops") == (room is None)
    clock.time += 60.0
    assert not gate.is_muted(ada, "lobby")
    assert watch.was_revised()


def test_a_mute_that_ended_is_told_of_though_the_file_was_changed_just_then(
    gate: Accounts, watch: Watch, clock: Clock
) -> None:
    act(gate, "mona", "mute", None, "ada", 60.0)
    assert watch.was_revised()
    clock.time += 60.0 + KEPT_SECONDS
    ask(gate.invite_device, person(gate, "bob"))  # which removes what has ended
    assert watch.was_revised()


@pytest.mark.parametrize("what", ["mute", "ban"])
@pytest.mark.parametrize("room", [None, "lobby"])
def test_lift_ends_a_mute_and_a_ban_of_the_same_place(
    gate: Accounts, book: Administration, what: Act, room: str | None
) -> None:
    act(gate, "mona", what, room, "ada")
    act(gate, "mona", what, "other", "ada")
    assert len(book.bans()) == 2
    assert act(gate, "mona", "lift", room, "ada") is None
    assert [ban.room for ban in book.bans()] == ["other"]


TEN_YEARS = 10 * 365 * 86_400.0


@pytest.mark.parametrize("seconds", [float("inf"), 1e308, TEN_YEARS + 1.0])
def test_what_would_be_longer_than_ten_years_has_no_end(
    gate: Accounts, book: Administration, seconds: float
) -> None:
    act(gate, "mona", "ban", None, "ada", seconds)
    assert [ban.until for ban in book.bans()] == [None]
    assert book.audit()[-1].seconds is None
    with pytest.raises(UsageError, match="ten years"):
        book.ban("bob", seconds=seconds)
    with pytest.raises(UsageError, match="ten years"):
        book.invite(seconds=seconds)


def test_ten_years_end(gate: Accounts, book: Administration, clock: Clock) -> None:
    act(gate, "mona", "ban", None, "ada", TEN_YEARS)
    book.ban("bob", seconds=TEN_YEARS)
    assert [ban.until for ban in book.bans()] == [clock.time + TEN_YEARS] * 2
    assert book.audit()[-2].seconds == TEN_YEARS
    assert book.invite(seconds=TEN_YEARS).until == clock.time + TEN_YEARS


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("banned", "inside", "outside"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.77/24", "192.0.2.1", "192.0.3.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"),
        ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
        ("fe80::1", "fe80::2%eth0", "192.0.2.1"),
        ("0.0.0.0/0", "127.0.0.1", "::1"),
    ],
)
def test_nobody_comes_from_an_address_that_is_banned(
    gate: Accounts, book: Administration, watch: Watch, clock: Clock, banned: str, inside: str, outside: str
) -> None:
    ada = person(gate, "ada")
    book.ban(banned, seconds=60.0)
    assert watch.was_revised()
    for peer, code in ((Peer(inside, 1), "forbidden"), (Peer(outside, 1), None)):
        answers = (
            gate.may_stay(ada, peer),
            enter(gate, "ada", peer=peer),
            enter(gate, "x", "k" * 43, book.invite().secret, peer),
        )
        codes = [answer.code if isinstance(answer, Refusal) else None for answer in answers]
        assert codes[:2] == [code, code]
        assert code is None or codes[2] == code
        assert gate.may_connect(peer) == (code is None)
    clock.time += 60.0
    assert gate.may_stay(ada, Peer(inside, 1)) is None
    assert gate.may_connect(Peer(inside, 1))


def test_a_ban_of_an_address_is_lifted_in_any_spelling(book: Administration) -> None:
    book.ban("2001:DB8:0::7")
    assert book.lift("2001:db8::/64") == 1
    assert book.bans() == []


def test_a_peer_without_an_ip_address_is_in_no_network(gate: Accounts, book: Administration) -> None:
    ada = person(gate, "ada")
    book.ban("0.0.0.0/0")
    assert gate.may_stay(ada, Peer("socket", 0)) is None


# --- what the command line does ------------------------------------------------------------------


def test_an_invite_that_another_process_makes_asks_the_hub_for_nothing(
    gate: Accounts, book: Administration, watch: Watch
) -> None:
    ada = person(gate, "ada")
    book.invite()
    ask(gate.invite_device, ada)  # answered after the file was looked at
    assert not watch.was_revised(0.0)
    book.ban("192.0.2.0/24")
    ask(gate.invite_device, ada)
    assert watch.was_revised(0.0)


def test_a_key_that_is_revoked_by_another_process_ends_within_a_look(
    gate: Accounts, book: Administration, watch: Watch
) -> None:
    phone = person(gate, "ada")
    laptop = enter(gate, "ada", key_of("ada", "laptop"), book.invite(name="ada").secret)
    assert isinstance(laptop, Person)
    while watch.was_revised(0.0):
        pass
    assert book.revoke("ada", phone.key_id) == [phone.key_id]
    assert watch.was_revised()
    assert gate.may_stay(phone, PEER) == UNAUTHORIZED
    assert gate.may_stay(laptop, PEER) is None
    assert enter(gate, "ada") == UNAUTHORIZED


def test_an_account_that_is_removed_is_nobody(gate: Accounts, book: Administration, watch: Watch) -> None:
    ada = person(gate, "ada")
    act(gate, "ada", "close", "ops", present=frozenset({"ada", "bob"}))
    assert watch.was_revised()
    book.remove("ADA")
    assert watch.was_revised()
    assert gate.may_stay(ada, PEER) == UNAUTHORIZED
    assert ask(gate.moderate, ada, Moderation("open", "ops")) == UNAUTHORIZED
    assert act(gate, "mona", "ban", None, "ada") == "bad_name"
    assert act(gate, "bob", "kick", "ops", "gus") == "forbidden"


def test_a_role_that_is_changed_counts_for_those_who_are_in(
    gate: Accounts, book: Administration, watch: Watch
) -> None:
    ada, bob = person(gate, "ada"), person(gate, "bob")
    book.set_role("ada", "moderator")
    assert watch.was_revised()
    assert ask(gate.moderate, ada, Moderation("mute", None, "bob")) is None
    book.set_role("ada", "guest")
    assert watch.was_revised()
    assert ask(gate.moderate, ada, Moderation("lift", None, "bob")).code == "forbidden"
    assert gate.may_join(ada, "lobby") is not None
    assert gate.is_muted(bob, "lobby")
