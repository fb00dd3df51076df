"""The dashboard and the alert rules of docs/prometheus are of this package's metrics, and Prometheus takes them."""

import json
import pathlib
import re
import subprocess

import numpy as np
import pytest
from conftest import RATE

import capbuf

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "prometheus"


@pytest.fixture
def told(registry: capbuf.Registry) -> set[str]:
    """The names of all metrics."""
    with registry.allocate("mic", seconds=10, sample_rate_hz=RATE) as buffer:
        with buffer.writer() as writer:
            writer.write(np.ones(2 * RATE, "int16"))
        next(buffer.windows(0.5))
        text = registry.metrics_text()
    return set(re.findall(r"^(capbuf_[a-z_]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]])
def test_promtool_takes_the_rules(command: list[str]) -> None:
    checked = subprocess.run(["promtool", *command], cwd=DOCS, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", ["rules.yml", "dashboard.json"])
def test_only_metrics_that_there_are_are_asked_for(file: str, told: set[str]) -> None:
    text = (DOCS / file).read_text()
    if file.endswith(".json"):
        panels = json.loads(text)["panels"]
        text = "\n".join(target["expr"] for panel in panels for target in panel.get("targets", []))
    asked = set(re.findall(r"\bcapbuf_[a-z_]+", text))
    assert len(asked) > 10 and asked <= told, asked - told
