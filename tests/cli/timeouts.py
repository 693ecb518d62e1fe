"""Timeouts of ``chat send`` that begin late: on a slow machine little may have happened when they end."""

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from chatcore import RefusedError
from cli.commands import send
from tests.cli.processes import DEADLINE

__all__ = ["begin_with", "begin_with_a_refusal"]


def begin_with(begins: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the timeout of a command that runs in this process begin with an event."""

    class Late(Future[Any]):
        """What the command waits for."""

        def result(self, timeout: float | None = None) -> Any:
            if timeout is not None:
                self.add_done_callback(lambda _: begins.set())
                assert begins.wait(DEADLINE)
            return super().result(timeout)

    monkeypatch.setattr(send, "Future", Late)


def begin_with_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the timeout of a command that runs in this process begin when a refusal is known."""
    refused, least_wait = threading.Event(), send._least_wait

    def noted(error: RefusedError) -> float:
        refused.set()
        return least_wait(error)

    monkeypatch.setattr(send, "_least_wait", noted)
    begin_with(refused, monkeypatch)
