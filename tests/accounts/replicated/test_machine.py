"""What entries do to accounts, and that none of them stops a server."""

import ast
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chatcore import AccountsError, UsageError
from chatcore.accounts import (
    acts,
    devices,
    moderation,
    naming,
    operating,
    performing,
    redemption,
    rights,
    statements,
)
from chatcore.accounts.refusals import UNAUTHORIZED
from chatcore.accounts.replicated import machine as machine_module
from chatcore.accounts.replicated import state as state_module
from chatcore.accounts.replicated.machine import AccountsMachine, Applied
from chatcore.accounts.replicated.state import AccountsState
from chatcore.accounts.schema import create_accounts
from chatcore.accounts.snapshot import Snapshot
from chatcore.accounts.statements import KEPT_SECONDS
from chatcore.accounts.tokens import digest, id_of
from chatcore.gate import Person
from chatcore.replication import LogEntry
from tests.accounts.people import make_accounts
from tests.accounts.replicated.recorded import entry, recorded

BY = {"by": "local:root"}


class Applier:
    """Applies entries of its own, a second after each other, each in a transaction."""

    def __init__(self, file: AccountsState) -> None:
        self.file = file
        self.machine = AccountsMachine(file)
        self.now = 1_800_000_000.0
        self.number = 0
        with file.transaction():
            self.machine.begin("log-1")

    def do(self, **content: Any) -> Applied:
        """Apply the next entry of a node."""
        self.now += 1.0
        at, position = round(self.now * 1_000_000), self.machine.header.position + 1
        with self.file.transaction():
            applied = self.machine.apply(LogEntry(position, at, entry(content, number=self.number)))
            self.machine.finish()
        self.number += not applied.void
        return applied

    def invite(self, secret: str, *, uses: int = 1, name: str | None = None) -> Applied:
        """Apply an invite that ends after a minute."""
        hash_ = digest(secret).hex()
        fields = {"role": None, "uses": uses, "seconds": 60, "room": None, "name": name}
        return self.do(act="invite", **BY, invite=hash_, **fields)

    def redeem(self, nick: str, secret: str) -> Any:
        """Apply that somebody redeems an invite; return the answer."""
        key, invite = digest(f"key of {nick}").hex(), digest(secret).hex()
        return self.do(act="redeem", nick=nick, key=key, invite=invite).result


@pytest.fixture
def applier(tmp_path: Path) -> Iterator[Applier]:
    create_accounts(tmp_path / "state.db")
    with closing(AccountsState(tmp_path / "state.db")) as file:
        yield Applier(file)


def test_an_invite_is_used_up_by_the_order_of_the_log(applier: Applier) -> None:
    applier.invite("one")
    zoe, zac = applier.redeem("zoe", "one"), applier.redeem("zac", "one")
    assert zoe == Person("zoe", "member", id_of(digest("key of zoe")))
    assert zac is UNAUTHORIZED


def test_an_invite_ends_by_the_time_of_the_log(applier: Applier) -> None:
    applier.invite("one")
    applier.now += 58.0
    assert isinstance(applier.redeem("zoe", "one"), Person)
    applier.invite("two")
    applier.now += 59.0
    assert applier.redeem("zac", "two") is UNAUTHORIZED


def test_the_first_account_of_a_log_is_an_owner(applier: Applier) -> None:
    results = [applier.do(act="add", **BY, name=name, role=None).result for name in ("ada", "bob")]
    assert results == ["owner", "member"]


def test_what_is_refused_is_undone_and_counts(applier: Applier) -> None:
    applied = applier.do(act="ban", **BY, target="nobody", network=None, seconds=None, reason=None)
    assert isinstance(applied.result, UsageError)
    assert not applied.void
    assert applier.file.audit(10) == []


def test_what_has_ended_is_forgotten_by_the_time_of_the_log(applier: Applier) -> None:
    applier.do(act="ban", **BY, target="x", network="192.0.2.0/24", seconds=5, reason=None)
    applier.now += KEPT_SECONDS
    applier.do(act="forget_room", room="ops")
    assert len(applier.file.bans()) == 1
    applier.now += 60.0
    applier.do(act="forget_room", room="ops")
    assert applier.file.bans() == []


def test_another_key_or_invite_with_the_same_id_is_refused(applier: Applier) -> None:
    applier.invite("one", uses=5)
    same = digest("one")[:8] + bytes(24)
    fields = {"role": None, "uses": 1, "seconds": 60, "room": None, "name": None}
    assert applier.do(act="invite", **BY, invite=same.hex(), **fields).result is UNAUTHORIZED
    assert isinstance(applier.redeem("zoe", "one"), Person)
    key, invite = (digest("key of zoe")[:8] + bytes(24)).hex(), digest("one").hex()
    assert applier.do(act="redeem", nick="zac", key=key, invite=invite).result is UNAUTHORIZED
    assert [each.name for each in applier.file.account_entries()] == ["zoe"]


def test_a_network_that_is_none_is_void(applier: Applier) -> None:
    for text in ("everybody", "192.0.2.1/24", "192.0.2.0/99", ""):
        assert applier.do(act="ban", **BY, target="x", network=text, seconds=None, reason=None).void
    Snapshot.load(applier.file)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_in_an_entry_stops_a_server_or_the_reading_of_its_file(applier: Applier, seed: int) -> None:
    for each in recorded(seed, 300):
        applier.file.take_touched()
        with applier.file.transaction():
            applied = applier.machine.apply(each)
            applier.machine.finish()
        assert applied.bug is None
        snapshot = Snapshot.load(applier.file)
        for key in snapshot.keys.values():
            snapshot.person_of(key)


def test_accounts_of_a_file_are_not_taken_for_those_of_a_log(tmp_path: Path) -> None:
    path = make_accounts(tmp_path / "accounts.db", ada="owner")
    with pytest.raises(AccountsError, match="has accounts of its own, and in a cluster"):
        AccountsState(path)


# --- what it depends on --------------------------------------------------------------------------

DECIDING = [
    *(acts, devices, moderation, naming, operating, performing, redemption, rights, statements),
    *(machine_module, state_module),
]

DIFFERENT = {"datetime", "ipaddress", "locale", "os", "random", "secrets", "socket", "sys", "time", "uuid"}
"""What may differ from one server to the next."""

NAMES = {"new_invite", "network_of", "public_url", "parse_url"}
"""The same of this package."""


@pytest.mark.parametrize("module", DECIDING, ids=lambda module: module.__name__)
def test_what_decides_reads_nothing_but_the_entry_and_the_state(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported = {str(node.module) for node in found}
    imported |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert not imported & DIFFERENT
    assert not {alias.name for node in found for alias in node.names} & NAMES
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"hash", "id", "open"}
