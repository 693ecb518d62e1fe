"""Pages that a wire encodes, also where the journal has not noticed that lines are damaged."""

import itertools
from datetime import UTC, datetime

import pytest

from chatcore.journal import Page, PageGap, Stored, Unavailable
from chatcore.messages import Message
from chatcore.server.pages import EncodedPage, encoding
from chatcore.wire.plain import plain

SEQS = (3, 4, 6, 7, 9)


def page(damaged: set[int], gaps: tuple[PageGap, ...] = ()) -> Page:
    """Return a page that begins after 2 and ends with 9."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    messages = []
    for prev, seq in itertools.pairwise((2, *SEQS)):
        message = Message(
            room="lobby", seq=seq, prev=prev, id=str(seq), nick="ana", text=f"text {seq}", at=at
        )
        stored = Stored.of(message)
        messages.append(stored._replace(line=b"\x00" + stored.line[1:]) if seq in damaged else stored)
    within = [stored for stored in messages if not any(gap.after < stored.seq <= gap.through for gap in gaps)]
    return Page("epoch", 2, 9, tuple(within), more=False, gaps=gaps)


def encode(page: Page) -> EncodedPage:
    """Encode a page for the plain wire."""
    answers: list[EncodedPage | Unavailable] = []
    encoding(plain, answers.append)(page)
    (answer,) = answers
    assert isinstance(answer, EncodedPage)
    return answer


@pytest.mark.parametrize("damaged", [set(each) for n in range(6) for each in itertools.combinations(SEQS, n)])
def test_a_run_of_lines_that_cannot_be_encoded_is_one_gap(damaged: set[int]) -> None:
    found = encode(page(damaged))
    assert found.data == [b"ana: text %d\n" % seq for seq in SEQS if seq not in damaged]
    entries = [(stored.prev, stored.seq) for stored in found.page.messages]
    entries += [(gap.after, gap.through) for gap in found.page.gaps]
    position = found.page.base
    for end, begin in sorted((end, begin) for begin, end in entries):
        assert begin == position
        position = end
    assert position == found.page.through == 9
    runs = [is_bad for is_bad, _ in itertools.groupby(SEQS, damaged.__contains__)]
    assert len(found.page.gaps) == sum(runs)


def test_a_gap_that_the_journal_knows_goes_on_in_what_it_has_not_noticed() -> None:
    known = PageGap(after=4, through=6, reason="damaged")
    assert encode(page({4, 7}, (known,))).page.gaps == (PageGap(after=3, through=7, reason="damaged"),)


def test_gaps_of_other_reasons_stay_apart() -> None:
    known = PageGap(after=4, through=6, reason="expired")
    damaged = [PageGap(after=a, through=b, reason="damaged") for a, b in ((3, 4), (6, 7))]
    assert encode(page({4, 7}, (known,))).page.gaps == (damaged[0], known, damaged[1])


def test_an_unavailable_page_stays_so() -> None:
    answers: list[EncodedPage | Unavailable] = []
    encoding(plain, answers.append)(Unavailable(1.0))
    assert answers == [Unavailable(1.0)]
