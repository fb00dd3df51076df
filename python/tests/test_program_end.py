"""A program ends without an abort, whatever its callbacks and daemon threads do meanwhile."""

import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest

START = """
import atexit, os, sys, threading, time
import numpy
import capbuf

registry = capbuf.Registry.private()
entered, returned = threading.Event(), threading.Event()
folder = sys.argv[1]


def watching(callback):
    names = ("rtsp://cam/1", "rtsp://cam/1/")
    buffers = [registry.get_or_allocate(name, seconds=1) for name in names]
    return buffers, registry.watch(callback, every=0.005)


def triggering(callback):
    capture = capbuf.record("tone:440", 10, registry=registry)
    capture.buffer.last(0.2, wait=60)
    trigger = capbuf.Trigger(registry, "tone:440", folder, before=0.1, after=0.1, callback=callback)
    trigger.fire()
    return capture, trigger

"""

BUSY = """
def callback(_):
    entered.set()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        sum(range(1000))
    print("callback returned", flush=True)


kept = BEGIN(callback)
assert entered.wait(60)
print("main ends", flush=True)
"""


def program(code: str, folder: pathlib.Path) -> list[str]:
    return [sys.executable, "-c", START + textwrap.dedent(code), str(folder)]


def run(code: str, folder: pathlib.Path, exit_code: int = 0) -> tuple[list[str], str]:
    """Run a program to its end; return the lines of its output, and its standard error."""
    ended = subprocess.run(program(code, folder), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == exit_code, ended.stderr
    return ended.stdout.splitlines(), ended.stderr


@pytest.mark.parametrize("begin", ["watching", "triggering"])
def test_callback_that_runs_at_the_end_returns(begin: str, tmp_path: pathlib.Path) -> None:
    lines, errors = run(BUSY.replace("BEGIN", begin), tmp_path)
    assert lines == ["main ends", "callback returned"]
    assert errors == ""


def test_callback_that_never_returns_does_not_abort(tmp_path: pathlib.Path) -> None:
    code = """
    def callback(_):
        entered.set()
        while True:
            sum(range(1000))

    kept = watching(callback), triggering(callback)
    assert entered.wait(60)
    # Called before the handler of capbuf, which was registered earlier.
    atexit.register(print, "ending", flush=True)
    """
    with subprocess.Popen(program(code, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ending\n"
        # Ctrl-C ends the wait for the callback.
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        # By the signal, if the last one came after the interpreter.
        assert process.returncode in (0, -signal.SIGINT), process.stderr


def test_exit_and_exceptions_in_a_callback_do_not_end_the_program(tmp_path: pathlib.Path) -> None:
    code = """
    hooked = []
    sys.unraisablehook = lambda unraisable: hooked.append(unraisable.exc_type.__name__)

    def callback(_):
        entered.set()
        sys.exit(7)

    kept = watching(callback), triggering(callback)
    end = time.monotonic() + 60
    while len(hooked) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    print(hooked, flush=True)
    """
    lines, _ = run(code, tmp_path)
    assert lines == ["['SystemExit', 'SystemExit']"]


def test_process_can_be_ended_in_a_callback(tmp_path: pathlib.Path) -> None:
    run("kept = watching(lambda _: os._exit(7))\ntime.sleep(60)", tmp_path, exit_code=7)


DAEMONS = {
    "reads": "buffer.last(1)",
    "reads a little": "buffer.last(0.01).start",
    "waits": "refused(lambda: buffer.read_frames(10**9, 10**9 + 1, wait=0.01))",
    "errors": "refused(lambda: buffer.read_frames(10**9, 10**9 + 1))",
    "writes": "writer.write(samples)",
    "writes a little": "writer.write(samples[:10])",
    "allocates": "capbuf.Registry.private().get_or_allocate('mic', seconds=1)",
    "reports": "registry.allocation_report().to_dict()",
}


@pytest.mark.parametrize("call", DAEMONS.values(), ids=DAEMONS)
def test_daemon_threads_do_not_abort(call: str, tmp_path: pathlib.Path) -> None:
    code = f"""
    buffer = registry.get_or_allocate("mic", seconds=4)
    writer = buffer.writer()
    samples = numpy.zeros(4 * 48000, "int16")
    writer.write(samples)
    started = threading.Barrier(5)

    def refused(call):
        try:
            call()
        except capbuf.Error:
            pass

    def work():
        {call}
        started.wait()
        while True:
            {call}

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    started.wait()
    """
    for _ in range(3):
        assert run(code, tmp_path) == ([], "")


def test_object_that_is_finalized_last_can_read_and_write(tmp_path: pathlib.Path) -> None:
    code = """
    import builtins

    class Last:
        def __init__(self):
            self.buffer = registry.get_or_allocate("mic", seconds=1, sample_rate_hz=8000)
            self.writer = self.buffer.writer()

        def __del__(self):
            self.writer.write_bytes(bytes(1600), at=1_700_000_000.0)
            self.writer.close()
            try:
                self.buffer.read_frames(0, 801)
            except BlockingIOError as error:
                os.write(1, type(error).__name__.encode() + b" ")
            read = self.buffer.read(1_700_000_000.0, 1_700_000_000.1)
            os.write(1, b"%d frames" % len(read.samples))

    builtins.kept = Last()
    """
    lines, errors = run(code, tmp_path)
    assert lines == ["NotYet 800 frames"]
    assert errors == ""


def test_sources_end_with_the_program(tmp_path: pathlib.Path) -> None:
    code = """
    kept = capbuf.record("tone:440", registry=registry), capbuf.Station(registry)
    kept[1].reconfigure(["tone:880"])

    class Last:
        def __del__(self):
            try:
                kept[0].state
            except capbuf.Closed:
                os.write(1, b"closed ")
            os.write(1, b"True" if kept[1].closed else b"False")

    last = Last()
    """
    lines, _ = run(code, tmp_path)
    assert lines == ["closed True"]
