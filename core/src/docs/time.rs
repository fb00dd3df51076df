//! Times: how they come about, and how true they are.
//!
//! # The timeline
//!
//! A buffer maps frame numbers to UTC by a piecewise-linear *timeline*. An *anchor* fixes one
//! frame's time and the rate from there on; anchors are immutable, a few a minute. A frame's time,
//! once reported, never changes.
//!
//! The writer keeps two clocks. The *estimated clock* follows the source: a delay-locked loop
//! through the times of the chunks. The *published clock* is what readers see. It follows the
//! estimate by slewing, at most 0.1 %, so that it neither jumps nor runs backwards.
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
//! forward. Set back, times go on ahead of the clock by the step, which
//! [`Status::timeline_ahead_ns`](crate::Status) states; reads by frame number and of the newest are
//! not affected.
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
