"""A stored line that is damaged: it stops nobody, and is never shown."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Conflict, Draft, Page, Unavailable
from chatcore.journal.sqlite import check_journal
from chatcore.journal.sqlite.statements import SqliteFile
from tests.journal.contract.makers import HoleyFile
from tests.journal.sqlite.files import Faults, damage, faulty, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def test_the_id_of_a_damaged_message_is_recognised_and_other_posts_are_stored(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("one", "two")
        damage(path, 2)
        again = Draft("lobby", "lobby-1", "ana", "two")
        elsewhere = Draft("attic", "x", "ana", "undisturbed")
        assert harness.submit(again, elsewhere) == [2, 1]
        assert harness.submit(again._replace(text="2")) == [Conflict()]
        assert harness.submit(elsewhere._replace(id="y")) == [2]


def test_the_account_of_an_author_is_stored_with_the_message(path: Path) -> None:
    with open_journal(path) as harness:
        harness.submit(
            Draft("lobby", "1", "ana", "hi", author="ana@example.org"), Draft("lobby", "2", "bob", "hi")
        )
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT author FROM messages ORDER BY seq").fetchall() == [
            ("ana@example.org",),
            (None,),
        ]


# --- pages ---------------------------------------------------------------------------------------


def check(page: Page, stored: dict[int, int], damaged: set[int]) -> None:
    """Check the law of reading: nothing is passed over, and a gap covers nothing that can be read."""
    position = page.base
    ends = {entry.seq: entry.prev for entry in page.messages}
    gaps = {gap.through: gap.after for gap in page.gaps}
    assert len(ends | gaps) == len(page.messages) + len(page.gaps)
    for end, begin in sorted((ends | gaps).items()):
        assert begin == position < end
        position = end
        if end in gaps:
            assert not [seq for seq in stored if begin < seq <= end and seq not in damaged]
            assert [seq for seq in damaged if begin < seq <= end]
    assert page.through == position
    assert not damaged.intersection(ends)
    assert {gap.reason for gap in page.gaps} <= {"damaged"}
    assert all(entry.message.seq == entry.seq for entry in page.messages)


def shown(pages: list[Page]) -> list[int]:
    """Return the numbers that pages contain."""
    return [entry.seq for page in pages for entry in page.messages]


PLACES = {
    "first": {1},
    "middle": {5},
    "last": {9},
    "runs": {2, 3, 5, 6, 7},
    "ends": {1, 2, 8, 9},
    "every second": {1, 3, 5, 7, 9},
    "all": set(range(1, 10)),
}


@pytest.mark.parametrize("file", [SqliteFile, HoleyFile])
@pytest.mark.parametrize("size", [1, 300, 1_000_000])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_pages_of_a_damaged_log_have_gaps_and_lack_nothing_that_can_be_read(
    path: Path, places: set[int], limit: int, size: int, file: type[SqliteFile]
) -> None:
    with open_journal(path, file=file) as harness:
        harness.post(*map(str, range(9)))
        stored = {message.seq: message.prev for message in harness.messages}
        damaged = {seq for place, seq in enumerate(stored, 1) if place in places}
        damage(path, *damaged)
        readable = [seq for seq in stored if seq not in damaged]
        forth, position = list[Page](), 0
        while not forth or forth[-1].more:
            forth.append(harness.read(after=position, limit=limit, max_bytes=size))
            assert forth[-1].base == position
            check(forth[-1], stored, damaged)
            position = forth[-1].through
        assert position == max(stored)
        assert shown(forth) == readable
        back, before = list[Page](), None
        while not back or back[0].more:
            back.insert(0, harness.read(before=before, limit=limit, max_bytes=size))
            check(back[0], stored, damaged)
            before = back[0].base + 1
        assert shown(back) == readable
        assert back[0].base == 0
        assert back[-1].through == max(stored)
        assert all(len(page.messages) <= limit for page in forth + back)
        if limit == 100 and size == 1_000_000:
            assert [page.gaps for page in forth] == [page.gaps for page in back]


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_every_page_of_a_damaged_log_between_two_bounds_obeys_the_law(path: Path, places: set[int]) -> None:
    with open_journal(path) as harness:
        harness.post(*map(str, range(9)))
        stored = {message.seq: message.prev for message in harness.messages}
        damage(path, *places)
        for after in range(11):
            for before in range(12):
                page = harness.read(after=after, before=before)
                check(page, stored, places)
                readable = [seq for seq in stored if after < seq < before and seq not in places]
                assert shown([page]) == readable
                assert page.through >= max((seq for seq in stored if after < seq < before), default=0)
        for before in range(12):
            for back in range(11):
                position = harness.seek("lobby", back, before).position
                below = [seq for seq in stored if seq < before]
                assert len([seq for seq in below if seq > position]) == min(back, len(below))


def test_a_row_that_has_vanished_is_a_gap(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post(*map(str, range(4)))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("DELETE FROM messages WHERE seq IN (2, 3)")
        page = harness.read(after=0)
        assert [(gap.after, gap.through) for gap in page.gaps] == [(1, 3)]
        assert shown([page]) == [1, 4]


@pytest.mark.parametrize("column", ["prev", "id", "line", "crc"])
@pytest.mark.parametrize("value", ["x'ff'", "'text'", "7.5", "CAST(x'ff' AS TEXT)", "12345678"])
def test_damage_to_any_column_is_a_gap(path: Path, column: str, value: str) -> None:
    with open_journal(path) as harness:
        harness.post("one", "two", "three")
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(f"UPDATE messages SET {column} = {value} WHERE seq = 2")
        page = harness.read(after=0)
        assert ([(gap.after, gap.through) for gap in page.gaps], shown([page])) == ([(1, 2)], [1, 3])
    assert check_journal(path).problems == ["lobby: message 2 is damaged"]


@pytest.mark.logs("journal.damaged")
def test_a_run_of_damaged_messages_is_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_journal(path) as harness:
        harness.post(*map(str, range(6)))
        damage(path, 2, 3, 5)
        for _ in range(2):
            harness.read(after=0)
            harness.read(before=4)
            harness.read(after=2)
    assert [record.message for record in caplog.records] == [
        "messages 2 to 3 of room lobby are damaged; readers get a gap",
        "messages 5 to 5 of room lobby are damaged; readers get a gap",
    ]


@pytest.mark.logs("journal.broken_write")
def test_damage_to_what_was_being_written_begins_a_new_epoch(path: Path) -> None:
    faults = Faults()

    class Damaging(faulty(faults)):  # type: ignore[misc]  # made here
        """Damages the last write before the file is looked at again."""

        def meta(self) -> dict[str, str | int]:
            meta: dict[str, str | int] = super().meta()
            self.db.execute("UPDATE messages SET line = x'00' WHERE id = 'doubtful'")
            return meta

    with open_journal(path, file=Damaging) as harness:
        harness.post("one")
        faults.plan = ["after"]
        assert isinstance(harness.submit(Draft("lobby", "doubtful", "ana", "two"))[0], Unavailable)
        while isinstance(harness.submit(Draft("lobby", "next", "ana", "three"))[0], Unavailable):
            pass
        first, second = harness.epochs
        assert first != second
        page = harness.read(after=0)
        assert ([(gap.after, gap.through) for gap in page.gaps], shown([page])) == ([(1, 2)], [1, 3])
