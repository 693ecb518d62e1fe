"""`Hub.is_alive` sees a transport that hangs, and a hub whose lock nobody gives back."""

import threading

import pytest

from chatcore import UsageError
from chatcore.server.session import Session
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import House


def test_a_server_that_does_its_work_is_alive(house: House) -> None:
    assert house.hub.is_alive(DEADLINE)
    house.member("ann")
    assert house.hub.is_alive(DEADLINE)


def test_one_that_hangs_is_not_until_it_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = house.member("ann")
    hangs, go_on = threading.Event(), threading.Event()
    working = Session.data_to_send

    def hang(session: Session) -> bytes:
        hangs.set()
        go_on.wait(DEADLINE)
        return working(session)

    try:
        monkeypatch.setattr(Session, "data_to_send", hang)
        ann.ask("ping")
        assert hangs.wait(DEADLINE)
        assert not house.hub.is_alive(0.05)
        assert not house.hub.is_alive(0.05)
    finally:
        go_on.set()
    assert house.hub.is_alive(DEADLINE)


def test_a_hub_whose_lock_is_taken_is_not_alive(house: House) -> None:
    with house.hub.lock:
        assert not house.hub.is_alive(0.05)
    assert house.hub.is_alive(DEADLINE)


def test_each_of_several_servers_counts(serve: Serve) -> None:
    house = serve()
    silent = house.hub.endpoint(lambda: None)
    assert not house.hub.is_alive(0.05)
    silent.close()
    assert house.hub.is_alive(DEADLINE)


def test_a_program_that_reads_a_room_is_not_waited_for(house: House) -> None:
    with house.hub.subscribe("lobby"):
        assert house.hub.is_alive(DEADLINE)


def test_a_timeout_is_a_number(house: House) -> None:
    assert house.hub.is_alive(float("inf"))
    with pytest.raises(UsageError, match="nan"):
        house.hub.is_alive(float("nan"))
