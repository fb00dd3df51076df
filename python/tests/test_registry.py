"""One buffer for each source, found like in a mapping."""

import pathlib
import threading

import numpy as np
import pytest
from conftest import eventually

import capbuf


def test_a_source_has_one_buffer_however_many_ask(registry: capbuf.Registry) -> None:
    start = threading.Barrier(8)
    found: list[capbuf.CaptureBuffer] = []

    def ask() -> None:
        start.wait()
        found.append(registry.get_or_allocate("mic", seconds=1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert registry.stats().rings_allocated == 1


def test_it_is_used_like_a_mapping(registry: capbuf.Registry) -> None:
    assert len(registry) == 0 and "b" not in registry and registry.get("b") is None
    made = [registry.allocate(source, seconds=1) for source in ("b", "a")]
    assert "b" in registry and registry["b"] == made[0] == registry.get("b")
    assert made[0] != made[1] and made[0] != "b"
    assert list(registry) == ["a", "b"] == [buffer.source for buffer in registry.buffers()]
    with pytest.raises(KeyError) as missing:
        registry["c"]
    assert isinstance(missing.value, capbuf.NotFound) and missing.value.source == "c"
    assert str(missing.value) == "source c has no buffer"


def test_the_same_source_with_another_shape_is_refused_with_both(registry: capbuf.Registry) -> None:
    made = registry.get_or_allocate("mic", seconds=1.5, sample_rate_hz=16000, channels=2, sample_format="f32")
    with pytest.raises(capbuf.SpecMismatch) as refused:
        registry.get_or_allocate("mic", seconds=2)
    assert refused.value.existing == made.spec
    assert refused.value.requested == capbuf.Spec(seconds=2.0, sample_rate_hz=48000, channels=1, sample_format="s16")
    assert registry.get_or_allocate("mic", **refused.value.existing) == made
    with pytest.raises(capbuf.AlreadyExists) as exists:
        registry.allocate("mic", **made.spec)
    assert exists.value.existing == made.spec and exists.value.source == "mic"


def test_a_removed_buffer_stays_readable_and_is_written_no_more(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    writer = buffer.writer()
    registry.remove("mic")
    assert buffer.is_removed and len(buffer.last(1)) == 8000 and "mic" not in registry
    with pytest.raises(capbuf.Removed):
        writer.write(np.zeros(1, "int16"))
    with pytest.raises(capbuf.NotFound):
        registry.remove("mic")


def test_the_budget_is_kept() -> None:
    small = capbuf.Registry.private(budget_bytes=1_000_000)
    with pytest.raises(MemoryError) as refused:
        small.allocate("mic", seconds=60)
    assert isinstance(refused.value, capbuf.OverBudget)
    assert refused.value.limit_bytes == 1_000_000 < refused.value.requested_bytes
    with pytest.raises(capbuf.OverBudget, match="one buffer"):
        capbuf.Registry.private(max_buffer_bytes=1000).allocate("mic", seconds=60)


def test_memory_goes_back_when_the_last_handle_is_closed(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1)
    again = registry["mic"]
    registry.remove("mic")
    buffer.close()
    assert registry.stats().rings_unmapped == 0
    again.close()
    again.close()
    # The thread that commits a new ring's memory may still be at it.
    eventually(lambda: registry.stats().rings_unmapped == 1 and registry.stats().bytes == 0)


def test_a_domain_is_shared_by_registries_and_has_a_name(folder: pathlib.Path) -> None:
    with capbuf.open("birds") as one, capbuf.Registry.open("birds", folder=folder) as other:
        assert one.domain == "birds" == other.domain and one.path == folder / "birds"
        made = one.allocate("mic", seconds=1, lifetime="while open")
        assert other["mic"] == made and made.lifetime == "while open"
        (info,) = capbuf.domains()
        assert (info.name, info.path, info.buffers, info.processes) == ("birds", folder / "birds", 1, 2)
        assert other.sweep() == other.sweep()
        other.remove("mic")
        assert made.is_removed
    assert capbuf.Registry.private().domain is None and capbuf.Registry.private().path is None


def test_the_default_domain_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert capbuf.open().domain == "default"
    monkeypatch.setenv("CAPBUF_DOMAIN", "yard")
    assert capbuf.open().domain == "yard"


def test_a_domain_is_removed_by_its_name(folder: pathlib.Path) -> None:
    with capbuf.open("birds") as registry:
        buffer = registry.allocate("mic", seconds=1)
    capbuf.remove_domain("birds", folder=folder)
    assert buffer.is_removed
    with pytest.raises(capbuf.NotFound):
        capbuf.remove_domain("bats")


def test_who_feeds_a_source_is_one(registry: capbuf.Registry) -> None:
    for where in (registry, capbuf.open("birds")):
        with where.claim_source("rtsp://me:sesame@camera/1") as feed:
            assert feed.source == "rtsp://me:sesame@camera/1" and "sesame" not in repr(feed)
            with pytest.raises(BlockingIOError) as busy:
                where.claim_source("rtsp://me:sesame@camera/1")
            assert isinstance(busy.value, capbuf.WriterBusy) and "sesame" not in str(busy.value)
        assert feed.closed
        where.claim_source("rtsp://me:sesame@camera/1").close()


def test_nothing_shows_a_password(registry: capbuf.Registry) -> None:
    source = "rtsp://me:sesame@camera/1"
    buffer = registry.allocate(source, seconds=1)
    shown = [repr(buffer), repr(buffer.writer()), capbuf.redact(source), repr(registry), repr(buffer.status())]
    with pytest.raises(capbuf.AlreadyExists) as refused:
        registry.allocate(source, seconds=1)
    shown += [str(refused.value), repr(refused.value), refused.value.source]
    assert not [text for text in shown if "sesame" in text]
    assert buffer.source == source and source in registry
