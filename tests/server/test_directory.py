"""The directory: which session may use which nick."""

import pytest

from chatcore.server.directory import Directory, Identity


@pytest.fixture
def directory() -> Directory[str]:
    """An empty directory."""
    return Directory()


def create(directory: Directory[str], nick: str) -> Identity[str]:
    """Give a nick to a new session."""
    return directory.create(nick, f"a session of {nick}")


def test_a_nick_is_free_until_it_is_taken_in_any_spelling(directory: Directory[str]) -> None:
    assert directory.is_free("ana")
    ana = create(directory, "Ana")
    assert not directory.is_free("ana")
    assert not directory.is_free("ANA")
    assert directory.is_free("ana", for_identity=ana)
    assert not directory.is_free("ana", for_identity=create(directory, "bob"))


def test_a_secret_finds_its_identity_and_an_unknown_secret_finds_none(directory: Directory[str]) -> None:
    ana, bob = create(directory, "ana"), create(directory, "bob")
    assert directory.find(ana.secret) is ana
    assert directory.find(bob.secret) is bob
    assert directory.find("x" * 32) is None
    assert directory.find(None) is None


def test_secrets_are_long_and_unique(directory: Directory[str]) -> None:
    secrets = {create(directory, f"n{n}").secret for n in range(50)}
    assert len(secrets) == 50
    assert min(map(len, secrets)) >= 32


def test_renaming_frees_the_old_nick(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.rename(ana, "anna")
    assert directory.is_free("ana")
    assert not directory.is_free("Anna")
    assert directory.find(ana.secret) is ana


def test_renaming_to_another_spelling_keeps_the_nick_taken(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.rename(ana, "ANA")
    assert ana.nick == "ANA"
    assert not directory.is_free("ana")


def test_releasing_an_identity_frees_its_nick_and_voids_its_secret(directory: Directory[str]) -> None:
    ana = create(directory, "ana")
    directory.release(ana)
    assert directory.is_free("ana")
    assert directory.find(ana.secret) is None


def test_releasing_an_identity_twice_does_not_free_the_nick_of_its_next_owner(
    directory: Directory[str],
) -> None:
    ana = create(directory, "ana")
    directory.release(ana)
    create(directory, "ana")
    directory.release(ana)
    assert not directory.is_free("ana")


def test_a_free_variant_has_the_lowest_free_number(directory: Directory[str]) -> None:
    assert directory.free_variant("ana") == "ana"
    ana = create(directory, "ana")
    assert directory.free_variant("ANA") == "ANA-2"
    assert directory.free_variant("Ana", for_identity=ana) == "Ana"
    create(directory, "ana-2")
    create(directory, "ana-3")
    assert directory.free_variant("ana") == "ana-4"


def test_a_variant_of_the_longest_nick_is_not_longer(directory: Directory[str]) -> None:
    create(directory, "x" * 32)
    assert directory.free_variant("x" * 32) == "x" * 30 + "-2"
