"""Prints every text that the Python package returns for sources with secrets in their names.

    secret_leak_probe.py FOLDER CLIPS

See tests/secrets/run, which passes the sources on standard input.
"""

import pathlib
import sys
import time
import traceback
from collections.abc import Callable

import capbuf
import numpy
from capbuf.prometheus import CapbufCollector


def print_section(what: str, *values: object) -> None:
    print(f"## {what}", *(f"{value!s} {value!r}" for value in values), sep="\n", flush=True)


def expect_failure(what: str, call: Callable[[], object]) -> None:
    try:
        call()
    except capbuf.Error as error:
        print_section(what, error, vars(error), traceback.format_exc(), getattr(error, "__notes__", []))
    else:
        raise AssertionError(f"{what}: the call succeeded")


def shape(seconds: float = 1.0, channels: int = 1) -> dict[str, float]:
    return {"seconds": seconds, "sample_rate_hz": 8000, "channels": channels}


def probe_station(camera: str, sources: list[str]) -> capbuf.Station:
    configs = [capbuf.SourceConfig(sources[0], camera), capbuf.SourceConfig(sources[2], "tone:440")]
    print_section("configuration", configs)
    with capbuf.Station(capbuf.Registry.private()) as station:
        print_section("station", station.reconfigure(configs))
        while {source.state.name for source in station.sources()} != {"backing off", "running"}:
            time.sleep(0.01)
        print_section("station", station, station.sources(), [(source.state, source.state.reason) for source in station.sources()])
        expect_failure("configuration", lambda: station.reconfigure([sources[1], sources[1]]))
        print_section("station", station.reconfigure([sources[2]]), station.reconfigure([]))
    return station


def probe_all(folder: str, clips: pathlib.Path, camera: str, sources: list[str]) -> None:
    registry = capbuf.open("cameras", folder=folder, track_allocations=True)
    buffers = [registry.get_or_allocate(source, **shape()) for source in sources]
    for source in sources:
        expect_failure("already exists", lambda: registry.allocate(source, **shape()))
        expect_failure("spec mismatch", lambda: registry.get_or_allocate(source, **shape(channels=2)))
        expect_failure("invalid source", lambda: registry.get_or_allocate(f"{source}\t", **shape()))
        print_section("redacted", capbuf.redact(source))
        print_section("clip", capbuf.clip_name(source, 0))
    expect_failure("invalid argument", lambda: capbuf.open(sources[0], folder=folder))

    one, removed = buffers[:2]
    writer = one.writer()
    expect_failure("writer busy", one.writer)
    claim = registry.claim_source(sources[0])
    expect_failure("writer busy", lambda: registry.claim_source(sources[0]))
    writer.write(numpy.ones(12_000, "int16"))
    expect_failure("evicted", lambda: one.read_frames(0, 100))
    expect_failure("not yet", lambda: one.read_frames(12_000, 12_100))
    expect_failure("timed out", lambda: one.read_frames(12_000, 12_100, wait=0.001))
    clip = one.clip_frames(clips / capbuf.clip_name(sources[0], 1), 11_000, 12_000)
    print_section("clip", clip)
    expect_failure("clip", lambda: one.clip_frames(clips / "nowhere" / "x.wav", 11_000, 12_000))
    print_section("clip around", one.clip_around(clips / "around.flac", clip.start_utc_ns + 10_000_000, before=0.01, after=0.01))
    expect_failure("clip around", lambda: one.clip_around(clips / "nowhere" / "x.wav", clip.start_utc_ns, before=0.01, after=0.01))
    for into in (clips, clips / "nowhere"):
        with capbuf.Trigger(registry, sources[0], into, before=0.01, after=0.01) as trigger:
            trigger.fire(clip.start_utc_ns + 10_000_000)
            writer.write(numpy.ones(800, "int16"))
            if into == clips:
                print_section("trigger", trigger, trigger.next_clip(wait=60))
            else:
                expect_failure("trigger", lambda: trigger.next_clip(wait=60))
    late = removed.writer()
    registry.remove(sources[1])
    expect_failure("removed", lambda: late.write(numpy.ones(10, "int16")))
    expect_failure("not found", lambda: registry[f"{sources[0]}2"])
    expect_failure("over budget", lambda: registry.get_or_allocate(f"{sources[0]}2", **shape(seconds=1e8)))
    expect_failure("capture failed", lambda: capbuf.record(camera, registry=registry, open_deadline=10))
    station = probe_station(camera, sources)
    with registry.watch(every=0.005, removed_held=0.001) as watch:
        kinds = set()
        while not kinds >= {"removed and held", "source under two names"}:
            event = watch.next_event(wait=60)
            assert event is not None
            print_section("events", event, event.to_json())
            kinds.add(event.kind)
    report = registry.allocation_report()
    print_section("report", report, report.to_dict())
    print_section("report as json", report.to_json())
    print_section("metrics", registry.metrics_text(), [metric.samples for metric in CapbufCollector(registry).collect()])
    print_section("metrics of the domain", registry.domain_metrics_text())
    print_section("objects", registry, buffers, writer, late, claim, watch, clip, trigger, station, [buffer.status() for buffer in buffers], one.windows(0.1))
    print("## done", flush=True)
    # The domain stays open until `run` has inspected it from outside.
    sys.stdin.read()


if __name__ == "__main__":
    camera, *sources = [line.rstrip("\n") for line in iter(sys.stdin.readline, "\n")]
    probe_all(sys.argv[1], pathlib.Path(sys.argv[2]), camera, sources)
