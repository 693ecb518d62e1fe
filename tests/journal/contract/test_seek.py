"""Where the last messages begin, and how many are left out before that."""

from tests.journal.contract.harness import Harness


def post_nine(harness: Harness) -> list[int]:
    """Post nine messages, not all of them together; return their numbers."""
    return [number for n in range(3) for number in harness.post(*(f"{n}-{k}" for k in range(3)))]


def edges(numbers: list[int]) -> list[int]:
    """Return each number and those beside it: numbers may be far apart."""
    return sorted({max(number + step, 0) for number in (0, *numbers) for step in (-1, 0, 1)})


def test_seek_finds_the_position_after_which_the_last_messages_begin(harness: Harness) -> None:
    numbers = [0, *post_nine(harness)]
    for back in range(12):
        for before in edges(numbers)[1:]:
            position = harness.seek("lobby", back, before).position
            below = [number for number in numbers[1:] if number < before]
            later = [number for number in below if number > position]
            assert later == below[len(below) - min(back, len(below)) :]
            assert position in numbers


def test_seek_beyond_the_oldest_message_finds_the_position_before_it(small: Harness) -> None:
    available = small.available()
    head = available[-1].seq
    assert small.seek("lobby", 10_000, head + 1).position == available[0].prev
    assert small.seek("lobby", len(available), head + 1).position == available[0].prev
    assert small.seek("lobby", len(available) - 1, head + 1).position == available[0].seq
    assert small.seek("lobby", 1, head + 1).position == available[-1].prev


def test_seek_in_a_room_without_messages_finds_position_zero(harness: Harness) -> None:
    assert harness.seek("a", 5, 1)[1:] == (0, 0, 0)
    assert harness.seek("a", 0, 1)[1:] == (0, 0, 0)


def test_seek_counts_what_is_stored_before_the_place_and_after_the_reader(harness: Harness) -> None:
    numbers = post_nine(harness)
    for back in range(12):
        for before in edges(numbers)[1:]:
            for after in edges(numbers):
                place = harness.seek("lobby", back, before, after=after)
                assert place.oldest == 0
                assert place.skipped == len([seq for seq in numbers if after < seq <= place.position])


def test_seek_counts_nothing_that_has_expired(small: Harness) -> None:
    available = small.available()
    head, oldest = available[-1].seq, available[0].prev
    assert small.seek("lobby", 0, head + 1)[1:] == (head, oldest, len(available))
    assert small.seek("lobby", 2, head + 1)[1:] == (available[-2].prev, oldest, len(available) - 2)
    assert small.seek("lobby", 2, head + 1, after=1)[1:] == (available[-2].prev, oldest, len(available) - 2)
    assert small.seek("lobby", 2, head + 1, after=available[0].seq).skipped == len(available) - 3
    assert small.seek("lobby", 10_000, head + 1)[1:] == (oldest, oldest, 0)


def test_seek_in_a_removed_room_finds_its_head(harness: Harness) -> None:
    head = harness.post("one", "two")[-1]
    harness.remove()
    assert harness.seek("lobby", 5, head + 1)[1:] == (head, head, 0)
    (seq,) = harness.post("three")
    assert harness.seek("lobby", 5, seq + 1)[1:] == (head, head, 0)
    assert harness.seek("lobby", 0, seq + 1)[1:] == (seq, head, 1)
