"""What is known of who is here is a function of the log: the same under any clock, hash and version."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatcore.replication import LogEntry
from chatcore.roster.machine import Machine, read
from tests.interpreters import OTHERS, interpreter
from tests.roster.cluster import Cluster, dump

ROOT = Path(__file__).parents[2]

CODE = """
import json, sys
from chatcore.replication import LogEntry
from chatcore.roster.machine import Machine, read
from tests.roster.cluster import dump
machine = Machine("log", 1)
for position, at, data in json.load(sys.stdin):
    entry = LogEntry(position, at, data.encode())
    machine.apply(entry, read(entry))
print(json.dumps(dump(machine.state)))
"""

ALLOWED = {
    "chatcore.names",
    "chatcore.nicks",
    "chatcore.replication",
    "chatcore.replication.fence",
    "chatcore.roster.acts",
    "chatcore.roster.state",
    "bisect",
    "collections.abc",
    "dataclasses",
    "heapq",
    "re",
    "typing",
}
"""What the rules may import: nothing of it knows a clock, chance or where it runs."""


@pytest.fixture(scope="module")
def log() -> list[LogEntry]:
    cluster = Cluster(8)
    cluster.run()
    return cluster.log.entries


def known(log: list[LogEntry]) -> str:
    machine = Machine("log", 1)
    for entry in log:
        machine.apply(entry, read(entry))
    return json.dumps(dump(machine.state))


def applied_elsewhere(log: list[LogEntry], python: str, **environment: str) -> str:
    entries = [(entry.position, entry.at, entry.data.decode()) for entry in log]
    done = subprocess.run(
        [python, "-c", CODE],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=json.dumps(entries),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_hash_and_time_zone_change_nothing(log: list[LogEntry]) -> None:
    assert len(json.loads(known(log))["identities"]) > 1
    for seed in ("1", "2"):
        assert applied_elsewhere(log, sys.executable, PYTHONHASHSEED=seed, TZ="Asia/Kolkata") == known(log)


@pytest.mark.parametrize("version", OTHERS)
def test_another_version_of_python_changes_nothing(log: list[LogEntry], version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here can import pydantic; CONTRIBUTING.md says how to make one")
    assert applied_elsewhere(log, python) == known(log)


@pytest.mark.parametrize("name", ["nicks", "roster/acts", "roster/machine", "roster/state"])
def test_the_rules_import_nothing_that_could_differ(name: str) -> None:
    tree = ast.parse((ROOT / "chatcore" / f"{name}.py").read_text("utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules <= ALLOWED
