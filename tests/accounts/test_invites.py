"""Invites: what makes an account and a key, how often, and for how long."""

import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import UsageError
from chatcore.accounts import Accounts, Administration
from chatcore.accounts.links import links
from chatcore.accounts.refusals import UNAUTHORIZED
from chatcore.accounts.statements import KEPT_SECONDS, AccountsFile
from chatcore.gate import Claim, Invitation, Moderation, Person, Refusal
from tests.accounts.people import DEADLINE, PEER, Clock, Watch, ask, enter, gate_over, key_of


def secret_of(book: Administration, **what: object) -> str:
    """Make an invite; return its secret."""
    secret = book.invite(**what).secret  # type: ignore[arg-type]  # what `invite` takes
    assert secret is not None
    return secret


def code_of(answer: Person | Refusal) -> str | None:
    return answer.code if isinstance(answer, Refusal) else None


def test_an_invite_makes_an_account_that_its_key_proves_from_then_on(
    gate: Accounts, book: Administration
) -> None:
    invite = secret_of(book)
    person = enter(gate, "Zoe", invite=invite)
    assert isinstance(person, Person)
    assert (person.account, person.role) == ("Zoe", "member")
    assert enter(gate, "zoe", key_of("Zoe")) == person
    assert gate.may_stay(person, PEER) is None


def test_the_same_invite_and_key_are_the_same_login_though_the_invite_is_used_up(
    gate: Accounts, book: Administration
) -> None:
    invite = secret_of(book)
    assert len({enter(gate, "zoe", invite=invite) for _ in range(3)}) == 1
    assert enter(gate, "zoe", key_of("other"), invite) == UNAUTHORIZED
    assert [entry.keys for entry in book.accounts() if entry.name == "zoe"] == [1]


def test_an_invite_is_used_as_often_as_it_says(gate: Accounts, book: Administration) -> None:
    invite = secret_of(book, uses=2)
    assert [code_of(enter(gate, name, invite=invite)) for name in ("zoe", "zac", "zig")] == [
        None,
        None,
        "unauthorized",
    ]
    assert book.invites() == []


def test_an_invite_ends_at_its_time(gate: Accounts, book: Administration, clock: Clock) -> None:
    early, late = secret_of(book, seconds=60.0), secret_of(book, seconds=60.0)
    clock.time += 59.9
    assert isinstance(enter(gate, "zoe", invite=early), Person)
    clock.time += 0.1
    assert enter(gate, "zac", invite=late) == UNAUTHORIZED


def test_of_a_hundred_at_once_one_gets_a_single_use(gate: Accounts, book: Administration) -> None:
    invite, answers = secret_of(book), list[Person | Refusal]()
    start = threading.Barrier(10)

    def redeem(first: int) -> None:
        start.wait(DEADLINE)
        for number in range(first, first + 10):
            answers.append(enter(gate, f"zoe{number}", invite=invite))

    threads = [threading.Thread(target=redeem, args=(first,)) for first in range(0, 100, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert Counter(map(code_of, answers)) == {None: 1, "unauthorized": 99}
    assert len(book.accounts()) == 6


def test_one_key_at_once_by_many_is_one_login(gate: Accounts, book: Administration) -> None:
    invite, answers = secret_of(book, uses=50), list[Person | Refusal]()

    def redeem() -> None:
        answers.extend(enter(gate, "zoe", invite=invite) for _ in range(10))

    threads = [threading.Thread(target=redeem) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(answers) == 40
    assert len(set(answers)) == 1
    assert [entry.uses for entry in book.invites()] == [49]


def test_an_invite_for_an_account_makes_one_more_key_of_it(gate: Accounts, book: Administration) -> None:
    laptop = enter(gate, "anything", key_of("ada", "laptop"), secret_of(book, name="ADA"))
    phone = enter(gate, "ada")
    assert isinstance(laptop, Person)
    assert isinstance(phone, Person)
    assert (laptop.account, laptop.role) == (phone.account, phone.role) == ("ada", "member")
    assert laptop.key_id != phone.key_id
    assert len(book.keys("ada")) == 2


def test_an_invite_for_an_account_that_was_removed_is_worth_nothing(
    gate: Accounts, book: Administration
) -> None:
    invite = secret_of(book, name="ada", uses=5)
    book.remove("ada")
    assert enter(gate, "ada", key_of("ada", "laptop"), invite) == UNAUTHORIZED
    assert enter(gate, "zoe", key_of("zoe"), invite) == UNAUTHORIZED


def test_an_invite_for_a_room_makes_a_guest_who_may_enter_it_alone(
    gate: Accounts, book: Administration
) -> None:
    guest = enter(gate, "zoe", invite=secret_of(book, room="Project-X"))
    assert isinstance(guest, Person)
    assert guest.role == "guest"
    assert gate.may_join(guest, "project-x") is None
    assert code_of(gate.may_join(guest, "lobby") or guest) == "forbidden"


# --- an invite for a room, and a key that is known -----------------------------------------------


def test_an_invite_for_a_room_admits_an_account_whose_key_is_known_and_is_used_up(
    gate: Accounts, book: Administration
) -> None:
    gus = enter(gate, "gus")
    assert isinstance(gus, Person)
    assert code_of(gate.may_join(gus, "attic") or gus) == "forbidden"
    invite = secret_of(book, name="gus", room="Attic")
    assert enter(gate, "gus", invite=invite) == gus
    assert gate.may_join(gus, "attic") is None
    assert book.invites() == []
    last = book.audit()[-1]
    assert (last.by, last.act, last.room, last.target) == ("gus", "admit", "attic", "gus")
    assert enter(gate, "gus", invite=invite) == gus  # as when the welcome was lost


def test_an_invite_for_a_room_and_anybody_admits_each_account_once(
    gate: Accounts, book: Administration
) -> None:
    invite = secret_of(book, room="attic", uses=5)
    gus = enter(gate, "gus", invite=invite)
    assert isinstance(gus, Person)
    assert [enter(gate, "gus", invite=invite) for _ in range(3)] == [gus] * 3
    assert [each.uses for each in book.invites()] == [4]
    assert isinstance(zoe := enter(gate, "zoe", invite=invite), Person)
    assert enter(gate, "zoe", invite=invite) == zoe
    assert [each.uses for each in book.invites()] == [3]
    assert [gate.may_join(each, "attic") for each in (gus, zoe)] == [None, None]


@pytest.mark.parametrize("key", ["", "another"])
def test_whoever_is_put_out_of_a_room_does_not_come_back_by_the_same_invite(
    gate: Accounts, book: Administration, key: str
) -> None:
    invite = secret_of(book, name="gus", room="attic", uses=5)
    gus = enter(gate, "gus", invite=invite)
    assert isinstance(gus, Person)
    mona = enter(gate, "mona")
    assert ask(gate.moderate, mona, Moderation("close", "attic", present=frozenset({"mona"}))) is None
    assert ask(gate.moderate, mona, Moderation("kick", "attic", "gus")) is None
    again = enter(gate, "gus", key_of("gus", key) if key else None, invite)
    assert isinstance(again, Person)
    assert code_of(gate.may_join(again, "attic") or again) == "forbidden"
    assert isinstance(enter(gate, "gus", invite=secret_of(book, name="gus", room="attic")), Person)
    assert gate.may_join(gus, "attic") is None


def test_an_invite_for_another_account_is_refused_with_a_known_key_and_stays_valid(
    gate: Accounts, book: Administration
) -> None:
    invite = secret_of(book, name="bob", room="attic")
    refused = enter(gate, "ada", invite=invite)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.message) == ("forbidden", "this invite is for another account")
    assert isinstance(enter(gate, "bob", invite=invite), Person)


@pytest.mark.parametrize("what", [{}, {"name": "ada"}, {"role": "moderator"}])
def test_an_invite_without_a_room_gives_nothing_to_a_key_that_is_known(
    gate: Accounts, book: Administration, what: dict[str, object]
) -> None:
    ada = enter(gate, "ada")
    assert enter(gate, "ada", invite=secret_of(book, **what)) == ada
    assert [each.uses for each in book.invites()] == [1]
    assert {each.role for each in book.accounts() if each.name == "ada"} == {"member"}


def test_nothing_is_remembered_of_an_invite_that_is_gone(
    path: Path, gate: Accounts, book: Administration, clock: Clock
) -> None:
    ended, withdrawn = (book.invite(room=room, uses=5) for room in ("attic", "cellar"))
    for each in (ended, withdrawn):
        enter(gate, "gus", invite=each.secret)
    with closing(AccountsFile(path)) as file:
        assert file.db.execute("SELECT count(*) FROM admissions").fetchone() == (2,)
        book.withdraw(withdrawn.id)
        clock.time = ended.until + KEPT_SECONDS
        ask(gate.invite_device, enter(gate, "ada"))
        assert file.db.execute("SELECT count(*) FROM admissions").fetchone() == (0,)


def test_an_invite_that_is_withdrawn_is_worth_nothing(gate: Accounts, book: Administration) -> None:
    kept, gone = secret_of(book), book.invite()
    assert gone.secret
    book.withdraw(gone.id)
    assert enter(gate, "zoe", invite=gone.secret) == UNAUTHORIZED
    assert isinstance(enter(gate, "zoe", invite=kept), Person)
    with pytest.raises(UsageError, match="no invite"):
        book.withdraw(gone.id)


def test_a_key_that_was_revoked_stays_so_whatever_invite_comes_with_it(
    gate: Accounts, book: Administration, watch: Watch
) -> None:
    book.revoke("ada")
    assert watch.was_revised()
    assert enter(gate, "ada", invite=secret_of(book, name="ada")) == UNAUTHORIZED
    assert isinstance(enter(gate, "ada", key_of("ada", "new"), secret_of(book, name="ada")), Person)


def test_with_all_keys_of_an_account_go_the_invites_to_it(gate: Accounts, book: Administration) -> None:
    to_ada, to_bob = secret_of(book, name="ada"), secret_of(book, name="bob")
    book.revoke("ada")
    assert enter(gate, "ada", key_of("ada", "thief"), to_ada) == UNAUTHORIZED
    assert isinstance(enter(gate, "bob", key_of("bob", "laptop"), to_bob), Person)


def test_a_key_that_can_be_guessed_is_not_taken(gate: Accounts, book: Administration) -> None:
    assert enter(gate, "zoe", "k" * 42, secret_of(book)) == UNAUTHORIZED


def test_an_invite_proves_nothing_without_a_key(gate: Accounts, book: Administration) -> None:
    assert ask(gate.enter, Claim(PEER, "zoe", None, secret_of(book))) == UNAUTHORIZED


def test_whoever_is_banned_makes_no_more_keys(gate: Accounts, book: Administration) -> None:
    invite = secret_of(book, name="ada")
    book.ban("ada", seconds=60.0)
    answer = enter(gate, "ada", key_of("ada", "laptop"), invite)
    assert (code_of(answer), getattr(answer, "retry_after", None)) == ("forbidden", 60.0)
    assert [entry.uses for entry in book.invites()] == [1]


def test_invites_survive_the_end_of_a_server(path: Path, book: Administration, clock: Clock) -> None:
    invite, used = secret_of(book), secret_of(book)
    first = gate_over(path, now=clock)
    person = enter(first, "zoe", invite=used)
    first.close()
    second = gate_over(path, now=clock)
    assert enter(second, "zoe", invite=used) == person
    assert isinstance(enter(second, "zac", invite=invite), Person)
    second.close()


# --- another device ------------------------------------------------------------------------------


def test_whoever_has_an_account_invites_one_more_device_for_ten_minutes(
    gate: Accounts, book: Administration, clock: Clock
) -> None:
    book.publish(["chats://chat.example:7024", "https://chat.example/team"])
    invitations = [ask(gate.invite_device, enter(gate, "gus")) for _ in range(2)]
    used, late = invitations
    assert isinstance(used, Invitation)
    assert used.seconds == 600.0
    clock.time += 599.0
    device = enter(gate, "gus", key_of("gus", "laptop"), used.secret)
    assert isinstance(device, Person)
    assert (device.account, device.role) == ("gus", "guest")
    clock.time += 1.0
    assert enter(gate, "gus", key_of("gus", "tablet"), late.secret) == UNAUTHORIZED
    assert enter(gate, "gus", key_of("gus", "third"), used.secret) == UNAUTHORIZED


def test_few_invites_for_devices_wait_at_a_time(gate: Accounts, clock: Clock) -> None:
    person = enter(gate, "ada")
    answers = [ask(gate.invite_device, person) for _ in range(6)]
    assert [isinstance(answer, Invitation) for answer in answers] == [True] * 5 + [False]
    assert (answers[5].code, answers[5].retry_after) == ("limit_exceeded", 600.0)
    clock.time += 600.0
    assert isinstance(ask(gate.invite_device, person), Invitation)


def test_an_account_invites_devices_again_after_the_clock_was_set_back(gate: Accounts, clock: Clock) -> None:
    person = enter(gate, "ada")
    for _ in range(5):
        ask(gate.invite_device, person)
    clock.time -= 3_600.0
    answers = [ask(gate.invite_device, person) for _ in range(6)]
    assert [isinstance(answer, Invitation) for answer in answers] == [True] * 5 + [False]
    assert answers[5].retry_after == 600.0


def test_a_key_that_was_revoked_invites_no_device(gate: Accounts, book: Administration, watch: Watch) -> None:
    person = enter(gate, "ada")
    book.revoke("ada")
    assert ask(gate.invite_device, person) == UNAUTHORIZED


def device(gate: Accounts, by: Person, name: str) -> Person:
    """Let a device invite another one, which has a key with that name; return the other."""
    secret = ask(gate.invite_device, by).secret
    found = enter(gate, f"{by.account}", key_of(f"{by.account}", name), secret)
    assert isinstance(found, Person)
    return found


def test_with_a_key_goes_all_that_came_from_it(gate: Accounts, book: Administration, watch: Watch) -> None:
    stolen, laptop = (
        enter(gate, "ada"),
        enter(gate, "ada", key_of("ada", "laptop"), secret_of(book, name="ada")),
    )
    assert isinstance(stolen, Person)
    child = device(gate, stolen, "child")
    grandchild = device(gate, child, "grandchild")
    unused = ask(gate.invite_device, stolen).secret
    listed = {key.id: key.invited_by for key in book.keys("ada")}
    assert (listed[f"{child.key_id}"], listed[f"{grandchild.key_id}"]) == (stolen.key_id, child.key_id)
    revoked = book.revoke("ada", stolen.key_id)
    assert revoked[0] == stolen.key_id
    assert set(revoked[1:]) == {child.key_id, grandchild.key_id}
    assert book.audit()[-1].reason == " ".join(revoked)
    assert enter(gate, "ada", key_of("ada", "thief"), unused) == UNAUTHORIZED
    assert watch.was_revised()
    assert [gate.may_stay(each, PEER) for each in (stolen, child, grandchild)] == [UNAUTHORIZED] * 3
    assert enter(gate, "ada", key_of("ada", "laptop")) == laptop


def test_a_key_is_revoked_alone_if_that_is_asked_for_but_no_invite_of_a_device_stays(
    gate: Accounts, book: Administration
) -> None:
    phone = enter(gate, "ada")
    assert isinstance(phone, Person)
    tablet = device(gate, phone, "tablet")
    unused = (ask(gate.invite_device, phone).secret, ask(gate.invite_device, tablet).secret)
    from_operator = secret_of(book, name="ada")
    assert book.revoke("ada", phone.key_id, only=True) == [phone.key_id]
    assert [enter(gate, "ada", key_of("ada", secret), secret) for secret in unused] == [UNAUTHORIZED] * 2
    assert enter(gate, "ada", key_of("ada", "tablet")) == tablet
    assert isinstance(enter(gate, "ada", key_of("ada", "new"), from_operator), Person)


def test_an_invite_for_a_device_is_in_the_audit(gate: Accounts, book: Administration) -> None:
    ask(gate.invite_device, enter(gate, "ada"))
    last = book.audit()[-1]
    assert (last.act, last.by, last.target, last.seconds) == ("invite", "ada", "ada", 600.0)


# --- links ---------------------------------------------------------------------------------------

PIN = "p" * 43


def test_there_is_a_link_for_each_public_url(gate: Accounts, book: Administration, watch: Watch) -> None:
    urls = ["chats://Chat.example", "https://chat.example/team/", "chats://[2001:DB8::1]:99", "chat://h"]
    urls.append("http://192.0.2.7:8024")
    book.publish(urls, PIN)
    invite = book.invite()
    assert book.links(invite) == (
        f"chats://chat.example:7024/#{invite.secret}.{PIN}",
        f"https://chat.example/team/#{invite.secret}",
        f"chats://[2001:db8::1]:99/#{invite.secret}.{PIN}",
        f"chat://h:7024/#{invite.secret}",
        f"http://192.0.2.7:8024/#{invite.secret}",
    )
    with pytest.raises(UsageError, match="make another"):
        book.links(book.invites()[0])
    assert watch.was_revised()
    assert gate.urls == book.urls()
    invitation = ask(gate.invite_device, enter(gate, "ada"))
    assert invitation.links == links(book.urls(), invitation.secret)


def test_a_new_pin_is_for_the_urls_that_are_named(book: Administration) -> None:
    book.publish(["chats://chat.example", "chats://other.example", "https://chat.example/team"], PIN)
    before = book.audit()
    book.repin(["chats://chat.example:7024/", "https://chat.example/team/", "chats://nowhere/"], "q" * 43)
    assert [each.pin for each in book.urls()] == ["q" * 43, PIN, None]
    assert len(book.audit()) == len(before) + 1
    book.repin(["chats://chat.example:7024/"], "q" * 43)
    assert len(book.audit()) == len(before) + 1
    book.repin(["chats://chat.example:7024/"], None)
    assert [each.pin for each in book.urls()] == [None, PIN, None]


@pytest.mark.parametrize(
    "url",
    [
        "chat.example",
        "ssh://x",
        "https://u:p@h/",
        "http://h/?q",
        "https://h/#f",
        "chats://h:0",
        "http://",
        "https://h:0",
    ],
)
def test_a_url_that_no_link_can_begin_with_is_refused(book: Administration, url: str) -> None:
    with pytest.raises(UsageError):
        book.publish([url])
    assert book.urls() == ()


def test_a_pin_is_the_hash_of_a_certificate(book: Administration) -> None:
    with pytest.raises(UsageError, match="43 characters"):
        book.publish(["chats://h"], "sha256:00")
