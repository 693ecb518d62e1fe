"""A secret is nowhere but on the wire and in `Chat.secret`: in no `repr`, no log line and no traceback.

Whole conversations run with the log at its most detailed, and asyncio in its debug mode. Then everything that
was logged, and the `repr` of every object of ours that is alive, is searched.
"""

import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from chatcore import UsageError
from tests.transports.clients import CLIENTS, Visitor
from tests.transports.servers import SERVERS, House, new_transport

KEY = "key-" + "k" * 60
OURS = ("chatcore.", "transports.", "cli.")


@pytest.fixture(autouse=True)
def _in_debug_mode(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)


def shown(objects: list[object]) -> Iterator[str]:
    """Yield what the objects of our packages show of themselves."""
    for each in objects:
        if str(type(each).__module__).startswith(OURS):
            yield repr(each)
            yield str(each)


def assert_hidden(secrets: list[str], caplog: pytest.LogCaptureFixture) -> None:
    texts = [*shown(gc.get_objects()), caplog.text, *map(repr, caplog.records)]
    texts += [repr(record.args) for record in caplog.records]
    assert len(texts) > 20
    assert not [text for text in texts if any(secret in text for secret in secrets)]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_no_repr_and_no_log_line_has_a_secret_in_it(
    server: str, client: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(House(new_transport(server))) as house:
        with closing(
            CLIENTS[client](house.url, nick="ann", rooms=["lobby"], key=KEY, every_frame=True)
        ) as ann:
            first = str(ann.do("secret"))
            ann.post("hello")
            events = [ann.receive(20.0) for _ in range(2)]
            assert_hidden([first, KEY], caplog)
        again = CLIENTS[client](
            house.url, nick="ann", rooms=["lobby"], session=first, key=KEY, reconnect=True
        )
        with closing(again) as ann:
            bob = house.member("bob")
            bob.send(b'{"type":"hello","protocol":1,"nick":"bob","session":"%s"}\n' % first.encode())
            bob.send(b'{"session":"%s","key":"%s",\n' % (first.encode(), KEY.encode()))
            ann.post("and again")
            house.close()
            assert_hidden([first, str(ann.do("secret")), KEY], caplog)
    assert len(events) == 2


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("wrong", "options"),
    [("two words", {"session": "two words"}), ("short", {"key": "short"}), ("k" * 400, {"key": "k" * 400})],
    ids=["a secret", "a short key", "a long key"],
)
def test_no_traceback_has_an_invalid_secret_in_it(
    client: str, wrong: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    connect: Callable[..., Visitor] = CLIENTS[client]
    with pytest.raises(UsageError) as caught:
        connect("chat://127.0.0.1:1", nick="ann", **options)
    error: BaseException | None = caught.value
    while error is not None:  # some programs print the context that is not shown
        assert wrong not in "".join(traceback.format_exception_only(error))
        assert wrong not in repr(error.args)
        error = error.__cause__ or error.__context__
    assert wrong not in caplog.text
