"""Searching: what is found, in which order and page by page, in every journal that can search."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from chatcore.journal import Draft
from chatcore.journal.search import Hits, SearchCursor, SearchRequest, microseconds
from chatcore.messages import Message
from chatcore.terms import parse_query
from tests.journal.contract.harness import Harness
from tests.test_terms import FOUND, MISSED

ALL = 2**53
"""A number that no message reaches."""


def request(*rooms: str, query: str = "", **fields: object) -> SearchRequest:
    """Ask for something in all of some rooms; by default the lobby."""
    bounds = dict.fromkeys(rooms or ("lobby",), (0, ALL))
    wanted = SearchRequest(bounds, items=parse_query(query) if query else ())
    return replace(wanted, **fields)  # type: ignore[arg-type]  # a test names fields as it likes


def pages(harness: Harness, wanted: SearchRequest) -> Iterator[Hits]:
    """Yield page after page; each leads further."""
    while True:
        hits = harness.search(wanted)
        assert len(hits.messages) <= wanted.limit
        yield hits
        if hits.cursor is None:
            return
        assert wanted.cursor is None or hits.cursor < wanted.cursor
        wanted = replace(wanted, cursor=SearchCursor.parse(str(hits.cursor)))


def found(harness: Harness, wanted: SearchRequest) -> list[Message]:
    """Return all results; they are in order."""
    messages = [stored.message for hits in pages(harness, wanted) for stored in hits.messages]
    cursors = [SearchCursor.of(message) for message in messages]
    assert cursors == sorted(set(cursors), reverse=True)
    return messages


def texts(harness: Harness, query: str, *rooms: str) -> list[str]:
    """Return the texts that a query finds."""
    return [message.text for message in found(harness, request(*rooms, query=query))]


def test_texts_are_found_in_eight_scripts(harness: Harness) -> None:
    harness.post(*(text for text, _ in FOUND))
    for text, queries in FOUND:
        for query in queries:
            assert text in texts(harness, query), query
    harness.post(*(text for text, _ in MISSED), room="b")
    for text, queries in MISSED:
        for query in queries:
            assert text not in texts(harness, query, "b"), query


def test_what_was_just_posted_is_found_with_all_its_fields(harness: Harness) -> None:
    for n in range(20):
        harness.post(f"word{n} here", room="abc"[n % 3])
        (message,) = found(harness, request("a", "b", "c", query=f"word{n}"))
        assert message == harness.messages[-1]


def test_only_the_rooms_that_are_asked_for_are_searched(harness: Harness) -> None:
    for room in ("a", "b", "a.b", "c"):
        harness.post("one", "two", room=room)
    assert {message.room for message in found(harness, request("a.b", "b", query="one"))} == {"a.b", "b"}
    assert texts(harness, "one", "nowhere") == []


def test_a_search_of_no_room_or_of_very_many_finds_what_is_there(harness: Harness) -> None:
    harness.post("one")
    assert found(harness, SearchRequest({}, items=parse_query("one"))) == []
    many = [f"room-{n}" for n in range(1_000)]
    assert texts(harness, "one", *many) == []
    assert texts(harness, "one two", *many, "lobby") == []
    assert texts(harness, "one", *many, "lobby") == ["one"]


def test_words_in_another_order_are_no_phrase(harness: Harness) -> None:
    harness.post("disk is full", "full disk", "disk full", "the disk, full of files")
    assert texts(harness, '"disk full"') == ["the disk, full of files", "disk full"]
    assert len(texts(harness, "disk full")) == 4


def test_a_search_by_nick_compares_folded_nicks_and_no_texts(harness: Harness) -> None:
    nicks = ["ada", "Ada", "ada-2", "ad", "a.da", "bob"]
    harness.submit(*(Draft("lobby", str(n), nick, f"ada says {n}") for n, nick in enumerate(nicks)))
    by_ada = found(harness, request(nick="ada"))
    assert [message.nick for message in by_ada] == ["Ada", "ada"]
    assert [message.text for message in found(harness, request(query="says 1", nick="ada"))] == ["ada says 1"]
    assert [message.nick for message in found(harness, request(nick="a.da"))] == ["a.da"]
    assert found(harness, request(nick="da")) == []


@pytest.mark.parametrize("seed", range(3))
def test_pages_are_what_reading_everything_gives(harness: Harness, seed: int) -> None:
    random = Random(seed)
    rooms = ["a", "b", "c-d", "e"]
    for n in range(60):
        nick = random.choice(["ana", "Bob", "eve"])
        words = " ".join(random.choices(["red", "green", "blue"], k=random.randint(1, 4)))
        drafts = [
            Draft(random.choice(rooms), f"{n}-{k}", nick, f"{words} {k}") for k in range(random.randint(1, 4))
        ]
        harness.submit(*drafts)
        harness.clock.now += random.choice([0.0, 0.0, 0.0004, 1.0, -2.0])
    messages = harness.messages
    for _ in range(25):
        some = random.sample(rooms, random.randint(1, 4))
        asked = random.sample(["red", "green", "blue"], random.randint(0, 2))
        of = random.choice([None, "ana", "bob"] if asked else ["ana", "bob"])
        bounds = {room: tuple(sorted(random.choices(range(70), k=2))) for room in some}
        since, until = sorted(microseconds(random.choice(messages).at) for _ in range(2))
        wanted = request(
            query=" ".join(asked),
            nick=of,
            rooms=bounds,
            since=since,
            until=until + 1,
            limit=random.randint(1, 9),
        )
        expected = [
            message
            for message in messages
            if message.room in bounds
            and bounds[message.room][0] < message.seq < bounds[message.room][1]
            and since <= microseconds(message.at) <= until
            and set(asked) <= set(message.text.split())
            and of in (None, message.nick.lower())
        ]
        assert found(harness, wanted) == sorted(expected, key=SearchCursor.of, reverse=True)


def test_a_page_has_at_most_so_many_bytes_but_one_message(harness: Harness) -> None:
    harness.post(*("hi " + "x" * 300 for _ in range(9)))
    sizes = [len(hits.messages) for hits in pages(harness, request(query="hi", max_bytes=1_000))]
    assert sum(sizes) == 9
    assert set(sizes[:-1]) == {2}
    assert {len(hits.messages) for hits in pages(harness, request(query="hi", max_bytes=1))} <= {0, 1}


def test_a_cursor_of_a_message_that_is_nowhere_goes_on_by_its_time(harness: Harness) -> None:
    for n in range(6):
        harness.post(f"hi {n}", room="ab"[n % 2])
        harness.clock.now += 1
    third = SearchCursor.of(harness.messages[3])
    for cursor in (third._replace(room="a", seq=99), third._replace(room="aa"), third._replace(room="b")):
        wanted = request("a", "b", query="hi", cursor=cursor)
        expected = [each for each in harness.messages if SearchCursor.of(each) < cursor]
        assert found(harness, wanted) == expected[::-1]


def test_what_has_expired_is_not_found(small: Harness) -> None:
    kept = small.available()
    assert 0 < len(kept) < 100
    assert found(small, request(query="text")) == kept[::-1]
    small.post("text again")
    small.submit()
    assert found(small, request(query="text")) == small.available()[::-1]


def test_nothing_of_a_removed_room_is_found_until_somebody_posts_there(harness: Harness) -> None:
    harness.post("secret plans", "public plans", room="b")
    harness.post("plans")
    assert len(texts(harness, "plans", "lobby", "b")) == 3
    harness.remove("b")
    assert texts(harness, "plans", "lobby", "b") == ["plans"]
    harness.post("new plans", room="b")
    assert set(texts(harness, "plans", "lobby", "b")) == {"new plans", "plans"}


@pytest.mark.parametrize(
    "text", ["", "1", "1.a", "a.b.1", "1.b.", ".b.1", "1..1", "1.b.1e3", f"1.b.{'9' * 20}"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        SearchCursor.parse(text)


@pytest.mark.parametrize(
    "cursor", [SearchCursor(0, "a", 1), SearchCursor(-5, "a.b-1", 2**53), SearchCursor(9, "1", 0)]
)
def test_a_cursor_is_read_as_it_was_written(cursor: SearchCursor) -> None:
    assert SearchCursor.parse(str(cursor)) == cursor
