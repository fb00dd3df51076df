"""An argument of any type and value is accepted, or refused by an `Error`, by no other class."""

import inspect
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from conftest import RATE, START

import capbuf


class Hostile:
    """Has conversions, all of which raise."""

    def __index__(self) -> int:
        raise ZeroDivisionError

    __len__ = __float__ = __index__

    def __fspath__(self) -> str:
        raise ZeroDivisionError


MAGIC = ("__getitem__", "__contains__")

WRONG: list[Any] = [None, 5, -1, 10**400, 1.5, float("nan"), b"mic", "text", "\ud800", "a\0b", "", object(), [1], (1, 2), {}, Hostile(), np.zeros(3, object), np.float32(1), capbuf, lambda: None]

VALID: dict[str, Any] = {
    "source": "mic",
    "start": START,
    "end": START + 0.5,
    "first": 0,
    "seconds": 0.1,
    "around": START + 0.5,
    "before": 0.1,
    "after": 0.1,
    "samples": np.zeros(10, "int16"),
    "data": bytes(20),
    "locator": "tone:440",
    "sources": [],
    "name": "none",
}


def parameters(call: Callable[..., object]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(call).parameters)


def calls(path: pathlib.Path) -> Iterator[tuple[str, Callable[..., object], dict[str, Any]]]:
    """Every public function, constructor and method, with the arguments it needs."""
    registry = capbuf.open("foreign")
    buffer = registry.allocate("mic", seconds=2, sample_rate_hz=RATE)
    writer = buffer.writer()
    writer.write(np.zeros(RATE, "int16"), at=START)
    windows = buffer.windows(0.1)
    capture = capbuf.record("tone:440", registry=registry)
    valid = {**VALID, "registry": registry, "folder": path, "path": path / "x.wav"}
    things: list[Any] = [registry, buffer, writer, windows, next(windows), capture, registry.watch(), capbuf.Station(registry), capbuf.Trigger(registry, "mic", path)]
    ends = {"close", "stop"}
    found: list[Callable[..., object]] = [capbuf.open, capbuf.record, capbuf.redact, capbuf.clip_name, capbuf.domains, capbuf.remove_domain]
    found += [capbuf.Registry.private, capbuf.Registry.open, capbuf.SourceConfig, capbuf.Station, capbuf.Trigger]
    for thing in things:
        names = [name for name in dir(thing) if not name.startswith("_") and name not in ends]
        found += [getattr(thing, name) for name in names if inspect.isroutine(getattr(type(thing), name, None))]
    for call in found:
        needed = {name: valid[name] for name, parameter in parameters(call).items() if parameter.default is parameter.empty}
        yield f"{getattr(call, '__qualname__', call)}", call, needed
    for name in MAGIC:
        yield name, getattr(registry, name), {}


def test_every_argument_is_accepted_or_refused_by_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A text is accepted as a folder.
    monkeypatch.chdir(tmp_path)
    foreign: list[str] = []
    count = 0
    for name, call, needed in calls(tmp_path):
        names = parameters(call)
        # None waits for ever.
        arguments = {**needed, "wait": 0} if "wait" in names else needed
        for parameter, wrong in [(parameter, wrong) for parameter in names for wrong in WRONG if parameter != "wait" or wrong is not None]:
            if name.endswith("clip_around") and isinstance(wrong, int | float | np.floating):
                # Waits for the end of the clip.
                continue
            count += 1
            try:
                returned: Any = call(wrong) if name in MAGIC else call(**{**arguments, parameter: wrong})
                if hasattr(returned, "close"):
                    returned.close()
            except capbuf.Error:
                continue
            except Exception as error:
                foreign.append(f"{name}({parameter}={type(wrong).__name__} {str(wrong)[:20]!r}): {type(error).__name__}: {error}"[:160])
    assert foreign == []
    assert count > 500


def test_wrong_type_names_the_argument(registry: capbuf.Registry) -> None:
    untyped: Any = registry
    for call in (lambda: untyped[5], lambda: b"mic" in untyped, lambda: untyped.get(None), lambda: untyped.allocate(5, seconds=1)):
        with pytest.raises(capbuf.InvalidType, match="source is") as refused:
            call()
        assert isinstance(refused.value, TypeError)
        assert refused.value.what == "source"
        assert refused.value.allowed == "str"


def test_memory_beyond_the_budget_is_refused() -> None:
    with pytest.raises(capbuf.OverBudget) as refused:
        capbuf.Registry.private(budget_bytes=1).allocate("mic", seconds=1)
    assert isinstance(refused.value, MemoryError)
    assert refused.value.limit_bytes == 1
