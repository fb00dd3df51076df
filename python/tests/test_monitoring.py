"""Prometheus accepts the metrics, and the dashboard and alert rules of docs/prometheus use them."""

import json
import pathlib
import re
import subprocess

import numpy as np
import pytest
from conftest import RATE
from prometheus_client import CollectorRegistry, generate_latest

import capbuf
from capbuf.prometheus import CapbufCollector

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "prometheus"


@pytest.fixture
def metrics(registry: capbuf.Registry) -> set[str]:
    """The names of all metrics."""
    registry.enable_allocation_tracking()
    with registry.allocate("mic", seconds=10, sample_rate_hz=RATE) as buffer:
        with buffer.writer() as writer:
            writer.write(np.ones(2 * RATE, "int16"))
        next(buffer.windows(0.5))
        text = registry.metrics_text()
    return set(re.findall(r"^(capbuf_[a-z_]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]])
def test_promtool_accepts_the_rules(command: list[str]) -> None:
    checked = subprocess.run(["promtool", *command], cwd=DOCS, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", ["rules.yml", "dashboard.json"])
def test_rules_and_dashboard_use_existing_metrics(file: str, metrics: set[str]) -> None:
    text = (DOCS / file).read_text()
    if file.endswith(".json"):
        panels = json.loads(text)["panels"]
        text = "\n".join(target["expr"] for panel in panels for target in panel.get("targets", []))
    used = set(re.findall(r"\bcapbuf_[a-z_]+", text))
    assert len(used) > 10
    assert used <= metrics, used - metrics


def test_prometheus_accepts_metrics(registry: capbuf.Registry) -> None:
    for _ in range(2):
        registry.get_or_allocate("rtsp://me:sesame@cam/1", seconds=60, sample_rate_hz=48000)
    metrics = CollectorRegistry()
    metrics.register(CapbufCollector(registry))
    collected = generate_latest(metrics).decode()
    for text in (registry.metrics_text(), collected):
        assert 'capbuf_allocation_attempts_total{result="already_there"} 1' in text
        assert "# TYPE capbuf_live_buffers gauge" in text
        assert "sesame" not in text
    checked = subprocess.run(["promtool", "check", "metrics"], input=collected, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), collected
    assert metrics.get_sample_value("capbuf_live_buffers") == 1
    registry.close()
    assert generate_latest(metrics) == b""
