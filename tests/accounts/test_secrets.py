"""What is secret stays so: in the file, in logs, in texts; and nobody else can read the file."""

import logging
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from chatcore import AccountsError
from chatcore.accounts import Accounts, Administration
from chatcore.accounts.redemption import redeem
from chatcore.accounts.refusals import UNAUTHORIZED, Refused
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import digest, id_of, new_invite
from chatcore.gate import Claim, Invitation, Moderation, Person, Refusal
from tests.accounts.people import PEER, Clock, ask, enter, gate_over, key_of, make_accounts
from tests.server.test_cost import profile


def files_beside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}*"))


def test_no_key_and_no_invite_is_in_the_file_in_a_log_or_in_any_text(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        closing(gate_over(path, now=clock)) as gate,
        Administration(path, by="local:root", now=clock) as book,
    ):
        book.publish(["chats://chat.example"], "p" * 43)
        wrong, key, second = ("wrong" * 9, key_of("zoe"), key_of("zoe", "second"))
        made, unused = book.invite(uses=2), book.invite(name="ada")
        answers = [
            enter(gate, "zoe", key, made.secret),
            enter(gate, "root", second, made.secret),
            enter(gate, "zoe", wrong),
            enter(gate, "zoe", wrong, wrong),
            enter(gate, "zoe"),
        ]
        mona = enter(gate, "mona")
        answers.append(ask(gate.moderate, mona, Moderation("ban", None, "zoe", 60.0, "spam")))
        invitation = ask(gate.invite_device, mona)
        assert isinstance(invitation, Invitation)
        secrets = {key, second, wrong, str(made.secret), str(unused.secret), invitation.secret}
        texts = [
            repr((answers, invitation, made, unused, gate, book, gate._snapshot)),
            repr((book.accounts(), book.keys("zoe"), book.invites(), book.audit(), book.bans())),
            repr(Claim(PEER, "zoe", key, made.secret)),
            caplog.text,
        ]
        stored = [file.read_bytes() for file in files_beside(path)]
        assert len(stored) == 3  # with the log that was not moved into the file yet
    stored += [file.read_bytes() for file in files_beside(path)]
    for secret in secrets:
        assert not any(secret in text for text in texts)
        assert not any(secret.encode() in content for content in stored)
    assert any(digest(key) in content for content in stored)


def test_an_error_of_the_file_has_no_secret(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(gate_over(path)) as gate:
        path.unlink()
        secret = new_invite()
        enter(gate, "zoe", key_of("zoe"), secret)
    assert caplog.records
    assert secret not in caplog.text
    assert key_of("zoe") not in caplog.text


def test_invites_are_long_and_differ() -> None:
    invites = {new_invite() for _ in range(100)}
    assert len(invites) == 100
    assert {len(invite) for invite in invites} == {32}
    assert not any("." in invite for invite in invites)  # which begins the pin in a link


# --- all that is wrong looks the same ------------------------------------------------------------


def test_wrong_keys_cost_the_same_and_get_the_same_answer(path: Path, clock: Clock) -> None:
    make_accounts(path, eve="member", mallory="member")
    with Administration(path, by="local:root", now=clock) as book:
        book.revoke("eve")
        book.remove("mallory")
    near = f"{key_of('ada')[:-1]}x"  # all but the last character
    wrong = ("x" * 43, "y" * 128, near, key_of("eve"), key_of("mallory"), key_of("ada").upper(), "")
    with closing(gate_over(path, now=clock)) as gate:
        answers = list[Person | Refusal]()

        def cost(key: str) -> Counter[str]:
            return profile(lambda: gate.enter(Claim(PEER, "ada", key), answers.append))

        assert len({tuple(sorted(cost(key).items())) for key in wrong}) == 1
        assert {id(answer) for answer in answers} == {id(UNAUTHORIZED)}


def test_wrong_invites_get_the_same_answer_whatever_is_wrong(
    gate: Accounts, book: Administration, clock: Clock
) -> None:
    expired, used, withdrawn = book.invite(seconds=1.0), book.invite(), book.invite()
    enter(gate, "zoe", invite=used.secret)
    book.withdraw(withdrawn.id)
    removed = book.invite(name="bob", uses=9)
    book.remove("bob")
    clock.time += 1.0
    secrets = (expired.secret, used.secret, withdrawn.secret, removed.secret, new_invite(), "x", "")
    assert {id(enter(gate, "zac", invite=secret)) for secret in secrets} == {id(UNAUTHORIZED)}


def test_wrong_invites_cost_the_same_whatever_is_wrong(
    path: Path, gate: Accounts, book: Administration, clock: Clock
) -> None:
    expired, used, withdrawn = book.invite(seconds=1.0), book.invite(), book.invite()
    enter(gate, "zoe", invite=used.secret)
    book.withdraw(withdrawn.id)
    removed = book.invite(name="bob")
    book.remove("bob")
    now = clock.time + 1.0
    with closing(AccountsFile(path)) as file, file.transaction():

        def refuse(secret: str | None) -> None:
            with pytest.raises(Refused):
                redeem(file, "zac", digest(key_of("zac")), digest(secret or ""), now)

        wrong = (expired.secret, used.secret, withdrawn.secret, removed.secret, new_invite(), "x", "")
        costs = [profile(partial(refuse, each)) for each in wrong]
        assert costs == [costs[0]] * len(wrong)


def test_a_key_is_looked_up_by_its_hash_alone(gate: Accounts) -> None:
    key = gate._snapshot.keys[digest(key_of("ada"))]
    assert key.id == id_of(digest(key_of("ada")))
    assert {len(hash_) for hash_ in gate._snapshot.keys} == {32}


# --- who can read the file -----------------------------------------------------------------------


@pytest.fixture(params=[0o000, 0o022], ids=["umask-000", "umask-022"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_what_is_made_is_for_its_owner_alone_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    path = make_accounts(tmp_path / "new" / "deep" / "accounts.db", ada="owner")
    with closing(gate_over(path)) as gate:
        enter(gate, "ada")
        ask(gate.invite_device, enter(gate, "ada"))
        assert len(files_beside(path)) == 3
        assert {mode_of(file) for file in files_beside(path)} == {0o600}
    assert {mode_of(tmp_path / "new"), mode_of(tmp_path / "new" / "deep")} == {0o700}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_mode_is_never_made_narrower_for_somebody(path: Path) -> None:
    path.chmod(0o604)
    with pytest.raises(AccountsError, match="chmod go="):
        Administration(path, by="local:root", create=True)
    assert mode_of(path) == 0o604


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_log_beside_the_file_that_others_can_read_is_refused(gate: Accounts, path: Path) -> None:
    ask(gate.invite_device, enter(gate, "ada"))
    path.with_name(f"{path.name}-wal").chmod(0o644)
    with pytest.raises(AccountsError, match=r"accounts\.db-wal, which"):
        Administration(path, by="local:root")
