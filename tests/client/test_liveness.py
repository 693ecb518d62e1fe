"""How a client notices that its server is gone without a word."""

from chatcore import Offline
from chatcore.client.connection import IDLE_SECONDS, KEEPALIVE_SECONDS, PONG_SECONDS
from tests.client.script import Script, line


def pass_time(script: Script, seconds: float) -> None:
    script.clock.now += seconds
    script.session.handle_deadline(script.clock.now)


def test_silence_is_asked_about_and_then_given_up() -> None:
    ana = Script("ana", "lobby")
    pass_time(ana, KEEPALIVE_SECONDS)
    assert ana.sent() == [{"type": "ping"}]
    pass_time(ana, IDLE_SECONDS - KEEPALIVE_SECONDS - 1)
    assert ana.session.online
    pass_time(ana, 1)
    assert not ana.session.online


def test_a_server_is_asked_before_it_is_given_up_however_long_our_process_stood_still() -> None:
    ana = Script("ana", "lobby")
    pass_time(ana, 10 * IDLE_SECONDS)
    assert ana.sent() == [{"type": "ping"}]
    pass_time(ana, IDLE_SECONDS - KEEPALIVE_SECONDS - 1)
    assert ana.session.online
    pass_time(ana, 1)
    assert not ana.session.online


def test_a_user_who_asks_for_a_sign_of_life_waits_less_long() -> None:
    ana = Script("ana", "lobby")
    ping = ana.session.ping()
    assert ana.sent() == [{"type": "ping", "token": "1"}]
    assert ana.session.next_deadline() == ana.clock.now + PONG_SECONDS
    pass_time(ana, PONG_SECONDS - 1)
    again = ana.session.ping()  # which gives the server no more time
    assert ana.session.online
    pass_time(ana, 1)
    assert [event for event in ana.events() if isinstance(event, Offline)]
    assert not ping.done
    ana.connect(nick="ana")
    assert [frame["type"] for frame in ana.sent()] == ["join", "ping", "ping"]
    ana.session.receive_data(line("pong", token="2") + line("pong", token="1"))
    assert ping.result().token == "1"
    assert again.result().token == "2"


def test_anything_that_the_server_says_is_a_sign_of_life() -> None:
    ana = Script("ana", "lobby")
    ping = ana.session.ping()
    pass_time(ana, PONG_SECONDS - 1)
    ana.say("presence", room="lobby", joined=["bob"], count=2)
    for _ in range(int(PONG_SECONDS)):
        pass_time(ana, 1)
    assert ana.session.online
    assert not ping.done
    ana.say("pong", token="1")
    assert ping.done


def test_a_pong_that_nobody_waits_for_is_ignored() -> None:
    ana = Script("ana", "lobby", every_frame=False)
    ana.events()
    ana.say("pong", token="9")
    ana.say("pong")
    assert ana.session.online
    assert not ana.events()
