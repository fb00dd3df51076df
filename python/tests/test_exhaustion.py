"""A source that finds no room, or no descriptors, is opened again, and says why meanwhile."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import os, pathlib, resource, sys, time
import capbuf

def eventually(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, (what, station.sources())
        time.sleep(0.01)

def source(name):
    return capbuf.SourceConfig(name, "tone:440", seconds=5, sample_rate_hz=8000, retry_after=0.05, retry_at_most_after=0.1)

def state(name):
    [found] = [status for status in station.sources() if status.name == name]
    return found

registry = capbuf.open("birds")
station = capbuf.Station(registry)
station.reconfigure([source("first")])
eventually(lambda: state("first").state.name == "running", "the first runs")
buffer = registry["first"]
used = []
{use}
frames = buffer.frames[1]
station.reconfigure([source("first"), source("second")])
# It is tried again and again, says why, and never fails for good.
eventually(lambda: len(state("second").history) > 6, "attempts")
waiting = state("second")
assert waiting.state.name in ("starting", "backing off", "circuit open"), waiting
reasons = [change.reason for change in waiting.history if change.state != "starting"]
assert all({reason!r} in (reason or "") for reason in reasons), reasons
# The one that runs goes on.
eventually(lambda: buffer.frames[1] > frames + 800, "the first goes on")
assert (state("first").state.name, state("first").restarts) == ("running", 0)
{give_back}
eventually(lambda: state("second").state.name == "running", "the second runs")
eventually(lambda: registry["second"].frames[1] > 800, "the second has audio")
assert state("first").restarts == 0
station.close()
print("all well")
"""

FILL = """
folder = pathlib.Path(os.environ["CAPBUF_DIR"])
with open(folder / "full", "wb", buffering=0) as full:
    try:
        while full.write(bytes(1 << 12)):
            pass
    except OSError:
        pass
"""

EXHAUST = """
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    while True:
        used.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
"""


def run(command: list[str], use: str, give_back: str, reason: str) -> None:
    program = PROGRAM.format(use=textwrap.dedent(use), give_back=give_back, reason=reason)
    ended = subprocess.run([*command, sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert ended.stdout == "all well\n", ended.stderr


def test_source_waits_for_room_in_shared_memory(tmp_path: pathlib.Path) -> None:
    mount = 'mount -t tmpfs -o size=512k,mode=0700 capbuf-tests "$CAPBUF_DIR" && exec "$@"'
    for namespaces in (["--user", "--map-root-user", "--mount"], ["--mount"]):
        command = ["unshare", *namespaces, "sh", "-c", mount, "sh"]
        if subprocess.run([*command, "true"], capture_output=True, env={**os.environ, "CAPBUF_DIR": str(tmp_path)}).returncode == 0:
            break
    else:
        pytest.fail("unshare cannot mount a file system as this user: run the test as root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPBUF_DIR", str(tmp_path))
        run(command, FILL, '(folder / "full").unlink()', "bytes free; set CAPBUF_DIR")


def test_source_waits_for_descriptors() -> None:
    run([], EXHAUST, "[os.close(number) for number in used]", "Too many open files")
