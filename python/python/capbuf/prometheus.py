"""Metrics of a registry for `prometheus_client`, which has to be installed beside this package (``pip install capbuf[prometheus]``).

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
    """Tells the metrics of a registry each time that they are collected.

    Parameters
    ----------
    registry : Registry
        Whose metrics.
    whole_domain : bool, default False
        Those of its whole domain, as seen from outside, as ``capbuf metrics`` tells them: for one process that tells for all. Otherwise
        its own.
    """

    def __init__(self, registry: Registry, *, whole_domain: bool = False) -> None:
        self._registry = registry
        self._whole_domain = whole_domain

    def collect(self) -> Iterator[Metric]:
        """All metrics, as they are now; none once the registry was closed."""
        if self._registry.closed:
            return
        text = self._registry.domain_metrics_text() if self._whole_domain else self._registry.metrics_text()
        yield from text_string_to_metric_families(text)

    def describe(self) -> Iterable[Metric]:
        """None: which metrics there are is told by the registry when they are collected."""
        return []
