//! Real-time use: the calls that are safe on an audio thread, and why.
//!
//! # Prepare first
//!
//! Allocate the buffer, take the [`Writer`](crate::Writer), and make one lookup on the thread if it
//! will make any: these lock, allocate or make system calls. Memory is committed ahead of the
//! writer by a helper thread, so the writer meets no page fault; turn that off with
//! [`RegistryBuilder::commit_ahead`](crate::RegistryBuilder::commit_ahead) only where the first lap
//! may be slow.
//!
//! ```
//! use capbuf::{Length, Registry, SampleFormat, Spec};
//!
//! let registry = Registry::private();
//! let spec = Spec::new(Length::Seconds(10.0), 48_000, 2, SampleFormat::F32)?;
//! let mut writer = registry.get_or_allocate("device:default", spec)?.writer()?;
//! // The callback of an audio library: wait-free from here on.
//! let mut callback = move |samples: &[f32], capture_utc_ns: i64| {
//!     // An error, such as `Removed`: nothing was written.
//!     let _ = writer.write_at(samples, capture_utc_ns);
//! };
//! callback(&[0.0; 960], 1_700_000_000_000_000_000);
//! # Ok::<(), capbuf::Error>(())
//! ```
//!
//! # What a write does
//!
//! About ten comparisons, two copies at most (the ring's end), and eight stores; for chunks longer
//! than the ring's slack, as much for each block of that length. It takes no lock, allocates
//! nothing, reads the clock through the kernel's mapped page, and never looks at readers. A chunk
//! longer than the ring is written as its newest frames.
//!
//! # What a read does
//!
//! It copies, then checks that the writer had not begun to overwrite what it copied, and copies
//! again or returns [`Error::Evicted`](crate::Error::Evicted). A reader slows the writer only by
//! the memory bandwidth it uses.
//!
//! # What is checked
//!
//! Tests run `write` under a real-time sanitizer and an allocator that forbids allocation, and
//! under a system-call trace that must stay empty. `make bench` measures the writer's p99.9 with
//! and without readers.
