"""The metrics of a server as prometheus-client prints them, with those of its process.

This is the only module that needs the extra ``metrics``.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from chatcore import Durations
from cli.metrics.families import FAMILIES, Family, Snapshot

__all__ = ["CONTENT_TYPE", "Exporter"]

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Snapshots(Collector):
    """Makes all metrics of one snapshot, for each time that they are asked for."""

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        self._look = look

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would look at the server

    def collect(self) -> Iterator[Metric]:
        snapshot = self._look()
        for family in FAMILIES:
            values = family.values(snapshot)
            if values is not None:
                yield _metric(family, values)


class Exporter:
    """Prints what ``look`` returns. The registry is its own: nothing else of the process is in it."""

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Snapshots(look))
        ProcessCollector(registry=self._registry)

    def print(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


def _metric(family: Family, values: "Durations | Iterable[tuple[tuple[str, ...], float]]") -> Metric:
    if isinstance(values, Durations):
        return _histogram(family, values)
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def _histogram(family: Family, durations: Durations) -> Metric:
    bounds = [*map(str, durations.bounds), "+Inf"]
    metric = HistogramMetricFamily(family.name, family.help)
    buckets = list(zip(bounds, accumulate(durations.counts), strict=True))
    metric.add_metric((), buckets, durations.seconds)
    return metric
