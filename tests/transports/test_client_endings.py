"""A server ends at every step and in every way, and both clients report the same, and keep nothing."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from chatcore import DisconnectedError
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer, message
from tests.transports.peers import DEADLINE, line

Connect = Callable[..., Visitor]


def _finish(guest: Guest) -> None:
    guest.finish()
    guest.wait_for_end()


ENDINGS: dict[str, Callable[[Guest], None]] = {
    "reset": lambda guest: guest.reset(),
    "close": lambda guest: guest.close(),
    "finish": _finish,
}


# --- before the client is in ---------------------------------------------------------------------


def _amid_a_welcome(guest: Guest) -> None:
    guest.asked("hello")
    guest.send(b'{"type":"welcome","protocol":1,')


def _welcomed(guest: Guest) -> None:
    guest.welcome()
    guest.asked("join")


EARLY: dict[str, Callable[[Guest], object]] = {
    "nothing read": lambda guest: None,
    "hello read": lambda guest: guest.asked("hello"),
    "amid a welcome": _amid_a_welcome,
    "welcomed": _welcomed,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("step", EARLY)
def test_a_server_that_ends_before_the_client_is_in_is_reported(
    connect: Connect, caplog: pytest.LogCaptureFixture, step: str, ending: str
) -> None:
    def script(guest: Guest) -> None:
        EARLY[step](guest)
        ENDINGS[ending](guest)

    refused = (DisconnectedError, ConnectionResetError)
    with HostileServer(script) as server, pytest.raises(refused) as failed:
        connect(server.url, nick="ann")
    if isinstance(failed.value, DisconnectedError):
        assert failed.value.reason == "lost"
    else:  # it came while the system still connected
        assert (step, ending) == ("nothing read", "reset")
    assert caplog.messages == []


# --- after that ----------------------------------------------------------------------------------


def _told_why(guest: Guest) -> None:
    guest.send(line("closing", reason="drain", reconnect_after=1.0))


LATE: dict[str, Callable[[Guest], object]] = {
    "asked": lambda guest: None,
    "amid a message": lambda guest: guest.send(message(1)[:40]),
    "told why": _told_why,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("step", LATE)
def test_a_server_that_ends_is_reported_to_everybody_who_waits(
    connect: Connect, caplog: pytest.LogCaptureFixture, step: str, ending: str
) -> None:
    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        for _ in ("post", "who"):  # in any order
            guest.receive_line()
        LATE[step](guest)
        ENDINGS[ending](guest)

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        waiting: list[Future[Any]] = [ann.post_nowait("hello"), ann.begin("who")]
        reasons = [_reason(each.exception(DEADLINE)) for each in waiting]
        with pytest.raises(DisconnectedError) as ended:
            ann.take_all()
        reasons.append(ended.value.reason)
        assert reasons == ["drain" if step == "told why" else "lost"] * 3
        ann.close()
    assert caplog.messages == []


def _reason(error: BaseException | None) -> str:
    assert isinstance(error, DisconnectedError)
    return error.reason
