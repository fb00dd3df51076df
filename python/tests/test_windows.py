"""Windows go through a buffer, in a loop and in an event loop."""

import datetime as dt
import threading

import numpy as np
import pytest
from conftest import RATE, START, START_NS, eventually, position

import capbuf


def test_windows_overlap_as_asked(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    registry.remove("mic")
    windows = buffer.windows(0.5, hop=0.25, dtype="int16")
    assert (windows.window_frames, windows.hop_frames) == (RATE // 2, RATE // 4)
    seen = list(windows)
    assert [window.first_frame for window in seen] == list(range(0, 3 * RATE // 2 + 1, RATE // 4))
    for window in seen:
        assert np.array_equal(window.samples[:, 0], position(window.first_frame, RATE // 2)) and len(window) == RATE // 2
        assert window.start_utc_ns == START_NS + window.first_frame * 10**9 // RATE
    assert seen[2].start == dt.datetime.fromtimestamp(START + 0.5, dt.timezone.utc)
    assert (seen[0].lost_frames, seen[0].after_gap, seen[0].joined_gaps, seen[0].sample_rate_hz) == (0, None, 0, RATE)
    assert list(windows) == []
    assert [window.first_frame for window in buffer.windows(dt.timedelta(seconds=1))] == [0, RATE]
    assert [window.first_frame for window in buffer.windows(1, start_frame=RATE // 2)] == [RATE // 2]


def test_windows_may_all_go_into_one_array(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    registry.remove("mic")
    memory = np.zeros(RATE, "int16")
    for window in buffer.windows(1, out=memory):
        assert window.samples is memory and np.array_equal(memory, position(window.first_frame, RATE))
    assert window.first_frame == RATE


def test_the_span_around_a_window_can_be_read_later(buffer: capbuf.CaptureBuffer) -> None:
    window = next(buffer.windows(0.5, start_frame=RATE))
    assert window.around(0.25, dt.timedelta(seconds=0.5)) == (RATE * 3 // 4, RATE * 2)
    assert window.around(100, 0) == (0, RATE * 3 // 2)
    assert len(buffer.read_frames(*window.around(0.25, 0.5))) == RATE * 5 // 4


def test_windows_begin_anew_after_a_gap(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
    with buffer.writer() as writer:
        writer.gap("source lost", duration=2)
        writer.write(position(2 * RATE, RATE))
    registry.remove("mic")
    windows = list(buffer.windows(0.75))
    assert [window.first_frame for window in windows] == [0, RATE * 3 // 4, 2 * RATE]
    gap = windows[2].after_gap
    assert gap is not None and gap.reason == "source lost" and gap.at_frame is None and windows[2].lost_frames == RATE // 2


def test_a_loop_waits_for_windows_and_can_go_on_after_a_time_out(buffer: capbuf.CaptureBuffer, registry: capbuf.Registry) -> None:
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


def test_an_analysis_that_is_overtaken_is_told(buffer: capbuf.CaptureBuffer) -> None:
    windows = buffer.windows(1)
    next(windows)
    with buffer.writer() as writer:
        writer.write(position(2 * RATE, 30 * RATE))
    window = next(windows)
    assert window.lost_frames > 0 and window.first_frame >= 22 * RATE


def test_one_thread_at_a_time_may_ask(registry: capbuf.Registry) -> None:
    buffer = registry.allocate("mic", seconds=1, sample_rate_hz=RATE)
    windows = buffer.windows(0.5)
    given: list[capbuf.Window] = []
    refused: list[BaseException] = []

    def ask() -> None:
        try:
            given.append(next(windows))
        except capbuf.Busy as error:
            refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    # One of them waits, so the other one has been refused before there is anything.
    eventually(lambda: len(refused) == 1)
    with buffer.writer() as writer:
        writer.write(position(0, RATE))
    for thread in threads:
        thread.join()
    assert isinstance(refused[0], RuntimeError) and [window.first_frame for window in given] == [0]
