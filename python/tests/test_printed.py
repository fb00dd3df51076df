"""``DEBUG_BUFFER_ALLOC`` alone has the reports of private registries printed to stderr."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

START = """
import os, signal, sys
import capbuf

registry = capbuf.Registry.private()
buffer = registry.get_or_allocate("rtsp://me:sesame@cam/1", seconds=1)
"""


def run(code: str, value: str = "true", exit_code: int = 0, before: str = "") -> str:
    """Run a program to its end; return its standard error."""
    environment = {**os.environ, "DEBUG_BUFFER_ALLOC": value}
    program = textwrap.dedent(before) + START + textwrap.dedent(code)
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == exit_code, ended.stderr
    assert "sesame" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "reports"),
    [
        ("", 0, 1),
        ("sys.exit(3)", 3, 1),
        ("raise ValueError", 1, 1),
        ("buffer.close(); registry.close()", 0, 1),
        ("os._exit(0)", 0, 0),
        ("if os.fork() == 0: sys.exit()\nos.wait()", 0, 1),
    ],
)
def test_report_is_printed_once_at_orderly_end(code: str, exit_code: int, reports: int) -> None:
    errors = run(code, exit_code=exit_code)
    assert errors.count("Allocations of a private registry") == reports
    assert errors.count("attempts 1, allocations 1, live buffers 1") == reports
    assert errors.count("<string>:") >= reports


def test_wrong_value_is_reported_and_nothing_else_happens() -> None:
    errors = run("", value="maybe").splitlines()
    assert len(errors) == 1
    assert '"maybe"' in errors[0]
    assert "true, 1, yes, on" in errors[0]
    assert run("", value="off") == ""


def test_report_is_printed_at_signal() -> None:
    code = START + "print('ready', flush=True); sys.stdin.read()"
    environment = {**os.environ, "DEBUG_BUFFER_ALLOC": "true"}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGUSR2)
        for line in child.stderr:
            if "at SIGUSR2" in line:
                break
        child.stdin.close()
        assert child.stderr.read().count("live buffers 1") == 2
        assert child.wait(60) == 0


def test_handler_of_the_program_stays() -> None:
    before = "import signal\nsignal.signal(signal.SIGUSR2, lambda *_: print('own', file=sys.stderr))\n"
    errors = run("os.kill(os.getpid(), signal.SIGUSR2)", before=before)
    assert "own\n" in errors
    assert "at SIGUSR2" not in errors
