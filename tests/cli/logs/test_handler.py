"""A record that is no line: it is one line nevertheless, in the format of the others."""

import contextlib
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from cli.console import Console, ConsoleHandler
from cli.logs.formats import JsonFormat
from tests.cli.processes import DEADLINE
from tests.logged import events_in

WITHOUT_DESCRIPTORS = """
import os, resource
from chatcore.logs import inert
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
assert inert("a\\nb\\x1b\\u202e\\U000e0001") == r"a\\nb\\x1b\\u202e\\U000e0001"
"""


@pytest.mark.logs("log.failed")
def test_a_record_that_is_no_line_is_an_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    log = logging.getLogger("chat")
    with path.open("w") as stream, contextlib.closing(Console(stream)) as console:
        handler = ConsoleHandler(console)
        handler.setFormatter(JsonFormat(journal=False))
        log.addHandler(handler)
        handler.handle(logging.LogRecord("chat.other", logging.ERROR, "", 0, "%d", ("a",), None))
        log.removeHandler(handler)
    logged = events_in(path.read_text())
    assert logged.events == [("log.failed", {"of": "chat.other", "error": "TypeError"})]
    assert capsys.readouterr().err == ""


def test_a_text_is_made_inert_without_a_file_descriptor() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DESCRIPTORS], capture_output=True, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
