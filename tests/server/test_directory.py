"""Who may use which nick."""

import pytest

from chatcore.server.directory import Directory, Identity


@pytest.fixture
def directory() -> Directory[str]:
    """The directory of a hub that nobody has said hello to."""
    return Directory()


def create(directory: Directory[str], nick: str) -> Identity[str]:
    """Give a nick to a new session."""
    return directory.create(nick, f"a session of {nick}")


def test_a_nick_is_free_until_somebody_has_it_in_any_spelling(directory: Directory[str]) -> None:
    assert directory.is_free("ana")
    ana = create(directory, "Ana")
    assert not directory.is_free("ana")
    assert not directory.is_free("ANA")
    assert directory.is_free("ana", for_identity=ana)
    assert not directory.is_free("ana", for_identity=create(directory, "bob"))


def test_a_secret_proves_one_identity_and_an_unknown_one_none(directory: Directory[str]) -> None:
    ana, bob = create(directory, "ana"), create(directory, "bob")
    assert directory.find(ana.secret) is ana
    assert directory.find(bob.secret) is bob
    assert directory.find("x" * 32) is None
    assert directory.find(None) is None


def test_secrets_are_long_and_never_the_same(directory: Directory[str]) -> None:
    secrets = {create(directory, f"n{n}").secret for n in range(50)}
    assert len(secrets) == 50
    assert min(map(len, secrets)) >= 32


def test_another_nick_frees_the_first(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.rename(ana, "anna")
    assert directory.is_free("ana")
    assert not directory.is_free("Anna")
    assert directory.find(ana.secret) is ana


def test_another_spelling_is_no_other_nick(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.rename(ana, "ANA")
    assert ana.nick == "ANA"
    assert not directory.is_free("ana")


def test_a_released_identity_has_no_nick_and_its_secret_proves_nothing(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.release(ana)
    assert directory.is_free("ana")
    assert directory.find(ana.secret) is None


def test_releasing_twice_does_not_take_the_nick_from_its_next_owner(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.release(ana)
    create(directory, "ana")
    directory.release(ana)
    assert not directory.is_free("ana")


def test_a_variant_is_the_first_number_that_is_free(directory: Directory[str]) -> None:
    assert directory.free_variant("ana") == "ana"
    ana = create(directory, "ana")
    assert directory.free_variant("ANA") == "ANA-2"
    assert directory.free_variant("Ana", for_identity=ana) == "Ana"
    create(directory, "ana-2")
    create(directory, "ana-3")
    assert directory.free_variant("ana") == "ana-4"


def test_a_variant_of_the_longest_nick_is_no_longer(directory: Directory[str]) -> None:
    create(directory, "x" * 32)
    assert directory.free_variant("x" * 32) == "x" * 30 + "-2"
