"""The document has every metric, with the words that a server gives, and every answer of `/healthz`."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import Durations, JournalStatistics
from cli.metrics.families import FAMILIES, Family, Snapshot
from tests.cli.metrics.scrape import ask, metrics_url
from tests.cli.processes import chat_server
from tests.server.driver import Host

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
(SECTION,) = re.findall(r"^## Metrics$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\| `(chat_\w+)` \| (\w+) \| (.*?)\| (.*) \|$", SECTION, re.MULTILINE)


def test_the_table_has_every_metric_with_its_help() -> None:
    documented = [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), words) for name, kind, labels, words in ROWS
    ]
    assert documented == [(each.name, each.kind, each.labels, each.help) for each in FAMILIES]


def test_a_server_gives_every_metric_with_its_help_and_no_other_of_ours(tmp_path: Path) -> None:
    with chat_server(
        "--metrics", "127.0.0.1:0", "--journal", f"sqlite:{tmp_path / 'chat.db'}", "--transport", "threaded"
    ) as server:
        reply = ask(metrics_url(server))
    assert reply.headers["Content-Type"].startswith("text/plain; version=")
    helps = re.findall(r"^# HELP (chat_\w+) (.*)$", reply.body, re.MULTILINE)
    kinds = re.findall(r"^# TYPE (chat_\w+) (.*)$", reply.body, re.MULTILINE)
    shared = ("chat_log_", "chat_roster_")  # it shares no log
    own = [each for each in FAMILIES if not each.name.startswith(shared)]
    assert helps == [(each.name, each.help) for each in own]
    assert kinds == [(each.name, each.kind) for each in own]
    assert "process_" in reply.body


def test_a_journal_that_does_not_count_gives_no_metric() -> None:
    with chat_server("--metrics", "127.0.0.1:0") as server:
        body = ask(metrics_url(server)).body
    assert "chat_journal_" not in body
    assert "chat_lag_seconds_count" in body


def test_how_long_the_journal_has_been_at_a_write_is_a_metric() -> None:
    journal = JournalStatistics(Durations(), 0, 0, available=True, late=7.5)
    snapshot = Snapshot(replace(Host().hub.statistics(), journal=journal), None, {}, None)
    values = {family.name: family.values(snapshot) for family in FAMILIES}
    assert values["chat_journal_late_seconds"] == [((), 7.5)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_are_as_prometheus_has_them(family: Family) -> None:
    assert re.fullmatch(r"chat(_[a-z]+)+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert family.kind != "histogram" or family.name.endswith("_seconds")
    assert family.help.endswith(".")
    assert not {"room", "nick", "address"} & set(family.labels)


def test_every_reason_of_healthz_is_documented() -> None:
    code = "".join(
        (ROOT / name).read_text("utf-8") for name in ("chatcore/server/health.py", "cli/metrics/service.py")
    )
    reasons = set(re.findall(r'"((?:the|a) [a-z ]+)"', code))
    assert len(reasons) == 5
    assert [reason for reason in reasons if reason not in SECTION] == []


def test_the_document_uses_the_address_of_the_help() -> None:
    assert "--metrics 127.0.0.1:9024" in SECTION
    assert 'targets: ["127.0.0.1:9024"]' in SECTION
    assert "http://127.0.0.1:9024/healthz" in SECTION
    assert (ROOT / "docs" / "grafana.json").is_file()
