"""Messages have the words of this package and of Python, not those of the language below."""

import datetime as dt
import math
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import capbuf

#: Types, variants and phrases of Rust, and of PyO3's own messages.
FOREIGN = re.compile(
    r"\b([ui](8|16|32|64|128)|[ui]size|f32|f64|&str|String|Vec|Option|Box|Arc|PyAny|PyErr|None\)|Duration|RangeInclusive)\b"
    r"|\b(Some|Ok|Err|Seconds|Frames)\(|::|\bas_\w+\(|\bunwrap\b|\bpanicked\b|out of range integral|a sequence|\bOs \{|\bcode: \d"
    r"|cannot be (converted|interpreted)|'\w+' object"
)
#: Words that are also names of this package: sample formats, and Python's own types.
ALLOWED = re.compile(r"\bs16, s24, s32(, f32| or f32)|\x22f32\x22|: f32|\bSourceConfig, str")

BAD: list[Any] = [
    -1, 0, 2**31, 2**32, 2**63, 2**64, 2**70, -(2**70), 1.5, -1.5, 1e308, -1e308, math.nan, math.inf, -math.inf,
    True, None, "", "1", "x" * 2000, b"1", [1], [1.0, "x"], {"a": 1}, object(), 1j,
    dt.timedelta(days=-1), dt.timedelta.max, dt.datetime(1, 1, 1), dt.datetime(9999, 1, 1, tzinfo=dt.timezone.utc), dt.date(2026, 1, 1),
    np.float32(math.nan), np.int8(-1), np.zeros(3), np.zeros((2, 2), dtype=object), pathlib.Path("/"),
]  # fmt: skip


def calls(folder: pathlib.Path) -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Each callable, with arguments that are right."""
    registry = capbuf.open("words")
    shape: dict[str, Any] = {"seconds": 1, "sample_rate_hz": 8000}
    buffer = registry.get_or_allocate("mic", **shape)
    with buffer.writer() as writer:
        writer.write(np.zeros(8000, "int16"), at=1_700_000_000.0)
    writer = buffer.writer()
    station = capbuf.Station(registry)
    span = {"start": 1_700_000_000.0, "end": 1_700_000_000.5}
    yield "open", capbuf.open, {"domain": "words", "budget_bytes": 10**9, "max_buffer_bytes": 10**6, "pool_bytes": 0}
    yield "private", capbuf.Registry.private, {"budget_bytes": 10**9, "max_buffer_bytes": 10**6, "pool_bytes": 0}
    yield "allocate", registry.allocate, {"source": "new", "channels": 1, "sample_format": "s16", "lifetime": "while open", **shape}
    yield "get_or_allocate", registry.get_or_allocate, {"source": "mic", "channels": 1, "sample_format": "s16", "lifetime": "while open", **shape}
    yield "get", registry.get, {"source": "mic"}
    yield "remove", registry.remove, {"source": "none"}
    yield "claim_source", registry.claim_source, {"source": "claimed"}
    yield "enable_allocation_tracking", registry.enable_allocation_tracking, {"enable": False}
    yield "watch", registry.watch, {"every": 1, "window": 1, "repeated_allocations": 3, "churn_allocations": 5, "removed_held": 1, "stalled": 1, "rate_tolerance": 0.1, "rate_window": 1, "lapped_reads": 1, "budget_share": 0.9}
    yield "read", buffer.read, {**span, "wait": 0, "available": True, "silence": True, "dtype": "int16"}
    yield "read_frames", buffer.read_frames, {"first": 0, "end": 10, "wait": 0, "available": True, "dtype": "int16"}
    yield "last", buffer.last, {"seconds": 0.1, "wait": 0, "dtype": "int16", "out": None}
    yield "windows", buffer.windows, {"seconds": 0.1, "hop": 0.1, "start_frame": 0, "join_gaps": 0.1, "wait": 0, "dtype": "int16", "out": None}
    yield "clip", buffer.clip, {"path": folder / "a.wav", **span, "overwrite": True}
    yield "clip_frames", buffer.clip_frames, {"path": folder / "b.wav", "first": 0, "end": 10, "overwrite": True}
    yield "clip_around", lambda **more: buffer.clip_around(around=1_700_000_000.2, after=0.1, **more), {"path": folder / "c.wav", "overwrite": True, "before": 0.1}
    yield "write", writer.write, {"samples": np.zeros(8, "int16"), "at": 1_700_000_001.0}
    yield "write_bytes", writer.write_bytes, {"data": b"1234", "at": 1_700_000_002.0}
    yield "gap", writer.gap, {"reason": "requested", "duration": 0.1}
    yield "SourceConfig", capbuf.SourceConfig, {"name": "nest", "locator": "tone:440", "seconds": 1, "mix": 0, "gain_db": 0.0, "give_up_after": 1, "retry_after": 1.0, "silence_for": 1.0, "wrong_rate": "correct", "when_gone": "keep", "channels": 1}
    yield "reconfigure", station.reconfigure, {"sources": []}
    yield "check", station.check, {"sources": []}
    yield "Trigger", capbuf.Trigger, {"registry": registry, "source": "mic", "folder": folder, "louder_than_dbfs": -20.0, "between_hz": (300, 1000), "before": 0.1, "after": 0.1, "at_most": 1.0, "extension": "wav"}
    yield "record", capbuf.record, {"source": "nothing:", "seconds": 1, "sample_rate_hz": 8000, "channels": 1, "mix": 0, "gain_db": 0.0, "open_deadline": 1, "registry": registry}
    yield "clip_name", capbuf.clip_name, {"source": "mic", "start": 1.0, "extension": "wav"}
    yield "redact", capbuf.redact, {"source": "mic"}
    yield "domains", capbuf.domains, {"folder": None}
    yield "remove_domain", capbuf.remove_domain, {"name": "none", "folder": None}


def messages(folder: pathlib.Path) -> Iterator[tuple[str, str]]:
    for name, call, right in calls(folder):
        for argument in right:
            for value in BAD:
                try:
                    made = call(**{**right, argument: value})
                except Exception as error:
                    assert "unexpected keyword" not in str(error), name
                    yield f"{name}({argument}={str(value)[:40]!r} of type {type(value).__name__})", str(error)
                else:
                    if hasattr(made, "close"):
                        made.close()


def test_messages_have_no_words_of_rust(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checked, wrong = 0, {}
    for what, message in messages(tmp_path):
        checked += 1
        assert message, what
        found = FOREIGN.search(ALLOWED.sub("", message))
        if found:
            wrong[what] = message
    assert checked > 1000
    assert not wrong, "\n".join(f"{what}: {message}" for what, message in wrong.items())


@pytest.mark.parametrize(
    "message",
    ["length is Seconds(1e308)", "-1; allowed: u64", "channels is Some(3)", "'float' object cannot be interpreted as an integer", "expected a sequence", "Os { code: 2 }"],
)
def test_words_of_rust_are_found(message: str) -> None:
    assert FOREIGN.search(ALLOWED.sub("", message))
