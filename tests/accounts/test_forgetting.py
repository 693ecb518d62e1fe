"""A device that forgets its key: what goes with it, what stays, who may not, and that it is written down."""

from contextlib import closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts, Administration
from chatcore.accounts.refusals import UNAUTHORIZED, UNAVAILABLE
from chatcore.errors import UsageError
from chatcore.gate import Invitation, Person, Refusal
from tests.accounts.people import PEER, Watch, ask, enter, gate_over, key_of, person


def device(gate: Accounts, by: Person, name: str) -> Person:
    """Let a device invite another one, which has a key with that name; return the other."""
    secret = ask(gate.invite_device, by).secret
    found = enter(gate, f"{by.account}", key_of(f"{by.account}", name), secret)
    assert isinstance(found, Person)
    return found


def forget(gate: Accounts, whose: Person) -> str | None:
    """Let a device forget its key; return the code of the refusal, if there is one."""
    answer = ask(gate.forget_device, whose)
    return answer.code if isinstance(answer, Refusal) else None


def test_a_forgotten_key_lets_nobody_in_or_stay_and_everybody_is_looked_at(
    gate: Accounts, book: Administration, watch: Watch
) -> None:
    ada, bob = person(gate, "ada"), person(gate, "bob")
    assert forget(gate, ada) is None
    assert watch.was_revised()
    assert gate.may_stay(ada, PEER) == enter(gate, "ada") == UNAUTHORIZED
    assert gate.may_stay(bob, PEER) is None
    assert book.keys("ada") == []
    last = book.audit()[-1]
    assert (last.by, last.act, last.target, last.reason) == ("ada", "revoke", "ada", ada.key_id)


def test_it_is_known_to_whoever_opens_the_file_later(gate: Accounts, path: Path) -> None:
    assert forget(gate, person(gate, "ada")) is None
    gate.close()
    with closing(gate_over(path)) as later:
        assert enter(later, "ada") == UNAUTHORIZED


def test_devices_that_came_from_it_stay_and_invites_that_it_asked_for_go(
    gate: Accounts, book: Administration
) -> None:
    laptop = person(gate, "ada")
    phone = device(gate, laptop, "phone 2")
    invites = [ask(gate.invite_device, each) for each in (laptop, phone)]
    assert all(isinstance(invite, Invitation) for invite in invites)
    assert forget(gate, laptop) is None
    assert enter(gate, "ada", key_of("ada", "phone 2")) == phone
    answers = [enter(gate, "ada", key_of("ada", invite.secret), invite.secret) for invite in invites]
    assert answers[0] == UNAUTHORIZED
    assert isinstance(answers[1], Person)
    assert {key.id for key in book.keys("ada")} == {phone.key_id, answers[1].key_id}


def test_an_operator_can_still_revoke_what_came_from_a_forgotten_key(
    gate: Accounts, book: Administration
) -> None:
    stolen = person(gate, "ada")
    child = device(gate, stolen, "child")
    grandchild = device(gate, child, "grandchild")
    assert forget(gate, stolen) is None
    with pytest.raises(UsageError, match="no key"):
        book.revoke("ada", stolen.key_id, only=True)
    assert set(book.revoke("ada", stolen.key_id)) == {child.key_id, grandchild.key_id}
    with pytest.raises(UsageError, match="no key"):
        book.revoke("ada", stolen.key_id)


def test_a_key_is_forgotten_once(gate: Accounts, book: Administration) -> None:
    ada = person(gate, "ada")
    before = len(book.audit())
    assert [forget(gate, ada) for _ in range(3)] == [None, "unauthorized", "unauthorized"]
    assert len(book.audit()) == before + 1


def test_the_only_key_of_the_only_owner_stays(gate: Accounts, book: Administration, watch: Watch) -> None:
    olga = person(gate, "olga")
    book.set_role("mona", "owner")
    book.revoke("mona")
    refusal = ask(gate.forget_device, olga)
    assert refusal.code == "forbidden"
    assert "another device" in refusal.message
    assert enter(gate, "olga") == olga
    phone = device(gate, olga, "phone 2")
    assert forget(gate, olga) is None
    assert forget(gate, phone) == "forbidden"


def test_an_owner_may_go_while_there_is_another(gate: Accounts, book: Administration) -> None:
    book.set_role("mona", "owner")
    assert forget(gate, person(gate, "olga")) is None
    assert forget(gate, person(gate, "mona")) == "forbidden"


@pytest.mark.parametrize("name", ["mona", "ada", "gus"])
def test_whoever_owns_nothing_may_forget_their_last_key(gate: Accounts, name: str) -> None:
    assert forget(gate, person(gate, name)) is None


def test_what_cannot_be_written_is_refused_and_the_key_stays(gate: Accounts) -> None:
    ada = person(gate, "ada")
    gate.close()
    assert ask(gate.forget_device, ada) == UNAVAILABLE
    assert gate.may_stay(ada, PEER) is None


def test_it_counts_as_one_of_the_changes_that_an_account_may_ask_for(gate: Accounts) -> None:
    ada = person(gate, "ada")
    codes = [getattr(ask(gate.invite_device, ada), "code", None) for _ in range(31)]
    assert codes[-1] == "rate_limited"
    refusal = ask(gate.forget_device, ada)
    assert (refusal.code, refusal.retry_after) == ("rate_limited", pytest.approx(2.0))
