"""Both clients at a server with accounts: by invitation, on a second device, and put out."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import Accounts, DisconnectedError, Hub, Message, RefusedError, new_key
from chatcore.accounts import Administration
from chatcore.limits import Limits
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import OPEN, House

Connect = Callable[..., Visitor]


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Administration]:
    with Administration(tmp_path / "accounts.db", by="test", create=True) as accounts:
        yield accounts


@pytest.fixture
def house(serve: Serve, accounts: Administration) -> Iterator[House]:
    with closing(Hub(limits=Limits(**OPEN), gate=Accounts(accounts.path))) as hub:
        yield serve(hub=hub)


@pytest.fixture
def invite(accounts: Administration) -> str:
    """An invite to the first account, which is ada's."""
    return _invite(accounts, "ada")


def _invite(accounts: Administration, name: str) -> str:
    accounts.add(name)
    return accounts.invite(name=name).secret or ""


def test_an_invite_makes_a_key_and_the_same_two_may_be_sent_again(
    house: House, connect: Connect, invite: str
) -> None:
    key = new_key()
    for given in ({"invite": invite}, {"invite": invite}, {}):  # as if the first welcome had been lost
        ada = connect(house.url, nick="ada", key=key, **given)
        assert (ada.nick, ada.do("account"), ada.do("role")) == ("ada", "ada", "owner")
        ada.close()
    with pytest.raises(RefusedError) as refused:
        connect(house.url, nick="ada", key=new_key(), invite=invite, reconnect=True)
    assert refused.value.code == "unauthorized"


def test_who_has_no_key_is_refused_for_good(house: House, connect: Connect) -> None:
    for given in ({}, {"key": new_key()}, {"key": new_key(), "invite": "made-up"}):
        with pytest.raises(RefusedError) as refused:
            connect(house.url, nick="ada", reconnect=True, **given)
        assert (refused.value.code, refused.value.retry_after) == ("unauthorized", None)


def test_a_second_device_comes_by_an_invite_of_the_first(house: House, connect: Connect, invite: str) -> None:
    desk = connect(house.url, nick="ada", key=new_key(), invite=invite)
    answer = desk.do("invite_device")
    pocket = connect(house.url, nick="ada", key=new_key(), invite=answer.invite)
    assert pocket.who() == ("ada",)
    desk.post("from the desk")
    while not isinstance(event := pocket.receive(DEADLINE), Message):
        pass
    assert pocket.do("is_mine", event)


def test_a_device_whose_key_is_revoked_ends_and_the_other_stays(
    house: House, connect: Connect, accounts: Administration, invite: str
) -> None:
    stolen, key = new_key(), new_key()
    thief = connect(house.url, nick="ada", key=stolen, invite=invite, reconnect=True)
    ada = connect(house.url, nick="ada", key=key, invite=thief.do("invite_device").invite)
    accounts.revoke("ada", accounts.keys("ada")[0].id, only=True)
    with pytest.raises(DisconnectedError) as ended:
        thief.take_all()
    assert ended.value.reason == "revoked"
    with pytest.raises(RefusedError, match="unauthorized"):
        connect(house.url, nick="ada", key=stolen)
    assert ada.post("still here").seq == 1


def test_a_device_that_forgets_its_key_ends_with_all_its_sessions_and_the_other_stays(
    house: House, connect: Connect, accounts: Administration, invite: str
) -> None:
    key = new_key()
    desk = connect(house.url, nick="ada", key=key, invite=invite, reconnect=True)
    with pytest.raises(RefusedError, match="only key of an owner"):
        desk.do("forget_device")
    pocket = connect(house.url, nick="ada", key=new_key(), invite=desk.do("invite_device").invite)
    bot = connect(house.url, nick="ada-bot", key=key, reconnect=True)
    desk.post("before I go")
    desk.do("forget_device")
    for gone in (desk, bot):
        with pytest.raises(DisconnectedError) as ended:
            gone.take_all()
        assert ended.value.reason == "revoked"
    with pytest.raises(RefusedError, match="unauthorized"):
        connect(house.url, nick="ada", key=key)
    assert pocket.post("still here").seq == 2
    assert len(accounts.keys("ada")) == 1
    assert accounts.audit()[-1].act == "revoke"


def test_who_is_banned_ends_and_may_come_back_when_that_is_lifted(
    house: House, connect: Connect, accounts: Administration, invite: str
) -> None:
    ada = connect(house.url, nick="ada", key=new_key(), invite=invite)
    key = new_key()
    bob = connect(house.url, nick="bob", key=key, invite=_invite(accounts, "bob"), reconnect=True)
    assert ada.do("moderate", "ban", nick="bob", seconds=3600).act == "ban"
    with pytest.raises(DisconnectedError) as ended:
        bob.take_all()
    assert ended.value.reason == "banned"
    with pytest.raises(RefusedError) as refused:
        connect(house.url, nick="bob", key=key, reconnect=True)
    assert refused.value.code == "forbidden"
    ada.do("moderate", "lift", nick="bob")
    assert connect(house.url, nick="bob", key=key).who() == ("ada", "bob")
