"""Reads return the requested frames, as the requested dtype, in the requested memory."""

import datetime as dt
import functools
import pathlib

import numpy as np
import numpy.typing as npt
import pytest
from conftest import RATE, START, START_NS, Background, position, until_polling

import capbuf

UTC = dt.timezone.utc


def test_all_representations_of_a_time_agree(buffer: capbuf.CaptureBuffer) -> None:
    start = dt.datetime.fromtimestamp(START, UTC) + dt.timedelta(milliseconds=500)
    elsewhere = start.astimezone(dt.timezone(dt.timedelta(hours=-7)))
    times: list[dt.datetime | float] = [start, elsewhere, START + 0.5, START_NS + 500_000_000]
    for begin in [*times, np.int64(START_NS + 500_000_000)]:
        segment = buffer.read(begin, START + 1.0)
        assert (segment.first_frame, segment.end_frame) == (RATE // 2, RATE)
        assert (segment.start_utc_ns, segment.start) == (START_NS + 500_000_000, start)
        assert segment.end == dt.datetime.fromtimestamp(START + 1, UTC)
        assert segment.end_utc_ns == START_NS + 10**9
    assert segment.sample_rate_hz == RATE
    assert segment.channels == 1
    assert len(segment) == RATE // 2


def test_read_returns_the_requested_frames(buffer: capbuf.CaptureBuffer) -> None:
    assert np.array_equal(buffer.read_frames(100, 1100, dtype="int16").samples[:, 0], position(100, 1000))
    last = buffer.last(0.25, dtype=np.int16)
    assert np.array_equal(last.samples[:, 0], position(2 * RATE - RATE // 4, RATE // 4))
    assert np.array_equal(buffer.last(dt.timedelta(seconds=0.25), dtype=np.dtype("int16")).samples, last.samples)
    assert buffer.frames == (0, 2 * RATE)


def test_default_dtype_is_float32(buffer: capbuf.CaptureBuffer) -> None:
    floats, ints = buffer.read_frames(0, 100).samples, buffer.read_frames(0, 100, dtype="int32").samples
    assert (str(floats.dtype), str(ints.dtype), floats.shape) == ("float32", "int32", (100, 1))
    assert np.array_equal(floats[:, 0], position(0, 100) / np.float32(32768))
    assert np.array_equal(ints[:, 0], position(0, 100).astype(np.int32) << 16)
    floats[:] = 0


@pytest.mark.parametrize(("sample_format", "dtype"), [("s16", "int16"), ("s24", "int32"), ("s32", "int32"), ("f32", "float32")])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_read_returns_written_samples(registry: capbuf.Registry, sample_format: str, dtype: str, channels: int) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE, channels=channels, sample_format=sample_format)
    random = np.random.default_rng(7)
    samples: npt.NDArray[np.float64] = random.uniform(-1, 1, (500, channels))
    scale = {"int16": 2**15, "int32": 2**31, "float32": 1}[dtype]
    written = (samples * scale).astype(dtype)
    if sample_format == "s24":
        written &= ~0xFF
    with buffer.writer() as writer:
        writer.write(written)
        assert writer.next_frame == 500
    assert np.array_equal(buffer.read_frames(0, 500, dtype=dtype).samples, written)
    assert np.allclose(buffer.read_frames(0, 500).samples, samples, atol=1e-4)
    assert buffer.sample_format == sample_format
    assert buffer.channels == channels


def test_read_fills_callers_array(buffer: capbuf.CaptureBuffer) -> None:
    for memory in (np.full((1000, 1), 99, "int16"), np.full(1000, 99, "int16")):
        segment = buffer.read_frames(5, 1005, out=memory)
        assert segment.samples is memory
        assert np.array_equal(memory.reshape(-1), position(5, 1000))
        part = buffer.read_frames(0, 10, out=memory)
        assert np.shares_memory(part.samples, memory)
        assert len(part.samples) == 10
        assert np.array_equal(memory.reshape(-1)[:20], np.concatenate([position(0, 10), position(15, 10)]))
    ring = np.zeros((4, 1000, 1), "float32")
    buffer.read_frames(5, 1005, out=ring[2])
    assert ring[2].any()
    assert not ring[[0, 1, 3]].any()


def test_missing_frames_raise_with_numbers(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    with pytest.raises(BlockingIOError) as early:
        buffer.read_frames(2 * RATE - 10, 2 * RATE + 10)
    assert isinstance(early.value, capbuf.NotYet)
    assert early.value.code == 10
    assert (early.value.newest_frame, early.value.missing_frames) == (2 * RATE, 10)
    assert early.value.expected_utc_ns == START_NS + 2 * 10**9 + 10 * 10**9 // RATE
    with buffer.writer() as writer:
        writer.write(position(2 * RATE, 10 * RATE))
    with pytest.raises(LookupError) as late:
        buffer.read(START, START + 1)
    assert isinstance(late.value, capbuf.Evicted)
    assert late.value.oldest_frame >= 2 * RATE
    assert late.value.oldest_utc_ns >= START_NS + 2 * 10**9
    with pytest.raises(capbuf.NotYet) as empty:
        registry.allocate("other", seconds=1).last(0.5)
    assert empty.value.expected_utc_ns is None
    assert buffer.status().evictions > 0


def test_available_returns_a_partial_segment(buffer: capbuf.CaptureBuffer) -> None:
    segment = buffer.read(START - 1, START + 3, available=True)
    assert len(segment) == 2 * RATE
    assert segment.missing
    assert (segment.missing.evicted_frames, segment.missing.not_yet_frames) == (RATE, RATE)
    waited = buffer.read_frames(RATE, 3 * RATE, available=True, wait=0.05)
    assert len(waited) == RATE
    assert waited.missing.not_yet_frames == RATE
    assert not buffer.last(1).missing


def test_gaps_are_listed_and_filled_with_and_without_out(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=10, sample_rate_hz=RATE)
    with buffer.writer() as writer:
        writer.write(np.full(RATE, 1000, "int16"), at=START)
        writer.gap("packet loss", duration=0.5)
        writer.write(np.full(RATE, 2000, "int16"), at=START + 1.5)
    memory = np.empty((3 * RATE, 1), "int16")
    for segment in (buffer.read(START, START + 2.5, dtype="int16"), buffer.read(START, START + 2.5, out=memory)):
        (gap,) = segment.gaps
        assert (gap.reason, gap.first_frame, gap.at_frame) == ("packet loss", RATE, RATE)
        assert gap.silence_frames == RATE // 2 == segment.silence_frames
        assert gap.duration_ns == 500_000_000
        assert gap.start_utc_ns == START_NS + 10**9
        assert gap.start == dt.datetime.fromtimestamp(START + 1, UTC)
        values, counts = np.unique(segment.samples, return_counts=True)
        assert (values.tolist(), counts.tolist()) == ([0, 1000, 2000], [RATE // 2, RATE, RATE])
        assert segment.end_utc_ns - segment.start_utc_ns == 2_500_000_000
    assert len(buffer.read(START, START + 2.5, silence=False)) == 2 * RATE == len(buffer.read_frames(0, 2 * RATE))
    assert len(buffer.read_frames(0, 2 * RATE, silence=True)) == 2 * RATE + RATE // 2
    assert buffer.read_frames(0, 2 * RATE).gaps == buffer.read_frames(0, 2 * RATE).gaps


def test_read_waits_for_future_frames(buffer: capbuf.CaptureBuffer) -> None:
    memory = np.empty((1600, 1), "int16")
    with buffer.writer() as writer:
        for wait in (60, dt.timedelta(seconds=60), None):
            first = writer.next_frame
            reading = Background(functools.partial(buffer.read_frames, first, first + 1600, wait=wait, out=memory))
            for chunk in range(20):
                if chunk in (0, 19):
                    until_polling(reading)
                writer.write(position(first + chunk * 80, 80))
            assert reading.join().first_frame == first
            assert np.array_equal(memory[:, 0], position(first, 1600))


def test_wait_ends_with_timeout_or_removal(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    with pytest.raises(TimeoutError) as over:
        buffer.read_frames(0, 3 * RATE, wait=0.06)
    assert isinstance(over.value, capbuf.TimedOut)
    assert over.value.waited_seconds >= 0.06
    reading = Background(lambda: buffer.read_frames(0, 3 * RATE, wait=None))
    until_polling(reading)
    registry.remove("mic")
    with pytest.raises(capbuf.Removed):
        reading.join()
    assert len(buffer.read_frames(0, 3 * RATE, wait=None, available=True)) == 2 * RATE


def test_status_reports_the_buffer(buffer: capbuf.CaptureBuffer) -> None:
    status = buffer.status()
    assert (status.oldest_frame, status.newest_frame, status.writes, status.gaps) == (0, 2 * RATE, 1, 0)
    assert (status.oldest_utc_ns, status.newest_utc_ns) == (START_NS, START_NS + 2 * 10**9)
    assert status.oldest == dt.datetime.fromtimestamp(START, UTC)
    assert status.newest == dt.datetime.fromtimestamp(START + 2, UTC)
    assert not status.has_writer
    assert status.writer is None
    assert not status.is_removed
    assert status.bytes > 160_000
    assert status.level is not None
    assert status.age_seconds is not None
    assert 0.99 < status.level.peak <= 1
    assert -0.1 < status.level.peak_dbfs <= 0
    assert -6 < status.level.rms_dbfs < -4
    assert buffer.length_frames == 10 * RATE
    assert buffer.sample_rate_hz == RATE
    assert buffer.opened_by() == []


def test_times_round_trip_over_the_whole_range(registry: capbuf.Registry) -> None:
    for year in (1700, 1969, 1970, 2026, 2200):
        buffer = registry.allocate(str(year), seconds=1, sample_rate_hz=RATE)
        start = dt.datetime(year, 2, 28, 23, 59, 59, 999_999, UTC)
        with buffer.writer() as writer:
            writer.write(position(0, 80), at=start)
        assert buffer.last(0.01).start == start


def test_times_have_their_clock_and_uncertainty(tmp_path: pathlib.Path) -> None:
    buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
    status = buffer.status()
    assert (status.clock, status.latency_ns, status.uncertainty_ns) == (None, None, None)
    with buffer.writer() as writer:
        writer.write(np.zeros(8000, "int16"), at=1_790_000_000_000_000_000)
    status, segment = buffer.status(), buffer.last(1.0)
    window = next(buffer.windows(0.5))
    clip = buffer.clip_frames(tmp_path / "clip.wav", 0, 8000)
    for timed in (status, segment, window, clip):
        assert (timed.clock, timed.latency_ns) == ("device", 0), timed
        assert timed.uncertainty_ns is not None and timed.uncertainty_ns >= 0, timed
