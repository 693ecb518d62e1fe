"""Who may use which nick."""

import pytest

from chatcore.server.directory import Directory, Identity
from tests.server.driver import Host


@pytest.fixture
def identities() -> Directory:
    """The identities of a hub that nobody has said hello to."""
    return Directory()


def create(identities: Directory, nick: str) -> Identity:
    """Give a nick to a new session."""
    return identities.create(nick, Host().connect().session)


def test_a_nick_is_free_until_somebody_has_it_in_any_spelling(identities: Directory) -> None:
    assert identities.is_free("ana")
    ana = create(identities, "Ana")
    assert not identities.is_free("ana")
    assert not identities.is_free("ANA")
    assert identities.is_free("ana", for_identity=ana)
    assert not identities.is_free("ana", for_identity=create(identities, "bob"))


def test_a_secret_proves_one_identity_and_an_unknown_one_none(identities: Directory) -> None:
    ana, bob = create(identities, "ana"), create(identities, "bob")
    assert identities.find(ana.secret) is ana
    assert identities.find(bob.secret) is bob
    assert identities.find("x" * 32) is None
    assert identities.find(None) is None


def test_secrets_are_long_and_never_the_same(identities: Directory) -> None:
    secrets = {create(identities, f"n{n}").secret for n in range(50)}
    assert len(secrets) == 50
    assert min(map(len, secrets)) >= 32


def test_another_nick_frees_the_first(identities: Directory) -> None:
    ana = create(identities, "ana")
    identities.rename(ana, "anna")
    assert identities.is_free("ana")
    assert not identities.is_free("Anna")
    assert identities.find(ana.secret) is ana


def test_another_spelling_is_no_other_nick(identities: Directory) -> None:
    ana = create(identities, "ana")
    identities.rename(ana, "ANA")
    assert ana.nick == "ANA"
    assert not identities.is_free("ana")


def test_a_released_identity_has_no_nick_and_its_secret_proves_nothing(identities: Directory) -> None:
    ana = create(identities, "ana")
    identities.release(ana)
    assert identities.is_free("ana")
    assert identities.find(ana.secret) is None


def test_releasing_twice_does_not_take_the_nick_from_its_next_owner(identities: Directory) -> None:
    ana = create(identities, "ana")
    identities.release(ana)
    create(identities, "ana")
    identities.release(ana)
    assert not identities.is_free("ana")


def test_a_variant_is_the_first_number_that_is_free(identities: Directory) -> None:
    assert identities.free_variant("ana") == "ana"
    ana = create(identities, "ana")
    assert identities.free_variant("ANA") == "ANA-2"
    assert identities.free_variant("Ana", for_identity=ana) == "Ana"
    create(identities, "ana-2")
    create(identities, "ana-3")
    assert identities.free_variant("ana") == "ana-4"


def test_a_variant_of_the_longest_nick_is_no_longer(identities: Directory) -> None:
    create(identities, "x" * 32)
    assert identities.free_variant("x" * 32) == "x" * 30 + "-2"
