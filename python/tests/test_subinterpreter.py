"""A subinterpreter can't import the package; the main interpreter can, before and after."""

import subprocess
import sys

import pytest

PROGRAM = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

script = '''
try:
    import capbuf
except ImportError as error:
    print(error, flush=True)
'''
if FIRST:
    import capbuf
other = interpreters.create()
interpreters.run_string(other, script)
interpreters.destroy(other)
import capbuf
print(capbuf.Registry.private().allocate("mic", seconds=1).source, flush=True)
"""


@pytest.mark.parametrize("first", [True, False], ids=["main first", "main last"])
def test_subinterpreter_is_refused(first: bool) -> None:
    code = PROGRAM.replace("FIRST", str(first))
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    refusal, source = ended.stdout.splitlines()
    assert refusal.startswith("capbuf can't be used in a subinterpreter")
    assert source == "mic"
