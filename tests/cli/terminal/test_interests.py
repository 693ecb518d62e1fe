"""What the user wants to hear of."""

from pathlib import Path

import pytest

from chatcore import Presence, Renamed
from cli.state.slots import Slots
from cli.terminal.interests import (
    MOST_WORDS,
    Interests,
    describe_ignored,
    describe_unignored,
    describe_word,
    describe_words,
)
from cli.terminal.memory import Memory


@pytest.fixture
def interests() -> Interests:
    return Interests(Memory(None))


def renamed(old: str, new: str) -> Presence:
    return Presence(room="lobby", renamed=(Renamed(old=old, new=new),), count=2)


def test_interests_are_there_again_at_the_next_start(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "chat://127.0.0.1:7024", "ada", account=False)
    memory = Memory(slots.take())
    before = Interests(memory, ["build"])
    for word in ("Deploy", "gone", "GONE"):
        before.toggle_word(word)
    before.toggle_muted("ops")
    before.ignore("bob")
    before.ignore("eve")
    before.unignore("EVE")
    memory.close()
    memory = Memory(slots.take())
    after = Interests(memory, ["build"])
    memory.close()
    assert after.words == ["build", "Deploy"]
    assert after.is_muted("OPS")
    assert after.ignored == [("bob", 0)]


def test_words_are_added_and_taken_out_and_are_bounded(interests: Interests) -> None:
    assert describe_words(interests) == "only your name counts; /highlight WORD adds a word"
    assert interests.toggle_word("Deploy") is True
    assert describe_words(interests) == "these count as a mention: Deploy"
    assert interests.toggle_word("deploy") is False
    for number in range(MOST_WORDS):
        interests.toggle_word(f"word-{number}")
    assert interests.toggle_word("deploy") is None
    assert describe_word("deploy", None) == f"there are {MOST_WORDS} words already; /highlight lists them"


def test_a_new_nick_does_not_help_an_ignored_person(interests: Interests) -> None:
    assert interests.ignore("mallory")
    assert not interests.ignore("Mallory")
    interests.follow(renamed("Mallory", "mal"))
    assert interests.is_ignored("MAL")
    interests.follow(renamed("mal", "trudy"))
    interests.note_hidden("trudy")
    assert not interests.is_ignored("mal")
    assert describe_ignored(interests) == "you ignore mallory (1 hidden)"
    assert describe_unignored("trudy", interests.unignore("trudy")) == (
        "what trudy says is shown again; 1 message was hidden"
    )
    assert not interests.is_ignored("mallory")
    assert describe_unignored("trudy", interests.unignore("trudy")) == "you do not ignore trudy"


def test_whoever_takes_the_nick_of_an_ignored_person_later_is_heard(interests: Interests) -> None:
    interests.ignore("mallory")
    interests.follow(renamed("mallory", "ada"))
    interests.follow(Presence(room="lobby", left=("ada",), count=1))
    assert not interests.is_ignored("ada")
    assert interests.is_ignored("mallory")
