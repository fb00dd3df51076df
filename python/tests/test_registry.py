"""The registry maps each source to one buffer."""

import pathlib

import numpy as np
import pytest
from conftest import at_once, eventually

import capbuf


def test_racing_threads_get_one_buffer(registry: capbuf.Registry) -> None:
    buffers = at_once(*[lambda: registry.get_or_allocate("mic", seconds=1)] * 8)
    assert len(buffers) == 8
    assert len(set(buffers)) == 1
    assert registry.stats().rings_allocated == 1


@pytest.mark.parametrize("track", [False, True])
def test_each_hit_counts_as_one_attempt(track: bool) -> None:
    registry = capbuf.Registry.private(track_allocations=track)
    for _ in range(3):
        registry.get_or_allocate("mic", seconds=1)
    metrics = registry.metrics_text()
    assert 'capbuf_allocation_attempts_total{result="allocated"} 1' in metrics
    assert 'capbuf_allocation_attempts_total{result="already_there"} 2' in metrics


def test_registry_is_a_mapping(registry: capbuf.Registry) -> None:
    assert len(registry) == 0
    assert "b" not in registry
    assert registry.get("b") is None
    made = [registry.allocate(source, seconds=1) for source in ("b", "a")]
    assert "b" in registry
    assert registry["b"] == made[0] == registry.get("b")
    assert made[0] != made[1]
    assert made[0] != "b"
    assert list(registry) == ["a", "b"] == [buffer.source for buffer in registry.buffers()]
    with pytest.raises(KeyError) as missing:
        registry["c"]
    assert isinstance(missing.value, capbuf.NotFound)
    assert missing.value.source == "c"
    assert str(missing.value) == "source c has no buffer"


def test_mismatching_shape_is_refused_with_both_shapes(registry: capbuf.Registry) -> None:
    made = registry.get_or_allocate("mic", seconds=1.5, sample_rate_hz=16000, channels=2, sample_format="f32")
    with pytest.raises(capbuf.SpecMismatch) as refused:
        registry.get_or_allocate("mic", seconds=2)
    assert refused.value.existing == made.spec
    assert refused.value.requested == capbuf.Spec(seconds=2.0, sample_rate_hz=48000, channels=1, sample_format="s16")
    assert registry.get_or_allocate("mic", **refused.value.existing) == made
    with pytest.raises(capbuf.AlreadyExists) as exists:
        registry.allocate("mic", **made.spec)
    assert exists.value.existing == made.spec
    assert exists.value.source == "mic"


def test_removed_buffer_is_readable_and_not_writable(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    writer = buffer.writer()
    registry.remove("mic")
    assert buffer.is_removed
    assert len(buffer.last(1)) == 8000
    assert "mic" not in registry
    with pytest.raises(capbuf.Removed):
        writer.write(np.zeros(1, "int16"))
    with pytest.raises(capbuf.NotFound):
        registry.remove("mic")


def test_allocation_beyond_budget_is_refused() -> None:
    small = capbuf.Registry.private(budget_bytes=1_000_000)
    with pytest.raises(MemoryError) as refused:
        small.allocate("mic", seconds=60)
    assert isinstance(refused.value, capbuf.OverBudget)
    assert refused.value.limit_bytes == 1_000_000 < refused.value.requested_bytes
    with pytest.raises(capbuf.OverBudget, match="one buffer"):
        capbuf.Registry.private(max_buffer_bytes=1000).allocate("mic", seconds=60)


def test_closing_last_handle_frees_memory(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1)
    again = registry["mic"]
    registry.remove("mic")
    buffer.close()
    assert registry.stats().rings_unmapped == 0
    again.close()
    again.close()
    # The thread that commits the memory of a new ring may hold it for a moment.
    eventually(lambda: registry.stats().rings_unmapped == 1 and registry.stats().bytes == 0)


def test_two_registries_share_a_domain(folder: pathlib.Path) -> None:
    with capbuf.open("birds") as one, capbuf.Registry.open("birds", folder=folder) as other:
        assert one.domain == "birds" == other.domain
        assert one.path == folder / "birds"
        made = one.allocate("mic", seconds=1, lifetime="while open")
        assert other["mic"] == made
        assert made.lifetime == "while open"
        (info,) = capbuf.domains()
        assert (info.name, info.path, info.buffers, info.processes) == ("birds", folder / "birds", 1, 1)
        assert other.sweep() == other.sweep()
        other.remove("mic")
        assert made.is_removed
    assert capbuf.Registry.private().domain is None
    assert capbuf.Registry.private().path is None


def test_environment_sets_default_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert capbuf.open().domain == "default"
    monkeypatch.setenv("CAPBUF_DOMAIN", "yard")
    assert capbuf.open().domain == "yard"


def test_remove_domain_removes_its_buffers(folder: pathlib.Path) -> None:
    with capbuf.open("birds") as registry:
        buffer = registry.allocate("mic", seconds=1)
    capbuf.remove_domain("birds", folder=folder)
    assert buffer.is_removed
    with pytest.raises(capbuf.NotFound):
        capbuf.remove_domain("bats")


def test_second_claim_on_a_source_is_refused(registry: capbuf.Registry) -> None:
    for where in (registry, capbuf.open("birds")):
        with where.claim_source("rtsp://me:sesame@camera/1") as claim:
            assert claim.source == "rtsp://me:sesame@camera/1"
            assert "sesame" not in repr(claim)
            with pytest.raises(BlockingIOError) as busy:
                where.claim_source("rtsp://me:sesame@camera/1")
            assert isinstance(busy.value, capbuf.WriterBusy)
            assert "sesame" not in str(busy.value)
        assert claim.closed
        where.claim_source("rtsp://me:sesame@camera/1").close()


def test_password_is_redacted(registry: capbuf.Registry) -> None:
    source = "rtsp://me:sesame@camera/1"
    buffer = registry.allocate(source, seconds=1)
    shown = [repr(buffer), repr(buffer.writer()), capbuf.redact(source), repr(registry), repr(buffer.status())]
    with pytest.raises(capbuf.AlreadyExists) as refused:
        registry.allocate(source, seconds=1)
    shown += [str(refused.value), repr(refused.value), refused.value.source]
    assert not [text for text in shown if "sesame" in text]
    assert buffer.source == source
    assert source in registry
