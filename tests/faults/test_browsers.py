"""Browsers lose connections at every byte and in every way, and nothing that was said is lost with them.

Their peers are the tests' own; the client for JavaScript has its storm in ``tests/web_client``.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from chatcore.journal.sqlite import SqliteJournal
from chatcore.limits import Limits
from chatcore.server.hub import Hub
from tests import rows
from tests.faults.browser import Browser
from tests.faults.checker import check
from tests.faults.history import Connected, History, logs_of
from tests.faults.proxy import CLEAN, End, FaultProxy, Faults
from tests.faults.talker import Talker, Talks
from tests.protocol.frames import Message
from tests.transports.peers import DEADLINE
from tests.transports.servers import OPEN, House, new_transport
from tests.transports.tls import ENCRYPTED, note_scheme
from tests.transports.web import WebPeer

TALKERS = 4
CUTS = 15
"""Connections of each talker that are cut, at least."""

ENDS: tuple[End, ...] = ("close", "reset", "half-open")


class NewProxy(Protocol):
    """Opens a way to a house, on which things can go wrong."""

    def __call__(self, house: House) -> FaultProxy: ...


@pytest.fixture
def new_proxy() -> Iterator[NewProxy]:
    with ExitStack() as stack:

        def open_proxy(house: House) -> FaultProxy:
            proxy = stack.enter_context(FaultProxy(house.port("chat")))
            note_scheme("https" if proxy.server_port in ENCRYPTED else "http", proxy.port)
            return proxy

        yield open_proxy


@pytest.mark.parametrize("of_client", [True, False], ids=["of-browser", "of-server"])
@pytest.mark.parametrize("server", list(rows.WEB_CUTS))
def test_a_cut_at_any_byte_of_a_conversation_loses_nothing(
    new_proxy: NewProxy, caplog: pytest.LogCaptureFixture, server: str, of_client: bool
) -> None:
    with closing(House(new_transport(server))) as house:
        proxy, bob = new_proxy(house), house.member("bob")
        with closing(Browser(proxy.port, "ana")) as ana:
            said = 0

            def say() -> None:
                nonlocal said
                said += 1
                ana.say(str(said))

            def let_go() -> None:
                for link in proxy.links[-2:]:
                    link.close()

            say()
            let_go()
            say()
            let_go()
            pipe = proxy.links[-1].up if of_client else proxy.links[-1].down
            chosen = range(0, pipe.passed + 1, rows.WEB_CUTS[server])
            for cut in chosen:
                faults = Faults(cut_after=cut)
                proxy.plan.append((faults, CLEAN) if of_client else (CLEAN, faults))
                say()
                while (proxy.links[-1].up.faults, proxy.links[-1].down.faults) != (CLEAN, CLEAN):
                    say()
                let_go()
            say()
            texts = [str(number) for number in range(1, said + 1)]
            assert ana.texts == texts
            assert [message.text for message in bob.receive_many(Message, said)] == texts
        cut_pipes = [link.up if of_client else link.down for link in proxy.links]
        assert [each.passed for each in cut_pipes if each.faults != CLEAN] == list(chosen)
    assert caplog.messages == []


@pytest.mark.parametrize(("server", "seed"), list(rows.WEB_STORMS))
def test_cuts_at_random_bytes_break_no_promise(
    new_proxy: NewProxy, server: str, seed: int, tmp_path: Path
) -> None:
    rng, path = random.Random(seed), tmp_path / "journal.db"
    talks = Talks(history := History())
    talks.set_up(True)
    with (
        closing(Hub(SqliteJournal(path), Limits(**{**OPEN, "tail_bytes": 2_000}))) as hub,
        closing(House(new_transport(server), hub=hub)) as house,
    ):
        proxies = [new_proxy(house) for _ in range(TALKERS)]
        talkers = [
            Talker(talks, f"nick{number}", TALKERS, partial(WebPeer, proxy.port))
            for number, proxy in enumerate(proxies)
        ]
        for talker in talkers:
            talker.start()
        for talker in talkers:
            assert talker.joined.wait(DEADLINE), talker.error
        _storm(proxies, talks, rng, most=6_000 if server in rows.BROWSERS_OVER_TLS else 2_500)
        talks.wait_for_silence(TALKERS)
        for talker in talkers:
            talker.join(DEADLINE)
            assert not talker.is_alive(), f"{talker} still waits for something"
            if talker.error:
                raise talker.error
    events = history.events()
    assert check(events, logs_of(path)) == []
    assert sum(isinstance(event, Connected) for event in events) > TALKERS * CUTS / 2


def _storm(proxies: list[FaultProxy], talks: Talks, rng: random.Random, most: int) -> None:
    """Let no connection carry more than some bytes until each proxy has had its number of them."""
    for proxy in proxies:
        proxy.plan.extend((_faults(rng, most), _faults(rng, most)) for _ in range(CUTS))
        proxy.end_all("reset")
    while any(len(proxy.links) <= CUTS for proxy in proxies):
        for proxy in proxies:  # those that are ahead go on to be cut
            proxy.plan.append((_faults(rng, most), _faults(rng, most)))
        talks.wait_for_acks(1)
    for proxy in proxies:
        proxy.plan.clear()


def _faults(rng: random.Random, most: int) -> Faults:
    """Return what may happen to one direction of a connection."""
    return Faults(piece=rng.choice((None, 1, 7, 300)), cut_after=rng.randint(0, most), end=rng.choice(ENDS))
