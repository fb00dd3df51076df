"""Measure calls: ns per call, beside an empty call and a copy of the same memory.

Asserts nothing. Meaningful numbers need an optimised build:
PROFILE=release scripts/python run python python/bench/calls.py
"""

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

import capbuf

RATE = 48_000
# Many short rounds: on a busy machine some of them are not interrupted.
ROUNDS = 400


def empty(source: str) -> bool:
    """Do nothing: the baseline of a Python call."""
    return source == ""


def ns_per_call(statement: str, calls: int, names: dict[str, Any]) -> float:
    timer = timeit.Timer(statement, globals=names)
    timer.timeit(calls // 10 + 1)
    # The minimum: interference only adds time.
    return min(timer.repeat(ROUNDS, calls)) / calls * 1e9


def main(show: Callable[[str], None] = print) -> None:
    registry = capbuf.Registry.private()
    buffer = registry.allocate("mic", seconds=60, sample_rate_hz=RATE)
    for number in range(100):
        registry.allocate(f"other {number}", seconds=0.1)
    writer = buffer.writer()
    writer.write(np.zeros(60 * RATE, "int16"))
    chunk, three = np.zeros((RATE // 100, 1), "int16"), np.zeros((3 * RATE, 1), "int16")
    names = {
        "empty": empty,
        "dictionary": {f"other {number}": None for number in range(100)} | {"mic": None},
        "registry": registry,
        "writer": writer,
        "buffer": buffer,
        "chunk": chunk,
        "data": chunk.tobytes(),
        "ring": np.zeros((60 * RATE, 1), "int16"),
        "three": three,
        "np": np,
        "end": 59 * RATE,
        "begin": 56 * RATE,
    }
    rows = [
        ("an empty function of Python's", "empty('mic')", 10_000),
        ("'mic' in a dict", "'mic' in dictionary", 10_000),
        ("'mic' in registry", "'mic' in registry", 10_000),
        ("registry.get('mic')", "registry.get('mic')", 5000),
        ("registry.get_or_allocate, a hit", "registry.get_or_allocate('mic', seconds=60)", 5000),
        ("writer.next_frame", "writer.next_frame", 5000),
        ("numpy copies 3 s", "np.copyto(three, ring[begin:end])", 100),
        ("read 3 s into memory", "buffer.read_frames(begin, end, out=three)", 100),
        ("numpy copies 3 s into new memory", "ring[begin:end].copy()", 100),
        ("read 3 s into new memory", "buffer.read_frames(begin, end, dtype='int16')", 100),
        ("read 3 s as float32", "buffer.read_frames(begin, end)", 100),
        # Writes come last: they evict the frames that are read.
        ("write 10 ms", "writer.write(chunk)", 5000),
        ("write 10 ms of bytes", "writer.write_bytes(data)", 5000),
        ("numpy copies 10 ms", "np.copyto(ring[:480], chunk)", 5000),
    ]
    for title, statement, calls in rows:
        show(f"{title:36} {ns_per_call(statement, calls, names):12.1f} ns")


if __name__ == "__main__":
    main()
