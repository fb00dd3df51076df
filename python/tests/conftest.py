"""What the tests share: domains of their own in shared memory, and buffers of known content."""

import os
import pathlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

import capbuf

START = 1_700_000_000.0
START_NS = 1_700_000_000_000_000_000
RATE = 8000


def position(first: int, frames: int) -> npt.NDArray[np.int16]:
    """A signal that tells its own frame number."""
    return ((np.arange(first, first + frames, dtype=np.int64) * 40503) & 0xFFFF).astype(np.uint16).view(np.int16)


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


def until_it_waits(thread: threading.Thread | None = None, process: int | None = None) -> None:
    """Waits until a thread of this process, or the main thread of another one, has gone to sleep several times."""
    task = f"{process}/task/{process}" if thread is None else f"self/task/{thread.native_id}"

    def sleeps() -> int:
        lines = pathlib.Path(f"/proc/{task}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))

    before = sleeps()
    eventually(lambda: sleeps() >= before + 3)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A folder for domains that no other test and no user has."""
    shared = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="capbuf-test-", dir=shared if shared.is_dir() else None) as name:
        path = pathlib.Path(name) / "domains"
        monkeypatch.setenv("CAPBUF_DIR", os.fspath(path))
        monkeypatch.delenv("CAPBUF_DOMAIN", raising=False)
        yield path


@pytest.fixture
def registry() -> capbuf.Registry:
    return capbuf.Registry.private()


@pytest.fixture
def buffer(registry: capbuf.Registry) -> capbuf.CaptureBuffer:
    """Ten seconds at 8 kHz, of which two seconds are written: the position signal from `START` on."""
    made = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    with made.writer() as writer:
        writer.write(position(0, 2 * RATE), at=START)
    return made
