//! Times: how they come about, and how true they are.
//!
//! # The timeline
//!
//! A buffer maps frame numbers to UTC by a piecewise-linear *timeline*. An *anchor* fixes one
//! frame's time and the rate from there on; anchors are immutable, a few a minute. A frame's time,
//! once reported, never changes. Within an *epoch* times never run backwards.
//!
//! The writer keeps two clocks. The *estimated clock* follows the source: a delay-locked loop
//! through the times of the chunks. The *published clock* is what readers see. It follows the
//! estimate by slewing, at most 0.1 %, so that between gaps it neither jumps nor runs backwards.
//!
//! # Which time to pass
//!
//! | call | use it when | error |
//! |---|---|---|
//! | [`write_at`](crate::Writer::write_at) | the capture time of the first frame is known | jitter is filtered |
//! | [`write`](crate::Writer::write) | only the arrival is known | a constant delay of all chunks can't be seen |
//! | [`gap_for`](crate::Writer::gap_for) | the length of the missing audio is known | none |
//! | [`gap`](crate::Writer::gap) | audio is missing, nobody knows how much | the gap's length is that of the times |
//!
//! # Gaps
//!
//! A chunk that comes 0.75 s later than expected follows a *gap*: recorded with its length and
//! reason, filled with silence by reads over time, listed in each [`Segment`](crate::Segment).
//! Shorter holes are taken for jitter unless the writer reports them.
//!
//! # The wall clock
//!
//! Every 1 to 10 s, and where times jump, the writer compares the wall clock with the monotonic
//! one. A difference of 0.1 s and more is a step, on record as a gap with the reason
//! [`ClockStep`](crate::GapReason::ClockStep) and no missing audio. Set forward, times jump
//! forward. Set back, a new epoch begins.
//!
//! # Epochs
//! A new epoch begins where times would otherwise be wrong for long, as the clock that gave the
//! earlier ones was ahead:
//!
//! - after a step back of 0.1 s or more under a writer,
//! - with the first chunk of a new writer, or after a gap of unknown length, if its capture time
//!   lies more than 0.75 s before the end of the ring. Of a chunk without a capture time it is the
//!   time of arrival: audio that comes late in one burst begins no epoch. Smaller differences, as of
//!   a quick restart, are jitter: times go on at the end of the ring, and slew.
//!
//! The first frame of the epoch has its right time at once. Frame numbers go on, and no audio is
//! lost. The boundary is on record as a gap without missing time, whose reason is the clock's step,
//! the change of writers, or the one reported. Its [`clock_step_ns`](crate::Gap::clock_step_ns) is
//! how far times go back, which differs from the step of the wall clock if audio was lost as well;
//! it is negative there and nowhere else. [`Status`](crate::Status) has the frame, the time and the
//! step of the newest one (`epoch_frame`, `epoch_utc_ns`, `epoch_step_ns`), and the anomaly
//! `clock set back` reports it.
//!
//! A time can have two frames then: one of each epoch. For [`Span::Time`](crate::Span) the newest
//! epoch wins. It has all times from its beginning on, also those to come; an older epoch has those
//! before, and what is left of its frames is read by number or as the newest
//! ([`Span::Frames`](crate::Span), [`Span::Last`](crate::Span)). Where a span of time goes on from
//! an older epoch to a newer one, it leaves those frames out: its length is that of its times, and
//! [`Extracted::end_frame`](crate::Extracted) minus `first_frame` is more than `captured_frames`.
//! A segment by numbers, or of the newest frames, that begins before the boundary starts at the
//! time of the older epoch.
//!
//! # How true
//!
//! Measured by `cargo test -p capbuf --test timeline -- --nocapture` on simulated clocks
//! (2026-11-22), a source 100 ppm fast for an hour, the largest error of any frame:
//!
//! | jitter of the times passed | after a minute | after ten minutes |
//! |---|---|---|
//! | ±20 ms, chunks of 10 ms | 0.4 ms | 0.4 ms |
//! | ±300 ms, bursts of 500 ms | 180 ms | 40 ms |
//!
//! Both series are symmetric around the true time. Arrival times are not: a packet can be late and
//! never early. With delays of 0 to 20 ms the loop settles at their mean, 10 ms late.
//!
//! # Where the method comes from
//!
//! Fons Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005; JACK uses it, too.
