"""A hello with an invite: its nick is a wish, since whoever brings one may not know the account's name."""

from collections.abc import Callable
from contextlib import closing

import pytest

from chatcore.gate import Claim, OpenGate, Person, Refusal
from tests.protocol.frames import Error, Hello, Welcome
from tests.server.driver import Host, Peer

KEY = "k" * 43


class _OneAccount(OpenGate):
    """Everybody is Ada."""

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        answer(Person("Ada"))

    def may_call(self, person: Person, nick: str) -> bool:
        return nick.casefold().partition("-")[0] == "ada"


def _after(hello: Hello) -> Peer:
    host = Host(gate=_OneAccount())
    with closing(host.hub):
        peer = host.connect()
        peer.send(hello)
        host.pump()
        return peer


@pytest.mark.parametrize(
    ("asked", "given"),
    [("grace", "Ada"), ("root", "Ada"), ("12345", "Ada"), ("ada-phone", "ada-phone"), ("ADA", "ADA")],
)
def test_a_device_that_brings_an_invite_need_not_know_the_accounts_name(asked: str, given: str) -> None:
    welcome = _after(Hello(protocol=1, nick=asked, key=KEY, invite="i" * 32)).one(Welcome)
    assert (welcome.account, welcome.nick) == ("Ada", given)


@pytest.mark.parametrize(("nick", "code"), [("grace", "forbidden"), ("root", "bad_name")])
def test_without_an_invite_a_nick_of_somebody_else_is_refused(nick: str, code: str) -> None:
    assert _after(Hello(protocol=1, nick=nick, key=KEY)).one(Error).code == code
