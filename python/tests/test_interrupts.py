"""Ctrl-C ends every wait."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import Background, eventually, until_polling

import capbuf

WAITS = {
    "a read": "buffer.last(1, wait=None)",
    "a read into memory": "buffer.last(1, wait=None, out=numpy.zeros((8000, 1), 'int16'))",
    "a partial read": "buffer.read_frames(0, 8000, wait=None, available=True)",
    "a clip": "buffer.clip_frames('x.wav', 0, 8000, wait=None)",
    "a clip around a moment": "buffer.clip_around('x.wav', time.time(), 1, 100)",
    "the writing of a clip": "[full.clip_frames(f'{folder.name}/x.flac', 0, 10**9, available=True, overwrite=True) for _ in range(1000)]",
    "a loop over clips": "next(capbuf.Trigger(registry, 'mic', '.'))",
    "a loop over windows": "next(buffer.windows(1))",
    "a loop over events": "next(registry.watch())",
    "an awaited read": "asyncio.run(read())",
    # A server that accepts a connection and sends nothing.
    "the opening of a source": "capbuf.record(f'rtsp://127.0.0.1:{server.getsockname()[1]}/', registry=registry)",
    # Another process that is allocating this buffer, and has stopped.
    "an allocation": "domain.get_or_allocate('mic', seconds=1)",
    "a removal": "other.remove('pending')",
    "a claim": "domain.claim_source('mic')",
    # Another process that is removing this buffer, and has stopped.
    "a lookup": "other.get('pending')",
    "a test": "'pending' in other",
    "a list": "other.buffers()",
    "a length": "len(other)",
    # Another process that is opening or removing the domain, and has stopped.
    "the opening of a domain": "capbuf.open('locked')",
}

PROGRAM = """
import asyncio, faulthandler, fcntl, os, signal, socket, sys, threading, time
import tempfile, numpy, capbuf

# A wait that Ctrl-C does not end fails the test instead of hanging it.
faulthandler.dump_traceback_later(180, exit=True)
registry = capbuf.Registry.private()
buffer = registry.allocate("mic", seconds=10, sample_rate_hz=8000)
folder = tempfile.TemporaryDirectory()
if "full" in {wait!r}:
    full = registry.allocate("full", seconds=300, sample_rate_hz=48000)
    full.writer().write(numpy.random.default_rng(1).integers(-9000, 9000, 300 * 48000).astype("int16"))
server = socket.create_server(("127.0.0.1", 0))
domain = capbuf.open("birds")
# An allocation locks one file, named by the hash of the source: learn its name, then hold the lock.
if "domain" in {wait!r}:
    seen = set()
    def watch():
        while not any(name.endswith(".claim") for name in seen):
            seen.update(os.listdir(domain.path))
    watcher = threading.Thread(target=watch)
    watcher.start()
    while watcher.is_alive():
        domain.allocate("mic", seconds=1)
        domain.remove("mic")
    lock_file = open(domain.path / next(name for name in seen if name.endswith(".claim")), "w")
    os.chmod(lock_file.fileno(), 0o600)
    fcntl.flock(lock_file, fcntl.LOCK_EX)

if "other" in {wait!r}:
    pending = domain.allocate("pending", seconds=1)
    other = capbuf.open("birds")
    [ring] = domain.path.glob("*.ring")
    ring = open(ring, "r+b", buffering=0)
    fcntl.flock(ring, fcntl.LOCK_EX)
    # By the documented layout: the removal is pending.
    os.pwrite(ring.fileno(), (2).to_bytes(4, sys.byteorder), 184)
if "locked" in {wait!r}:
    locked = capbuf.open("locked")
    key = open(locked.path / ".key", "rb")
    fcntl.flock(key, fcntl.LOCK_EX)

async def read():
    await buffer.alast(1)

signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("waiting", flush=True)
    {wait}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    os._exit(0)
print("not interrupted", flush=True)
os._exit(1)
"""


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_ctrl_c_ends_wait(wait: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(wait=wait)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        until_polling(process=child.pid)
        assert child.poll() is None
        os.kill(child.pid, signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        assert child.wait(60) == 0


def test_interrupted_clip_leaves_no_file(registry: capbuf.Registry, tmp_path: pathlib.Path) -> None:
    buffer = registry.allocate("mic", seconds=300, sample_rate_hz=48000)
    with buffer.writer() as writer:
        writer.write(np.random.default_rng(1).integers(-9000, 9000, 300 * 48000).astype("int16"))

    def is_writing() -> bool:
        """Return whether a file in the folder is open; it has no name before it is complete."""
        return any(os.path.realpath(entry).startswith(str(tmp_path)) for entry in pathlib.Path("/proc/self/fd").iterdir())

    def interrupt() -> None:
        eventually(is_writing)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell starts background processes with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupting = Background(interrupt)
        with pytest.raises(KeyboardInterrupt):
            # Write again if the thread was delayed until the clip was complete.
            while interrupting.is_running:
                buffer.clip_frames(tmp_path / "x.flac", 0, 10**9, available=True).path.unlink()
            eventually(lambda: False)
        interrupting.join()
    finally:
        signal.signal(signal.SIGINT, before)
    eventually(lambda: not is_writing())
    assert not any(tmp_path.iterdir())
