"""Several ``chat send`` at the same moment, under one name: every message arrives, and arrives once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import Accounts, Hub, Message, new_key
from chatcore.accounts import Administration
from chatcore.gate import Gate, OpenGate
from chatcore.server import directory
from cli.access.login import Login
from cli.commands.send import run
from transports.threaded_tcp import connect, serve

SENDERS = 20
"""More than an account may have sessions."""


@pytest.fixture(params=["a nick", "an account"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Login]]:
    """A server's address, and what its users log in with. It lets them in faster than others do."""
    monkeypatch.setattr(directory, "ARRIVALS_PER_SECOND", 10.0)
    gate, account, invite = _gate(request.param, tmp_path / "accounts.db")
    with (
        closing(Hub(gate=gate)) as hub,
        serve("chat://127.0.0.1:0", hub=hub) as server,
    ):
        url, key = str(server.listening[0]), None if account is None else new_key()
        with connect(url, nick="ada", key=key, invite=invite):
            pass
        yield url, Login(account, key)


def _gate(kind: str, path: Path) -> tuple[Gate, str | None, str | None]:
    """Return who is let in, and the account and the invite to use, if there are accounts."""
    if kind == "a nick":
        return OpenGate(), None, None
    with Administration(path, by="local:test", create=True) as administration:
        administration.add("ada")
        invite = administration.invite(name="ada").secret
    return Accounts(path), "ada", invite


def test_all_that_is_sent_at_once_under_one_name_is_stored_once(place: tuple[str, Login]) -> None:
    url, login = place
    texts = [f"text {number}" for number in range(SENDERS)]

    def send(text: str) -> None:
        run(url, "ada", "ops", text, None, None, 60.0, login=login, json=False)

    with connect(url, nick="ada-reader", key=login.key, rooms=["ops"]) as reader:
        with ThreadPoolExecutor(SENDERS) as senders:
            for sent in [senders.submit(send, text) for text in texts]:
                sent.result()
        reader.post("the end")
        stored = [message.text for message in _until(reader.events(), "the end")]
    assert sorted(stored) == sorted(texts)


def _until(events: Iterator[object], end: str) -> Iterator[Message]:
    for event in events:
        if isinstance(event, Message):
            if event.text == end:
                return
            yield event
