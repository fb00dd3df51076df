"""Each kind of error has a class with its code, its fields and a built-in base."""

import inspect
import pathlib
import re

import capbuf

CORE = pathlib.Path(__file__).parents[2] / "core" / "src" / "error.rs"


def kinds() -> dict[str, type[capbuf.Error]]:
    found = {name: getattr(capbuf, name) for name in capbuf.__all__}
    return {name: kind for name, kind in found.items() if inspect.isclass(kind) and issubclass(kind, capbuf.Error)}


def test_every_error_code_of_the_core_has_a_class() -> None:
    codes = {name: int(number) for name, number in re.findall(r"^    (\w+) = (\d+),$", CORE.read_text(), re.MULTILINE)}
    assert len(codes) >= 22
    assert {name: kind.code for name, kind in kinds().items() if kind.code is not None} == codes


def test_every_field_of_a_core_error_is_an_attribute() -> None:
    source = CORE.read_text()
    body = source[source.index("pub enum Error {") : source.index("pub enum ErrorCode")]
    renamed = {"source_name": "source", "waited": "waited_seconds", "holder": "pid"}
    for name, fields in re.findall(r"^    (\w+) \{\n(.*?)^    \},$", body, re.MULTILINE | re.DOTALL):
        names = re.findall(r"^        (\w+):", fields, re.MULTILINE)
        annotated = inspect.get_annotations(kinds()[name])
        assert {renamed.get(field, field) for field in names} <= set(annotated), name


def test_every_class_derives_from_a_builtin() -> None:
    for name, kind in kinds().items():
        assert kind.__doc__
        assert kind.__module__ == "capbuf._errors"
        if kind is not capbuf.Error:
            builtin = [base for base in kind.__mro__ if base.__module__ == "builtins"]
            assert builtin[0] not in (Exception, BaseException), name
    assert issubclass(capbuf.NotFound, KeyError)
    assert issubclass(capbuf.TimedOut, TimeoutError)
    error = capbuf.OutOfSpace("full", requested_bytes=7)
    assert isinstance(error, OSError)
    assert error.errno is not None
    assert error.requested_bytes == 7
    assert str(error) == "full"
