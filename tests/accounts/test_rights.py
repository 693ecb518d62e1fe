"""Who may do what: the function agrees with the table in every case, and so does what changes the file."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from chatcore.accounts.moderation import moderate
from chatcore.accounts.refusals import Refused
from chatcore.accounts.rights import Place, Rank, Target, decide
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import digest, id_of
from chatcore.gate import Moderation, Person
from tests.accounts.matrix import ALLOWED, CASES, PRESENT, Case, scene
from tests.accounts.people import key_of


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountsFile]:
    with closing(AccountsFile(scene(tmp_path_factory.mktemp("rights") / "accounts.db"))) as file:
        yield file


def person(name: str) -> Person:
    return Person(name, None, id_of(digest(key_of(name))))


def outcome_of(file: AccountsFile, case: Case) -> str:
    """Play a case, and undo it; return what came of it."""
    play = case.played
    assert play is not None
    what = Moderation(case.act, play.room, play.nick, 60.0, "why", PRESENT)
    file.db.execute("BEGIN")
    try:
        moderate(file, person(play.actor), what, 0.0)
        return ALLOWED
    except Refused as refused:
        return refused.refusal.code
    finally:
        file.db.execute("ROLLBACK")


def test_the_table_has_every_case() -> None:
    assert len(CASES) == 798
    assert sum(case.played is not None for case in CASES) > 600
    assert {case.verdict for case in CASES} == {ALLOWED, "forbidden", "bad_frame", "bad_name"}


def test_the_function_agrees_with_the_table_in_every_case() -> None:
    places: dict[str, Place] = {each: each for each in ("nowhere", "public", "private", "mine")}
    targets: dict[str, Target] = {
        each: each for each in ("nobody", "unknown", "self", "below", "equal", "above")
    }
    wrong = [
        f"{case}: {verdict}, not {case.verdict}"
        for case in CASES
        if (verdict := decide(case.act, Rank[case.rank.upper()], places[case.place], targets[case.target]))
        != case.verdict
    ]
    assert wrong == []


def test_what_changes_the_file_agrees_with_the_table(file: AccountsFile) -> None:
    played = [case for case in CASES if case.played is not None]
    wrong = [
        f"{case}: {outcome}, not {case.verdict}"
        for case in played
        if (outcome := outcome_of(file, case)) != case.verdict
    ]
    assert wrong == []


def test_only_members_who_are_inside_close_a_room_for_others() -> None:
    assert decide("close", Rank.MEMBER, "public", "nobody", inside=False) == "forbidden"
    assert decide("close", Rank.MODERATOR, "public", "nobody", inside=False) == "allowed"
