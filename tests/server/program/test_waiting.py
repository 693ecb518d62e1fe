"""How a subscription is waited for, in threads and in event loops. Every wait here has a deadline."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any, TypeVar

import pytest

from chatcore.errors import ClosedError, MisuseError, UsageError
from chatcore.journal import Place, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.messages import Joined, Message
from chatcore.server.hub import Hub
from chatcore.server.room_reader import RoomEvent
from chatcore.server.subscription import Subscription
from chatcore.server.wakeup import Wakeup

DEADLINE = 20.0

T = TypeVar("T")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def subscription(hub: Hub) -> Iterator[Subscription]:
    """A subscription whose `Joined` was taken, so that there is nothing to take."""
    with hub.subscribe("lobby") as subscription:
        assert isinstance(subscription.receive(DEADLINE), Joined)
        yield subscription


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What is set as soon as a consumer has found nothing and waits."""
    begun, waiter = threading.Event(), Wakeup.waiter

    def noted(self: Wakeup) -> Future[None]:
        future = waiter(self)
        begun.set()
        return future

    monkeypatch.setattr(Wakeup, "waiter", noted)
    return begun


class Started(threading.Thread):
    """A thread that makes a call, and has its result."""

    def __init__(self, call: Callable[[], object], waiting: threading.Event) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._result: Future[object] = Future()
        self.start()
        assert waiting.wait(DEADLINE)

    def run(self) -> None:
        try:
            self._result.set_result(self._call())
        except BaseException as error:
            self._result.set_exception(error)

    def result(self) -> object:
        """Return what the call returned, or raise what it raised."""
        return self._result.result(DEADLINE)


def run(talk: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own."""

    async def main() -> T:
        async with asyncio.timeout(DEADLINE):
            return await talk

    return asyncio.run(main())


def text_of(event: object) -> str:
    assert isinstance(event, Message)
    return event.text


# --- in threads ----------------------------------------------------------------------------------


def test_a_thread_that_waits_is_woken_by_a_post(
    hub: Hub, subscription: Subscription, waiting: threading.Event
) -> None:
    thread = Started(subscription.receive, waiting)
    hub.post("lobby", "program", "hello")
    assert text_of(thread.result()) == "hello"


def test_closing_ends_an_iteration_that_waits(subscription: Subscription, waiting: threading.Event) -> None:
    thread = Started(lambda: list(subscription), waiting)
    subscription.close()
    assert thread.result() == []


def test_the_end_of_the_hub_ends_a_thread_that_waits(
    hub: Hub, subscription: Subscription, waiting: threading.Event
) -> None:
    thread = Started(subscription.receive, waiting)
    hub.close()
    with pytest.raises(ClosedError):
        thread.result()


def test_a_thread_that_waits_learns_that_the_room_was_removed_and_waits_on(
    hub: Hub, subscription: Subscription, waiting: threading.Event
) -> None:
    def receive() -> list[str]:
        return [subscription.receive(DEADLINE).type for _ in range(3)]

    thread = Started(receive, waiting)
    hub.remove_room("lobby")
    hub.post("lobby", "program", "hello")
    assert thread.result() == ["left", "joined", "message"]


def test_a_timeout_loses_nothing(hub: Hub, subscription: Subscription) -> None:
    with pytest.raises(TimeoutError, match="no event came within"):
        subscription.receive(timeout=0.01)
    hub.post("lobby", "program", "hello")
    assert text_of(subscription.receive(timeout=0.01)) == "hello"


def test_a_timeout_that_is_not_a_time_is_refused(subscription: Subscription) -> None:
    with pytest.raises(UsageError, match="a timeout is a number of seconds, inf or None, not nan"):
        subscription.receive(float("nan"))


@pytest.mark.parametrize("timeout", [float("inf"), 1e300])
def test_a_timeout_may_be_of_any_size(hub: Hub, subscription: Subscription, timeout: float) -> None:
    hub.post("lobby", "program", "hello")
    assert text_of(subscription.receive(timeout)) == "hello"


def test_a_second_consumer_is_refused_and_the_first_goes_on(
    hub: Hub, subscription: Subscription, waiting: threading.Event
) -> None:
    thread = Started(subscription.receive, waiting)
    with pytest.raises(MisuseError):
        subscription.receive()
    with pytest.raises(MisuseError):
        run(anext(subscription))
    hub.post("lobby", "program", "hello")
    assert text_of(thread.result()) == "hello"


def test_a_loop_that_was_left_can_be_continued_by_another(hub: Hub, subscription: Subscription) -> None:
    for n in range(6):
        hub.post("lobby", "program", f"text {n}")
    taken = [*islice(subscription, 2), subscription.receive(DEADLINE), *islice(subscription, 3)]
    assert [text_of(event) for event in taken] == [f"text {n}" for n in range(6)]


def test_a_reader_gets_everything_that_many_threads_post_once_and_in_order(
    hub: Hub, subscription: Subscription
) -> None:
    def post() -> None:
        for n in range(200):
            hub.post("lobby", "program", str(n))

    threads = [threading.Thread(target=post) for _ in range(3)]
    for thread in threads:
        thread.start()
    events = [subscription.receive(DEADLINE) for _ in range(600)]
    for thread in threads:
        thread.join()
    assert [event.seq for event in events if isinstance(event, Message)] == list(range(1, 601))


class RecoveringJournal(MemoryJournal):
    """A journal that finds nothing the first two times."""

    failures = 2

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        **options: Any,
    ) -> None:
        self.failures -= 1
        if self.failures >= 0:
            deliver(Unavailable(0.01))
        else:
            super().seek(room, back, before, deliver, **options)


def test_a_consumer_that_waits_asks_again_by_itself() -> None:
    async def receive(subscription: Subscription) -> list[RoomEvent]:
        return [await anext(subscription) for _ in range(2)]

    for in_loop in (False, True):
        with Hub(RecoveringJournal()) as hub:
            hub.post("lobby", "program", "hello")
            with hub.subscribe("lobby", history=1) as subscription:
                events = run(receive(subscription)) if in_loop else list(islice(subscription, 2))
        assert isinstance(events[0], Joined)
        assert text_of(events[1]) == "hello"


# --- in event loops ------------------------------------------------------------------------------


def test_a_task_that_waits_is_woken_by_a_post_of_a_thread(
    hub: Hub, subscription: Subscription, waiting: threading.Event
) -> None:
    def post() -> None:
        assert waiting.wait(DEADLINE)
        hub.post("lobby", "program", "hello")

    async def talk() -> RoomEvent:
        thread = threading.Thread(target=post)
        thread.start()
        try:
            return await anext(subscription)
        finally:
            thread.join()

    assert text_of(run(talk())) == "hello"


def test_closing_ends_a_task_that_waits(subscription: Subscription, waiting: threading.Event) -> None:
    def close() -> None:
        assert waiting.wait(DEADLINE)
        subscription.close()

    async def talk() -> list[RoomEvent]:
        thread = threading.Thread(target=close)
        thread.start()
        try:
            return [event async for event in subscription]
        finally:
            thread.join()

    assert run(talk()) == []


def test_a_step_that_is_cancelled_loses_nothing(hub: Hub, subscription: Subscription) -> None:
    async def talk() -> RoomEvent:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(subscription)
        hub.post("lobby", "program", "hello")
        return await anext(subscription)

    assert text_of(run(talk())) == "hello"


def test_a_second_task_is_refused_and_the_first_goes_on(hub: Hub, subscription: Subscription) -> None:
    async def talk() -> RoomEvent:
        first = asyncio.create_task(anext(subscription))
        await asyncio.sleep(0)
        with pytest.raises(MisuseError):
            await anext(subscription)
        with pytest.raises(MisuseError):
            subscription.receive()
        hub.post("lobby", "program", "hello")
        return await first

    assert text_of(run(talk())) == "hello"


def test_the_loop_turns_while_a_long_backlog_is_read(hub: Hub) -> None:
    count, size = 400, 4_000  # twelve pieces
    for n in range(count):
        hub.post("lobby", "program", f"{n:{size}}")
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def talk() -> None:
        turning = asyncio.create_task(turn())
        async with hub.subscribe("lobby", history=count) as subscription:
            async for event in subscription:
                if isinstance(event, Message) and event.seq == count:
                    break
        turning.cancel()

    run(talk())
    assert turns >= 5


def test_its_block_in_an_event_loop_closes_it(hub: Hub) -> None:
    async def talk() -> Subscription:
        async with hub.subscribe("lobby") as subscription:
            assert not subscription.closed
        return subscription

    assert run(talk()).closed


def test_one_subscription_is_read_from_loops_and_threads_alternately(
    hub: Hub, subscription: Subscription
) -> None:
    async def step() -> RoomEvent:
        return await anext(subscription)

    for n in range(4):
        hub.post("lobby", "program", str(n))
        assert text_of(run(step()) if n % 2 else subscription.receive(DEADLINE)) == str(n)


def test_a_loop_that_is_gone_does_no_harm(hub: Hub, subscription: Subscription) -> None:
    async def talk() -> None:
        forgotten = asyncio.create_task(anext(subscription))
        await asyncio.sleep(0)
        assert not forgotten.done()

    run(talk())
    hub.post("lobby", "program", "hello")
    assert text_of(subscription.receive(DEADLINE)) == "hello"


def test_a_post_is_awaited_in_a_loop(hub: Hub) -> None:
    async def talk() -> int:
        return (await asyncio.wrap_future(hub.post("lobby", "program", "hello"))).seq

    assert run(talk()) == 1


# --- the wake-up by itself -----------------------------------------------------------------------


def test_a_wakeup_between_the_look_and_the_wait_is_not_missed() -> None:
    wakeup = Wakeup()
    wakeup.clear()
    wakeup.set()
    assert wakeup.waiter().done()


def test_a_wakeup_from_before_the_look_is_over() -> None:
    wakeup = Wakeup()
    wakeup.set()
    wakeup.clear()
    waiter = wakeup.waiter()
    assert not waiter.done()
    wakeup.set()
    assert waiter.done()


def test_a_waiter_that_was_cancelled_is_woken_without_harm() -> None:
    wakeup = Wakeup()
    assert wakeup.waiter().cancel()
    wakeup.set()
    assert wakeup.waiter().done()
