//! Calls that block: how they let other threads run, and what ends them.
//!
//! The writer wakes nobody. A blocked call polls: the sample rate is known, so it sleeps until the
//! frames should exist and looks again. A thread sleeps in slices that a signal or `close` can end;
//! an event loop sleeps by its own means (`_asyncio.py`).
//!
//! May use [`crate::errors`] and [`crate::arguments`].

mod handle;
mod interruptible;
mod poll;

use std::time::Duration;

pub(crate) use handle::Handle;
pub(crate) use interruptible::interruptible;
pub(crate) use poll::{HasMissing, Poll, block_on, pause_for, poll_read};

/// The interval at which a blocked thread checks for signals and `close`.
const SLICE: Duration = Duration::from_millis(50);
