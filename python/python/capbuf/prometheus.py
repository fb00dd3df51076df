"""Metrics of a registry for `prometheus_client` (``pip install capbuf[prometheus]``).

Examples
--------
>>> import capbuf
>>> from capbuf.prometheus import CapbufCollector
>>> from prometheus_client import CollectorRegistry, generate_latest
>>> buffers = capbuf.Registry.private()
>>> metrics = CollectorRegistry()
>>> metrics.register(CapbufCollector(buffers))
>>> "capbuf_live_buffers 0" in generate_latest(metrics).decode()
True
"""

from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from ._capbuf import Registry

__all__ = ["CapbufCollector"]


class CapbufCollector(Collector):
    """Collect the metrics of a registry.

    Parameters
    ----------
    registry : Registry
        The registry.
    whole_domain : bool, default False
        Collect the metrics of the whole domain, as the command ``capbuf metrics`` does: for one
        process that reports for all.
    """

    def __init__(self, registry: Registry, *, whole_domain: bool = False) -> None:
        self._registry = registry
        self._whole_domain = whole_domain

    def collect(self) -> Iterator[Metric]:
        """Return the current metrics; none after the registry is closed."""
        if self._registry.closed:
            return
        text = self._registry.domain_metrics_text() if self._whole_domain else self._registry.metrics_text()
        yield from text_string_to_metric_families(text)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the metrics are known only when they are collected."""
        return []
