"""A forked child may read. All else is `Forked` at once, and nothing of its parent is harmed."""

import ctypes
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from conftest import RATE, START, Background, eventually, fork, position

import capbuf

# These tests fork processes that have threads, which newer versions of Python warn about.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def wait_for(child: int, seconds: float = 30) -> int:
    """Return the exit code of a child, which is killed if it hangs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


def forked(call: Callable[[], object]) -> None:
    with pytest.raises(capbuf.Forked):
        call()


@contextmanager
def running(*works: Callable[[], object]) -> Iterator[None]:
    """Repeat each of `works` on a thread of its own."""
    stop = threading.Event()

    def repeat(work: Callable[[], object]) -> None:
        while not stop.is_set():
            work()

    threads = [Background(lambda work=work: repeat(work)) for work in works]  # type: ignore[misc]
    try:
        yield
    finally:
        stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("where", ["private", "domain"])
def test_storm_of_forks_hangs_no_child_and_harms_no_ring(where: str) -> None:
    registry = capbuf.Registry.private() if where == "private" else capbuf.open("birds")
    kept = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    loud = registry.allocate("loud", seconds=10, sample_rate_hz=RATE)
    writer = kept.writer()
    writer.write(position(0, RATE), at=START)
    large = loud.writer()
    much = position(0, 9 * RATE)
    windows = kept.windows(0.1)
    out = np.zeros((RATE, 1), "int16")
    turn = 0

    def churn() -> None:
        nonlocal turn
        turn += 1
        name = f"c{turn % 3}"
        registry.get_or_allocate(name, seconds=1, sample_rate_hz=RATE)
        if turn % 2:
            # The other thread may have removed it.
            with suppress(capbuf.NotFound):
                registry.remove(name)

    def report() -> None:
        registry.metrics_text()
        registry.buffers()
        registry.allocation_report()

    def read() -> None:
        kept.read_frames(0, RATE, out=out)

    def spec(source: str) -> Callable[[], object]:
        return lambda: registry.get_or_allocate(source, seconds=1, sample_rate_hz=RATE)

    def allocates_or_is_refused() -> None:
        try:
            spec("c0")()
        except capbuf.Forked:
            pass

    def closes_the_writer() -> None:
        assert "parent process" in repr(large)
        large.close()
        assert large.closed

    operations: list[Callable[[], object]] = [
        lambda: registry.get("c0"),
        lambda: [name in registry for name in ("c0", "c1", "c2", "mic")],
        allocates_or_is_refused,
        registry.buffers,
        registry.metrics_text,
        registry.allocation_report,
        registry.stats,
        lambda: forked(spec("new")),
        lambda: forked(lambda: registry.allocate("new", seconds=1)),
        lambda: forked(lambda: registry.remove("c1")),
        lambda: forked(registry.sweep),
        lambda: forked(registry.trim_pool),
        lambda: forked(registry.watch),
        lambda: forked(lambda: registry.claim_source("x")),
        lambda: forked(kept.writer),
        lambda: forked(lambda: writer.write(much)),
        lambda: forked(lambda: large.write(much)),
        lambda: forked(large.gap),
        lambda: forked(lambda: large.next_frame),
        closes_the_writer,
        lambda: kept.status(),
        lambda: loud.opened_by() if where == "domain" else None,
        lambda: np.testing.assert_array_equal(kept.last(1, dtype="int16").samples[:, 0], position(0, RATE)),
        read,
        lambda: next(windows),
        registry.close,
    ]
    with running(churn, churn, report, read, lambda: large.write(much)):
        for _ in range(8):
            for operation in operations:
                assert wait_for(fork(operation)) == 0
    assert next(windows).first_frame == 0
    writer.write(position(RATE, RATE), at=START + 1)
    assert np.array_equal(kept.last(2, dtype="int16").samples[:, 0], position(0, 2 * RATE))
    assert kept.status().has_writer


def test_array_and_windows_in_use_at_the_fork_can_be_used_in_the_child() -> None:
    registry = capbuf.Registry.private()
    buffer = registry.allocate("mic", seconds=20, sample_rate_hz=48000)
    with buffer.writer() as writer:
        writer.write(np.arange(20 * 48000, dtype="int16"), at=START)
    out = np.zeros((15 * 48000, 1), "float32")
    windows = buffer.windows(15.0, hop=0.0001, out=out)

    def child() -> None:
        assert buffer.read_frames(0, 15 * 48000, out=out).samples is out
        assert out[1, 0] == np.float32(1 / 32768)
        assert next(windows).samples is out

    def use() -> None:
        try:
            buffer.read_frames(0, 15 * 48000, out=out)
        except capbuf.Busy:
            pass

    with running(use):
        for _ in range(40):
            assert wait_for(fork(child)) == 0


def test_child_ends_at_once_whatever_its_parent_captures(folder: pathlib.Path) -> None:
    registry = capbuf.open("birds")
    captures = [capbuf.record(f"tone:{400 + number}", 20, registry=registry) for number in range(3)]
    station = capbuf.Station(registry)
    station.reconfigure([capbuf.SourceConfig(f"tone {hertz}", f"tone:{hertz}") for hertz in (500, 600)])
    watch = registry.watch(every=0.01)
    clips = folder / "clips"
    clips.mkdir(parents=True)
    trigger = capbuf.Trigger(registry, "tone:400", clips)
    eventually(lambda: all(source.buffer is not None for source in station.sources()))

    def child() -> None:
        forked(captures[0].stop)
        assert captures[0].state.name == "failed"
        assert len(captures[0].buffer.frames) == 2
        forked(lambda: station.reconfigure([]))
        forked(station.stop)
        forked(station.sources)
        forked(watch.next_event)
        forked(trigger.fire)
        forked(trigger.next_clip)
        forked(lambda: capbuf.record("tone:900", 20, registry=registry))
        for handle in (captures[0], station, watch, trigger, registry):
            handle.close()
        captures.clear()

    assert wait_for(fork(child)) == 0
    assert [source.state.name for source in station.sources()] == ["running", "running"]
    frames = captures[0].buffer.frames[1]
    eventually(lambda: captures[0].buffer.frames[1] > frames)
    trigger.close()
    assert station.stop()
    assert all(capture.stop() for capture in captures)


def test_worker_that_exits_drops_what_its_parent_captures_at_once() -> None:
    program = """
import os, sys, capbuf
registry = capbuf.open("birds")
captures = [capbuf.record(f"tone:{400 + number}", 20, registry=registry) for number in range(12)]
station = capbuf.Station(registry)
station.reconfigure([capbuf.SourceConfig("tone", "tone:500")])
watch = registry.watch()
trigger = capbuf.Trigger(registry, "tone:400", os.environ["CAPBUF_DIR"])
child = os.fork()
if child == 0:
    sys.exit(0)
print(os.waitpid(child, 0)[1], all(capture.stop() for capture in captures), station.stop(), flush=True)
os._exit(0)
"""
    # A child that waited five seconds for each of them would not end in time.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0 True True\n", "")


def test_child_of_a_fork_without_handlers_is_seen_as_a_child() -> None:
    # PyDLL keeps the interpreter's lock, as `os.fork` does.
    bare_fork = getattr(ctypes.PyDLL(None), "_Fork", None)
    if bare_fork is None:
        pytest.skip("glibc before 2.34 has no _Fork")
    registry = capbuf.open("birds")
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    writer = buffer.writer()
    writer.write(position(0, RATE), at=START)
    child = bare_fork()
    if child == 0:
        code = 1
        try:
            forked(lambda: writer.write(position(RATE, 10)))
            forked(lambda: registry.remove("mic"))
            code = 0 if len(buffer.last(1)) == RATE else 2
        finally:
            os._exit(code)
    assert wait_for(child) == 0
    writer.write(position(RATE, RATE), at=START + 1)
    assert np.array_equal(buffer.last(2, dtype="int16").samples[:, 0], position(0, 2 * RATE))


@pytest.mark.parametrize("opened_by", ["parent", "host"])
def test_descriptors_of_a_host_that_closed_the_open_ones_are_left_alone(tmp_path: pathlib.Path, opened_by: str) -> None:
    def open_all() -> list[capbuf.Writer | capbuf.SourceClaim | capbuf.CaptureBuffer | capbuf.Registry]:
        registry = capbuf.open("birds")
        buffer = registry.allocate("mic", seconds=1, lifetime="while open")
        return [buffer.writer(), registry.claim_source("mic"), buffer, registry]

    of_parent = open_all() if opened_by == "parent" else []
    saved = [os.dup(0), os.dup(1), os.dup(2)]

    def daemon() -> None:
        handles = of_parent or open_all()
        # As a daemon does: it closes all open files, and opens its own.
        os.closerange(3, max(saved) + 64)
        logs = [os.open(tmp_path / f"own{number}", os.O_RDWR | os.O_CREAT) for number in range(40)]
        before = [os.fstat(log).st_ino for log in logs]

        def grandchild() -> None:
            assert [os.fstat(log).st_ino for log in logs] == before
            for handle in handles:
                handle.close()
            assert [os.fstat(log).st_ino for log in logs] == before

        assert wait_for(fork(grandchild)) == 0
        for handle in handles:
            handle.close()
        assert [os.fstat(log).st_ino for log in logs] == before
        assert all(os.fstat(log).st_size == 0 for log in logs)

    try:
        assert wait_for(fork(daemon)) == 0
    finally:
        for descriptor in saved:
            os.close(descriptor)
    assert not of_parent or "mic" in capbuf.open("birds")


def test_child_holds_none_of_thousands_of_locks_of_its_dead_parent() -> None:
    locks = 1500
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < locks + 500:
        pytest.skip(f"this user may open {limits[1]} files")
    program = f"""
import os, resource, sys, capbuf
resource.setrlimit(resource.RLIMIT_NOFILE, ({locks + 500}, {limits[1]}))
registry = capbuf.open("birds")
claims = [registry.claim_source(str(number)) for number in range({locks})]
if os.fork() == 0:
    sys.stdin.readline()
    os._exit(0)
print("forked", flush=True)
os.kill(os.getpid(), 9)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        assert parent.stdout.readline() == "forked\n"
        parent.wait(60)
        # Its child lives until it reads the end of its input.
        registry = capbuf.open("birds")
        for number in range(locks):
            registry.claim_source(str(number)).close()
        parent.stdin.close()
