"""A password in a source appears in no output: one search over all of it."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
from collections.abc import Iterator

import pytest
from conftest import Background, eventually

import capbuf
from capbuf.prometheus import CapbufCollector

SECRET = "sesame"
CAMERAS = [f"rtsp://me:{SECRET}@cam/1", f"rtsp://me:{SECRET}@cam/1/", f"http://door/a?token={SECRET}"]
COMMAND = pathlib.Path(__file__).parents[2] / "target" / "debug" / "capbuf"


def processes() -> Iterator[str]:
    """Yield the command lines of the children of this process."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid() and f"PPid:\t{os.getpid()}\n" in (folder / "status").read_text():
                yield (folder / "cmdline").read_text()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_password_appears_in_no_output(folder: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    outputs: dict[str, str] = {}
    with capbuf.open("birds", track_allocations=True) as domain, domain.watch(every=0.005) as watch:
        buffers = [domain.get_or_allocate(camera, seconds=1) for camera in CAMERAS]
        for camera in CAMERAS:
            for error in (capbuf.AlreadyExists, capbuf.SpecMismatch):
                with pytest.raises(error) as raised:
                    (domain.allocate if error is capbuf.AlreadyExists else domain.get_or_allocate)(camera, seconds=2)
                outputs[f"{error.__name__} {camera[:4]}"] = f"{raised.value!s} {raised.value!r} {vars(raised.value)}"
        with buffers[0].writer(), pytest.raises(capbuf.WriterBusy) as busy:
            buffers[0].writer()
        outputs["WriterBusy"] = f"{busy.value!s} {vars(busy.value)}"
        domain.remove(CAMERAS[2])
        with pytest.raises(capbuf.NotFound) as missing:
            domain[CAMERAS[2]]
        outputs["NotFound"] = f"{missing.value!s} {vars(missing.value)}"
        event = watch.next_event(wait=60)
        outputs["event"] = f"{event!s} {event!r} {event.to_json()} {event.source}"
        report = domain.allocation_report()
        outputs["report"] = f"{report!s} {report!r} {report.to_json()} {report.to_dict()}"
        outputs["metrics"] = domain.metrics_text() + domain.domain_metrics_text()
        outputs["collector"] = str([metric.samples for metric in CapbufCollector(domain).collect()])
        outputs["objects"] = f"{domain!r} {buffers!r} {[buffer.status() for buffer in buffers]!r}"
        outputs["clip"] = capbuf.clip_name(CAMERAS[0], 0)
        outputs["files"] = " ".join(os.fspath(path) for path in folder.rglob("*"))
        for arguments in (
            ["report"], ["report", "--json"], ["metrics"], ["list"], ["list", "--json"], ["top", "--once"], ["status", "cam/1/"],
            ["events", "--for", "1ms"], ["events", "--for", "1ms", "--json"], ["domains", "--json"], ["clip", "cam/1/", "--last", "1s"],
        ):  # fmt: skip
            command = subprocess.run([COMMAND, "--domain", "birds", *arguments], capture_output=True, text=True, cwd=folder)
            outputs[" ".join(arguments)] = command.stdout + command.stderr

        # A camera that accepts the connection and sends nothing keeps ffmpeg running.
        with socket.create_server(("127.0.0.1", 0)) as server:
            camera = f"rtsp://me:{SECRET}@127.0.0.1:{server.getsockname()[1]}/1"

            def open_it() -> None:
                with pytest.raises(capbuf.Error) as failed:
                    capbuf.record(camera, registry=domain, open_deadline=60)
                outputs["record"] = f"{failed.value!s} {vars(failed.value)}"

            opening = Background(open_it)
            eventually(lambda: any("ffmpeg" in line for line in processes()))
            outputs["processes"] = "\n".join(processes())
        # The camera has closed its connection.
        opening.join()
    outputs["output"] = "".join(capfd.readouterr())
    # The outputs are the right ones: they contain the rest of the names.
    assert all("cam" in outputs[what] for what in ("report", "metrics", "event", "list", "report --json", "AlreadyExists rtsp"))
    assert "ffmpeg" in outputs["processes"]
    assert {what: re.findall(f".*{SECRET}.*", text) for what, text in outputs.items() if SECRET in text} == {}
