"""The page in Firefox: a talk over a restart of the server, and a second window."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import watched
from tests.page.servers import OTHER, TRANSPORTS, Place, kill
from tests.protocol.frames import Message
from tests.rows import ALL
from tests.transports.peers import TypedPeer

DRIVER = Path(__file__).parent / "firefox" / "driver.mjs"
PUPPETEER = DRIVER.parent / "node_modules" / ".package-lock.json"
DARK = "rgb(20, 23, 28)"


class Firefox:
    """Somebody in Firefox. Steps are those of the driver."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, step: str, *args: str) -> Any:
        """Do a step; return what it returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with watched(self._process):
            self._process.stdin.write(json.dumps([step, *args]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        answer = json.loads(line or '{"error": "the driver has ended"}')
        assert answer.get("error") is None, (step, *args, answer)
        return answer.get("value")


def _path() -> str:
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is not None and PUPPETEER.exists():
        return path
    missing = "there is no Firefox, or nothing that drives it: make firefox"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def _firefox() -> Iterator[Firefox]:
    with subprocess.Popen(
        ["node", DRIVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"FIREFOX": _path()},
        text=True,
    ) as process:
        try:
            yield Firefox(process)
        finally:
            process.communicate()  # with the end of its input it closes the browser, and ends


@pytest.mark.skipif(not ALL, reason="what Firefox does otherwise than Chromium is little")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_firefox_talks_over_a_restart_and_in_two_windows(tmp_path: Path, transport: str) -> None:
    place = Place(tmp_path)
    with _firefox() as ada:
        with place.serve(transport) as server, TypedPeer(place.port, "carol", "lobby") as carol:
            ada.do("open", place.url)
            ada.do("enter", "ada")
            assert ada.do("background") == DARK
            ada.do("say", "one")
            ada.do("sees", "one")
            carol.receive(Message, where=lambda message: message.text == "one")
            carol.post("two", "c-2")
            ada.do("sees", "two")
            kill(server)
        ada.do("isOffline")
        ada.do("say", "three")
        ada.do("seesUnsent", "three")
        with place.serve(OTHER[transport]), TypedPeer(place.port, "dave", "lobby") as dave:
            ada.do("notice")
            ada.do("sees", "three")
            assert dave.receive(Message).text == "three"
            dave.post("four", "d-4")
            ada.do("sees", "four")
            assert ada.do("texts") == ["one", "two", "three", "four"]
            ada.do("open", place.url)
            ada.do("isLive")
            ada.do("sees", "four")
            ada.do("say", "five")
            ada.do("sees", "five")
            ada.do("back")
            ada.do("isTakenOver")
            ada.do("takeOver")
            ada.do("sees", "five")
            assert ada.do("texts") == ["one", "two", "three", "four", "five"]
            assert dave.receive(Message, where=lambda message: message.text != "four").text == "five"
            assert ada.do("faults") == []
