"""Everything that Python is told of sources with secrets in them: tells.py FOLDER CLIPS."""

import pathlib
import sys
import time
import traceback
from collections.abc import Callable

import capbuf
import numpy
from capbuf.prometheus import CapbufCollector


def tell(what: str, *told: object) -> None:
    print(f"## {what}", *(f"{thing!s} {thing!r}" for thing in told), sep="\n", flush=True)


def failed(what: str, call: Callable[[], object]) -> None:
    try:
        call()
    except capbuf.Error as error:
        tell(what, error, vars(error), traceback.format_exc(), getattr(error, "__notes__", []))
    else:
        raise AssertionError(f"{what}: it did not fail")


def shape(seconds: float = 1.0, channels: int = 1) -> dict[str, float]:
    return {"seconds": seconds, "sample_rate_hz": 8000, "channels": channels}


def tell_of_a_station(camera: str, sources: list[str]) -> capbuf.Station:
    configs = [capbuf.SourceConfig(sources[0], camera), capbuf.SourceConfig(sources[2], "tone:440")]
    tell("configuration", configs)
    with capbuf.Station(capbuf.Registry.private()) as station:
        tell("station", station.reconfigure(configs))
        while {source.state.name for source in station.sources()} != {"backing off", "running"}:
            time.sleep(0.01)
        tell("station", station, station.sources(), [(source.state, source.state.reason) for source in station.sources()])
        failed("configuration", lambda: station.reconfigure([sources[1], sources[1]]))
        tell("station", station.reconfigure([sources[2]]), station.reconfigure([]))
    return station


def tell_all(folder: str, clips: pathlib.Path, camera: str, sources: list[str]) -> None:
    registry = capbuf.open("cameras", folder=folder, track_allocations=True)
    buffers = [registry.get_or_allocate(source, **shape()) for source in sources]
    for source in sources:
        failed("already exists", lambda: registry.allocate(source, **shape()))
        failed("spec mismatch", lambda: registry.get_or_allocate(source, **shape(channels=2)))
        failed("invalid source", lambda: registry.get_or_allocate(f"{source}\t", **shape()))
        tell("redacted", capbuf.redact(source))
        tell("clip", capbuf.clip_name(source, 0))
    failed("invalid argument", lambda: capbuf.open(sources[0], folder=folder))

    one, removed = buffers[:2]
    writer = one.writer()
    failed("writer busy", one.writer)
    feed = registry.claim_source(sources[0])
    failed("writer busy", lambda: registry.claim_source(sources[0]))
    writer.write(numpy.ones(12_000, "int16"))
    failed("evicted", lambda: one.read_frames(0, 100))
    failed("not yet", lambda: one.read_frames(12_000, 12_100))
    failed("timed out", lambda: one.read_frames(12_000, 12_100, wait=0.001))
    clip = one.clip_frames(clips / capbuf.clip_name(sources[0], 1), 11_000, 12_000)
    tell("clip", clip)
    failed("clip", lambda: one.clip_frames(clips / "nowhere" / "x.wav", 11_000, 12_000))
    tell("clip around", one.clip_around(clips / "around.flac", clip.start_utc_ns + 10_000_000, before=0.01, after=0.01))
    failed("clip around", lambda: one.clip_around(clips / "nowhere" / "x.wav", clip.start_utc_ns, before=0.01, after=0.01))
    for into in (clips, clips / "nowhere"):
        with capbuf.Trigger(registry, sources[0], into, before=0.01, after=0.01) as trigger:
            trigger.fire(clip.start_utc_ns + 10_000_000)
            writer.write(numpy.ones(800, "int16"))
            if into == clips:
                tell("trigger", trigger, trigger.next_clip(wait=60))
            else:
                failed("trigger", lambda: trigger.next_clip(wait=60))
    late = removed.writer()
    registry.remove(sources[1])
    failed("removed", lambda: late.write(numpy.ones(10, "int16")))
    failed("not found", lambda: registry[f"{sources[0]}2"])
    failed("over budget", lambda: registry.get_or_allocate(f"{sources[0]}2", **shape(seconds=1e8)))
    failed("capture failed", lambda: capbuf.record(camera, registry=registry, open_deadline=10))
    station = tell_of_a_station(camera, sources)
    with registry.watch(every=0.005, removed_held=0.001) as watch:
        kinds = set()
        while not kinds >= {"removed and held", "source under two names"}:
            event = watch.next_event(wait=60)
            assert event is not None
            tell("events", event, event.to_json())
            kinds.add(event.kind)
    report = registry.allocation_report()
    tell("report", report, report.to_dict())
    tell("report as json", report.to_json())
    tell("metrics", registry.metrics_text(), [metric.samples for metric in CapbufCollector(registry).collect()])
    tell("metrics of the domain", registry.domain_metrics_text())
    tell("objects", registry, buffers, writer, late, feed, watch, clip, trigger, station, [buffer.status() for buffer in buffers], one.windows(0.1))
    print("## done", flush=True)
    # Until it is looked at from outside.
    sys.stdin.read()


if __name__ == "__main__":
    camera, *sources = [line.rstrip("\n") for line in iter(sys.stdin.readline, "\n")]
    tell_all(sys.argv[1], pathlib.Path(sys.argv[2]), camera, sources)
