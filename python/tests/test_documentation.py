"""The examples of the docstrings and of the README pass."""

import doctest
import inspect
import pathlib
import re

import pytest

import capbuf
from capbuf import _asyncio, _errors, _spec, prometheus

README = pathlib.Path(__file__).parents[1] / "README.md"
FLAGS = doctest.IGNORE_EXCEPTION_DETAIL


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for module in (capbuf, _asyncio, _errors, _spec, prometheus) for test in finder.find(module) if test.examples]
    # The finder skips functions and classes of the compiled module.
    for name in capbuf.__all__:
        thing = getattr(capbuf, name)
        if not inspect.isclass(thing) or issubclass(thing, Exception):
            continue
        members = {f"{name}.{member}": value for member, value in vars(thing).items() if getattr(value, "__doc__", None)}
        for title, member in {name: thing, **members}.items():
            found += [test for test in [doctest.DocTestParser().get_doctest(inspect.getdoc(member) or "", {}, title, None, 0)] if test.examples]
    for name in ("record", "redact", "clip_name", "open"):
        doc = inspect.getdoc(getattr(capbuf, name)) or ""
        found += [test for test in [doctest.DocTestParser().get_doctest(doc, {}, name, None, 0)] if test.examples]
    return list({test.name: test for test in found}.values())


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_docstring_example_passes(example: doctest.DocTest) -> None:
    output: list[str] = []
    results = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=output.append)
    assert results.failed == 0, "".join(output)


def test_main_classes_have_examples() -> None:
    names = {example.name for example in examples()}
    assert {"capbuf", "Registry", "CaptureBuffer", "CaptureBuffer.read", "CaptureBuffer.windows", "Writer", "record"} <= names
    assert {"AllocationReport", "Registry.watch", "Station", "Trigger", "CaptureBuffer.clip_around", "SourceConfig", "Registry.metrics_text", "capbuf.prometheus"} <= names


def test_every_public_name_has_a_docstring() -> None:
    for name in capbuf.__all__:
        thing = getattr(capbuf, name)
        if name != "__version__":
            assert inspect.getdoc(thing), name
        if inspect.isclass(thing) and thing.__module__ == "capbuf":
            for member, value in vars(thing).items():
                if inspect.isroutine(value) and not member.startswith("_"):
                    assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_readme_example_passes(number: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)[number]
    exec(compile(code, str(README), "exec"), {})
    if number == 0:
        assert "loud.wav: 48000 frames" in capsys.readouterr().out
        assert (tmp_path / "loud.wav").is_file()
