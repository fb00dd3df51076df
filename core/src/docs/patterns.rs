//! Common tasks, each in a few lines that compile.
//!
//! # A detector that is late
//!
//! Analyse windows; when one is of interest, cut around it by frame numbers. The clip is exact
//! however late it is cut.
//!
//! ```
//! use std::time::Duration;
//! use capbuf::{Length, ReadOptions, Registry, SampleFormat, Spec, WindowOptions};
//!
//! # let registry = Registry::private();
//! # let spec = Spec::new(Length::Seconds(4.0), 8000, 1, SampleFormat::S16)?;
//! # let buffer = registry.get_or_allocate("x", spec)?;
//! # let mut writer = buffer.writer()?;
//! # for second in 0..4 { writer.write(&[if second == 2 { 9000_i16 } else { 0 }; 8000])?; }
//! let mut windows = buffer.windows(WindowOptions::new(4000, 2000))?;
//! let mut samples = vec![0.0_f32; 4000];
//! let loud = loop {
//!     let window = windows.next_into(&mut samples, Duration::from_secs(1))?;
//!     if samples.iter().any(|sample| sample.abs() > 0.2) {
//!         break window;
//!     }
//! };
//! let options = ReadOptions::new().available().wait(Duration::from_secs(1));
//! let clip = buffer.read_with(loud.around(4000, 4000), &options)?;
//! assert!(clip.first_frame() <= loud.first_frame && clip.end_frame() >= loud.end_frame);
//! # Ok::<(), capbuf::Error>(())
//! ```
//!
//! # A level meter without handles
//!
//! [`Registry::with`](crate::Registry::with) uses a buffer in place: no count is touched.
//!
//! ```
//! # let registry = capbuf::Registry::private();
//! let kept = registry.with("device:default", |buffer| buffer.frames());
//! assert_eq!(kept, None, "no buffer yet");
//! ```
//!
//! # A source that reconnects
//!
//! Ask again with the same spec: the ring, and the audio in it, is the same. Record why there is a
//! gap.
//!
//! ```
//! use capbuf::{GapReason, Length, Registry, SampleFormat, Spec};
//!
//! # let registry = Registry::private();
//! # let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16)?;
//! for _connection in 0..3 {
//!     let buffer = registry.get_or_allocate("rtsp://camera/1", spec)?;
//!     let mut writer = buffer.writer()?;
//!     writer.gap(GapReason::SourceLost);
//!     writer.write(&[0_i16; 800])?;
//! }
//! assert_eq!(registry.stats().rings_allocated, 1);
//! # Ok::<(), capbuf::Error>(())
//! ```
//!
//! # Taking what is there
//!
//! [`ReadOptions::available`](crate::ReadOptions::available) returns what the ring keeps and lists
//! what is missing.
//!
//! ```
//! use capbuf::{Length, ReadOptions, Registry, SampleFormat, Span, Spec};
//!
//! # let registry = Registry::private();
//! # let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16)?;
//! # let buffer = registry.get_or_allocate("x", spec)?;
//! buffer.writer()?.write(&[0_i16; 12_000])?;
//! let segment = buffer.read_with(Span::Frames(0..16_000), &ReadOptions::new().available())?;
//! assert_eq!(segment.missing().not_yet_frames, 4000);
//! assert!(segment.missing().evicted_frames >= 3000);
//! # Ok::<(), capbuf::Error>(())
//! ```
