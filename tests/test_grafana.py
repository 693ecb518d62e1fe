"""Each query of docs/grafana.json is one that Prometheus understands, of metrics that a server gives."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from promql_parser import AggregateExpr, BinaryExpr, MatchOp, VectorSelector

from tests.cli.metrics.scrape import metrics_url, scrape
from tests.cli.processes import chat_server
from tests.jetstream.shared import shared_servers
from tests.jetstream.test_metrics import figures_once, roster_once
from tests.transports.peers import PlainPeer, TypedPeer

DASHBOARD = json.loads((Path(__file__).parent.parent / "docs" / "grafana.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]

SCRAPED = {"instance", "job"}
"""Labels that Prometheus adds to whatever it scrapes."""

Series = dict[str, list[dict[str, str]]]
"""The labels of all series, by their name."""


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """What servers give: one has a journal in a file, and somebody on each wire; the other shares a log."""
    directory = tmp_path_factory.mktemp("dashboard")
    listens = ("chat://127.0.0.1:0", "plain://127.0.0.1:0")
    metrics = ("--metrics", "127.0.0.1:0", "--journal")
    nats = shared_servers()
    log = f"nats://{nats.addresses[0]}?stream={nats.new_stream().name}&state={directory / 'copy.db'}"
    with (
        chat_server(*metrics, f"sqlite:{directory / 'chat.db'}", listens=listens) as server,
        chat_server(*metrics, log) as sharing,
        TypedPeer(server.port(), "ann", "lobby"),
        PlainPeer(server.port(1)) as plain,
    ):
        plain.say("/who")
        plain.hear()
        found: Series = {}
        url = metrics_url(sharing)  # it may not be connected to the log yet, and lacks some until then
        figures_once(url, lambda figures: "chat_log_entries" in figures)
        roster_once(url, lambda here: "servers" in here)
        for name, labels in [*scrape(metrics_url(server)), *scrape(url)]:
            found.setdefault(name, []).append(dict(labels))
        return found


def problems(query: str, series: Series) -> Iterator[str]:
    """Yield what is wrong with a query: what it names is not there, or not on that metric."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        found.append(node)

    promql_parser.walk(parsed(query), visit)
    selectors = [node for node in found if isinstance(node, VectorSelector)]
    if not selectors:
        yield "it names no metric"
    names = [str(selector.name) for selector in selectors]
    for selector in selectors:
        yield from problems_of(selector, series)
    known = SCRAPED.union(*(labels for name in names for labels in series.get(name, ())))
    yield from (f"no metric has {label}" for label in labels_of(found) if label not in known)


def parsed(query: str) -> Any:
    """Parse a query; raises `ValueError`. What Grafana puts in place of its own variables is put there."""
    return promql_parser.parse(query.replace("$__rate_interval", "5m"))


def problems_of(selector: VectorSelector, series: Series) -> Iterator[str]:
    found = series.get(str(selector.name), [])
    if not found:
        yield f"there is no metric {selector.name}"
        return
    for matcher in selector.matchers.matchers:
        if matcher.name in SCRAPED:
            continue
        values = {labels[matcher.name] for labels in found if matcher.name in labels}
        if not values:
            yield f"{selector.name} has no label {matcher.name}"
        elif matcher.op == MatchOp.Equal and matcher.value not in values:
            yield f"{selector.name} has no {matcher.name} that is {matcher.value}"


def labels_of(nodes: list[Any]) -> Iterator[str]:
    """Yield the labels that are grouped or matched by."""
    for node in nodes:
        modifier = getattr(node, "modifier", None)
        if isinstance(node, AggregateExpr) and modifier is not None:
            yield from modifier.labels
        elif isinstance(node, BinaryExpr) and modifier is not None:
            yield from modifier.group_labels or ()
            yield from modifier.matching.labels if modifier.matching else ()


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_query_names_only_what_a_server_gives(title: str, target: dict[str, Any], series: Series) -> None:
    assert list(problems(target["expr"], series)) == []
    legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert all(label in target["expr"] for label in legend)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda query: query.replace("chat_", "chats_"), "there is no metric chats_connections"),
        (lambda query: query.replace("wire", "room"), "no metric has room"),
        (lambda query: query.replace("{", '{nick="ada",'), "chat_connections has no label nick"),
        (lambda query: query.replace("{", '{wire="irc",'), "chat_connections has no wire that is irc"),
        (lambda query: "1 + 1", "it names no metric"),
    ],
)
def test_a_wrong_query_is_found(spoil: Callable[[str], str], problem: str, series: Series) -> None:
    query = PANELS[0]["targets"][0]["expr"]
    assert list(problems(query, series)) == []
    assert problem in list(problems(spoil(query), series))


def test_a_query_that_is_none_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        parsed("sum by (chat_connections")


def test_every_metric_of_ours_is_in_a_panel(series: Series) -> None:
    shown = " ".join(target["expr"] for _, target in TARGETS)
    ours = {re.sub("_(bucket|count|sum)$", "", name) for name in series if name.startswith("chat_")}
    assert {name for name in ours if name not in shown} == {"chat_subscriptions"}  # `chat server` has none


def test_it_can_be_imported_anywhere() -> None:
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert list(problems("chat_build_info", {"chat_build_info": [{}]})) == []
    assert variables["instance"]["query"]["query"] == "label_values(chat_build_info, instance)"
    sources = [variables["instance"], *PANELS, *(target for _, target in TARGETS)]
    assert {each["datasource"]["uid"] for each in sources} == {"${datasource}"}
    assert "id" not in DASHBOARD
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert max(x for x, _ in taken) < 24
