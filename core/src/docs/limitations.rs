//! Limits of capbuf.
//!
//! - **Linux only**, 64 bits, little-endian, kernel 5.14 or later for memory that is committed
//!   ahead.
//! - **One writer a buffer.** A second one gets [`Error::WriterBusy`](crate::Error::WriterBusy),
//!   with its holder.
//! - **Overwriting.** A reader that is slower than the source loses the oldest frames and gets
//!   their number. There is no back pressure.
//! - **Memory is fixed.** A buffer takes its whole length from the beginning: 60 s of 48 kHz, 16
//!   bits, mono are 5.76 MB. Another length is another buffer.
//! - **One user.** A domain belongs to one user (mode 0700). Its processes trust each other not to
//!   cut a ring's file short. Mostly that is seen in time and is
//!   [`Error::Corrupt`](crate::Error::Corrupt); a call that touches what is gone before the next look
//!   ends its process by SIGBUS: see "Trust" in [`domains`](super::domains).
//! - **128 processes** of those that have one buffer open are listed; more are counted.
//! - **Forks.** A child may read with inherited handles. All else returns
//!   [`Error::Forked`](crate::Error::Forked); open the domain again in the child. See
//!   [`domains`](super::domains#forks).
//! - **Shared memory is small in containers**: Docker gives 64 MB. A full one is
//!   [`Error::OutOfSpace`](crate::Error::OutOfSpace) at allocation, never a signal later.
//! - **A clock that was wrong** gives wrong times, which stay: see "Epochs" in
//!   [`time`](super::time). A step back of less than 0.75 s between two writers is slewed away at
//!   0.1 %. So is any step back of a source's own clock under a writer and without a gap, whatever
//!   its length.
//! - **Arrival times** hide a delay that all chunks share: see [`time`](super::time).
//! - **Lookups in place** keep memory of removed buffers for as long as they run: see
//!   [`lookup`](super::lookup).
