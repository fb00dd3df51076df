"""Windows iterate over a buffer."""

import datetime as dt

import numpy as np
import pytest
from conftest import RATE, START, START_NS, Background, position, until_polling

import capbuf


def test_windows_overlap_by_hop(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    registry.remove("mic")
    windows = buffer.windows(0.5, hop=0.25, dtype="int16")
    assert (windows.window_frames, windows.hop_frames) == (RATE // 2, RATE // 4)
    seen = list(windows)
    assert [window.first_frame for window in seen] == list(range(0, 3 * RATE // 2 + 1, RATE // 4))
    for window in seen:
        assert np.array_equal(window.samples[:, 0], position(window.first_frame, RATE // 2))
        assert len(window) == RATE // 2
        assert window.start_utc_ns == START_NS + window.first_frame * 10**9 // RATE
    assert seen[2].start == dt.datetime.fromtimestamp(START + 0.5, dt.timezone.utc)
    assert (seen[0].lost_frames, seen[0].after_gap, seen[0].joined_gaps, seen[0].sample_rate_hz) == (0, None, 0, RATE)
    assert list(windows) == []
    assert [window.first_frame for window in buffer.windows(dt.timedelta(seconds=1))] == [0, RATE]
    assert [window.first_frame for window in buffer.windows(1, start_frame=RATE // 2)] == [RATE // 2]


def test_windows_are_read_into_one_array(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    registry.remove("mic")
    memory = np.zeros(RATE, "int16")
    for window in buffer.windows(1, out=memory):
        assert window.samples is memory
        assert np.array_equal(memory, position(window.first_frame, RATE))
    assert window.first_frame == RATE


def test_span_around_window_can_be_read_later(buffer: capbuf.CaptureBuffer) -> None:
    window = next(buffer.windows(0.5, start_frame=RATE))
    assert window.around(0.25, dt.timedelta(seconds=0.5)) == (RATE * 3 // 4, RATE * 2)
    assert window.around(100, 0) == (0, RATE * 3 // 2)
    assert len(buffer.read_frames(*window.around(0.25, 0.5))) == RATE * 5 // 4


def test_windows_restart_after_gap(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    with buffer.writer() as writer:
        writer.gap("source lost", duration=2)
        writer.write(position(2 * RATE, RATE))
    registry.remove("mic")
    windows = list(buffer.windows(0.75))
    assert [window.first_frame for window in windows] == [0, RATE * 3 // 4, 2 * RATE]
    gap = windows[2].after_gap
    assert gap is not None
    assert gap.reason == "source lost"
    assert gap.at_frame is None
    assert windows[2].lost_frames == RATE // 2


def test_loop_continues_after_timeout(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    windows = buffer.windows(1, wait=0.05)
    seen = []
    with pytest.raises(capbuf.TimedOut):
        for window in windows:
            seen.append(window.first_frame)
    with buffer.writer() as writer:
        writer.write(position(2 * RATE, RATE))
    registry.remove("mic")
    seen += [window.first_frame for window in windows]
    assert seen == [0, RATE, 2 * RATE]


def test_overtaken_loop_counts_lost_frames(buffer: capbuf.CaptureBuffer) -> None:
    windows = buffer.windows(1)
    next(windows)
    with buffer.writer() as writer:
        writer.write(position(2 * RATE, 30 * RATE))
    window = next(windows)
    assert window.lost_frames > 0
    assert window.first_frame >= 22 * RATE


def test_second_thread_in_iterator_gets_busy(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    windows = buffer.windows(0.5, wait=60)
    waiting = Background(lambda: next(windows))
    until_polling(waiting)
    with pytest.raises(RuntimeError) as busy:
        next(windows)
    assert isinstance(busy.value, capbuf.Busy)
    with buffer.writer() as writer:
        writer.write(position(0, RATE))
    assert waiting.join().first_frame == 0
