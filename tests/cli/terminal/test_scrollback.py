"""The messages that were shown, for searching."""

from datetime import UTC, datetime

from chatcore import Message
from cli.terminal.scrollback import MOST_CHARS, MOST_MESSAGES, Scrollback


def message(seq: int, text: str, nick: str = "bob") -> Message:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Message(room="lobby", seq=seq, prev=seq - 1, id=str(seq), nick=nick, text=text, at=at)


def test_a_search_finds_texts_and_nicks_once_in_order_of_time() -> None:
    scrollback = Scrollback()
    for each in (message(2, "two Build"), message(1, "BUILD one"), message(1, "BUILD one")):
        scrollback.add(each)
    scrollback.add(message(3, "straße", nick="builder"))
    assert [hit.seq for hit in scrollback.find("build", 20)] == [2, 1]
    assert (
        [hit.seq for hit in scrollback.find("STRASSE", 20)]
        == [hit.seq for hit in scrollback.find("Builder", 20)]
        == [3]
    )
    assert [hit.seq for hit in scrollback.find("b", 1)] == [1]


def test_the_scrollback_is_bounded() -> None:
    scrollback = Scrollback()
    for number in range(MOST_MESSAGES + 10):
        scrollback.add(message(number + 1, "x"))
    assert len(scrollback.find("x", 10**9)) == MOST_MESSAGES
    for number in range(5):
        scrollback.add(message(10**6 + number, "y" * (MOST_CHARS // 4)))
    assert len(scrollback.find("y", 20)) == 4
    assert scrollback.find("x", 20) == []
