//! The position of an iteration, and one look for its next window.

use std::time::Duration;

use capbuf::{CaptureBuffer, Error, Sample};
use numpy::{Element, PyReadwriteArrayDyn};
use pyo3::prelude::*;

use super::spare::{Reusable, Spare};
use super::window::Window;
use crate::arrays::{self, DType, Out, Place, with_dtype};
use crate::buffer::gap::Gap;
use crate::errors::{self, OrRaise as _};
use crate::waiting::{Poll, pause_for};

pub(super) struct Cursor {
    windows: capbuf::Windows,
    spare: Option<Spare>,
    /// Estimated first frame of the next window: a gap may move it.
    next_frame: u64,
    hop_frames: u64,
    dtype: DType,
}

/// A window, with its array if that is a new one.
type Read = capbuf::Result<(capbuf::Window, Option<Py<PyAny>>)>;

impl Cursor {
    pub(super) fn new(windows: capbuf::Windows, next_frame: u64, hop_frames: u64, dtype: DType) -> Self {
        Self { windows, spare: None, next_frame, hop_frames, dtype }
    }

    /// Looks once for the next window, and reads it into `out` if that is there; `Ready(None)` at
    /// the end.
    pub(super) fn poll(
        &mut self,
        py: Python<'_>,
        buffer: &CaptureBuffer,
        out: Option<Py<PyAny>>,
        waited: Duration,
        is_over: bool,
    ) -> PyResult<Poll<Option<Window>>> {
        let read = match &out {
            None => with_dtype!(self.dtype, T => self.read_new::<T>(py))?,
            Some(out) => {
                let (out, channels) = (out.bind(py), buffer.spec().channels());
                let place = Place::of(out, channels)?;
                let read = match place.borrow(channels)? {
                    Out::Float32(mut array) => self.read_into(py, &mut array),
                    Out::Int16(mut array) => self.read_into(py, &mut array),
                    Out::Int32(mut array) => self.read_into(py, &mut array),
                }?;
                place.finish()?;
                read
            }
        };
        let rate = buffer.spec().sample_rate_hz();
        match read {
            Ok((window, samples)) => {
                self.next_frame = window.first_frame.saturating_add(self.hop_frames);
                let samples = out.or(samples).ok_or_else(|| errors::thread(py, "a window without samples"))?;
                Ok(Poll::Ready(Some(Window {
                    samples,
                    first_frame: window.first_frame,
                    end_frame: window.end_frame,
                    start_utc_ns: window.start_utc_ns,
                    lost_frames: window.lost_frames,
                    after_gap: window.after_gap.as_ref().map(Gap::on_timeline),
                    joined_gaps: window.joined_gaps,
                    sample_rate_hz: rate,
                    clock: window.timing.clock.name().to_owned(),
                    latency_ns: window.timing.latency_ns,
                    uncertainty_ns: window.timing.uncertainty_ns,
                })))
            }
            Err(Error::Removed { .. }) => Ok(Poll::Ready(None)),
            Err(Error::TimedOut { .. }) if is_over => Err(Error::TimedOut { waited }).or_raise(py),
            Err(Error::TimedOut { .. }) => {
                let end = self.next_frame.saturating_add(self.window_frames());
                Ok(Poll::RetryAfter(pause_for(end.saturating_sub(buffer.frames().end), rate)))
            }
            Err(error) => Err(error).or_raise(py),
        }
    }

    fn window_frames(&self) -> u64 {
        self.windows.window_samples() / u64::from(self.windows.buffer().spec().channels()).max(1)
    }

    fn read_into<T: Sample + Element>(
        &mut self,
        py: Python<'_>,
        array: &mut PyReadwriteArrayDyn<'_, T>,
    ) -> PyResult<Read> {
        let out = arrays::memory(py, array)?;
        let windows = &mut self.windows;
        Ok(py.detach(|| windows.next_into(out, Duration::ZERO)).map(|window| (window, None)))
    }

    fn read_new<T: Reusable>(&mut self, py: Python<'_>) -> PyResult<Read> {
        let samples = usize::try_from(self.windows.window_samples()).unwrap_or(usize::MAX);
        let mut memory = T::take(&mut self.spare).unwrap_or_else(|| vec![T::default(); samples]);
        let windows = &mut self.windows;
        match py.detach(|| windows.next_into(&mut memory, Duration::ZERO)) {
            Ok(window) => {
                let channels = usize::from(self.windows.buffer().spec().channels());
                Ok(Ok((window, Some(arrays::from_vec(py, memory, channels)?.unbind()))))
            }
            Err(error) => {
                self.spare = Some(T::store(memory));
                Ok(Err(error))
            }
        }
    }
}
