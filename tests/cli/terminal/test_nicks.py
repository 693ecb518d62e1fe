"""The nicks that Tab completes."""

from cli.terminal.nicks import MOST, KnownNicks


def test_the_latest_speakers_come_first() -> None:
    nicks = KnownNicks()
    nicks.add(["anna", "bob"])
    for nick in ("Arthur", "alice", "Arthur"):
        nicks.note_speaker(nick)
    nicks.remove(["nobody", "BOB"])
    assert nicks.matching("a") == ["Arthur", "alice", "anna"]
    assert nicks.matching("AL") == ["alice"]
    assert nicks.matching("b") == []


def test_the_number_of_known_nicks_is_bounded() -> None:
    nicks = KnownNicks()
    nicks.add(f"c{number}" for number in range(MOST + 5))
    for number in range(5):
        nicks.note_speaker(f"s{number}")
    assert len(nicks.matching("")) == MOST
    assert len(nicks.matching("s")) == 5
