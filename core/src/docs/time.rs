//! Times: how they come about, and how true they are.
//!
//! # The timeline
//!
//! A buffer maps frame numbers to UTC by a piecewise-linear *timeline*. An *anchor* fixes one
//! frame's time and the rate from there on; anchors are immutable, a few a minute. A frame's time,
//! once reported, never changes. Within an *epoch* times never run backwards.
//!
//! The writer keeps two clocks. The *estimated clock* follows the source: a delay-locked loop
//! through the times passed, or the line under all times of arrival, as a packet can be late and
//! never early. The *published clock* is what readers see. It follows the estimate by slewing, so
//! that between gaps it neither jumps nor runs backwards: by at most 0.1 % while it deviates by
//! what the noise of the times explains, by at most 2 % while it deviates by more.
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
//! Missing audio is a *gap*: recorded with its length and reason, filled with silence by reads over
//! time, listed in each [`Segment`](crate::Segment). A gap that the writer does not report is found
//! by the times:
//!
//! - by times passed, when three chunks and a tenth of a second are late by the same 5 ms and more,
//!   or by eight times the mean deviation where that is more; at once from 0.75 s on,
//! - by arrivals, when 0.75 s and more are not made up for within half a second in which audio goes
//!   on. Late is not lost: after a stall that is caught up with there is no gap. A shorter hole looks
//!   as a longer delay does. Times follow such a delay after 17 to 34 minutes; until then the
//!   uncertainty includes it.
//!
//! The frames of silence before a time in a gap are counted from the gap's beginning, at the
//! nominal rate, and depend on the gap and that time only. So spans of time that adjoin, also in a
//! gap, make up the whole, to the frame.
//!
//! # The wall clock
//!
//! Twice a second, and where times jump, the writer compares the wall clock with the monotonic one.
//! A difference of 20 ms and more is a step, on record as a gap with the reason
//! [`ClockStep`](crate::GapReason::ClockStep) and no missing audio. Set forward, times jump
//! forward. Set back, a new epoch begins. A smaller difference is a slew: times follow it.
//!
//! # Epochs
//! A new epoch begins where times would otherwise be wrong for long, as the clock that gave the
//! earlier ones was ahead:
//!
//! - after a step back of 20 ms or more under a writer,
//! - when published times are ahead of the estimate by more than 0.75 s, or by 0.45 s within the
//!   first seconds of a source whose arrivals are used: the first guess was wrong, because the
//!   source began with audio of the past, or a gap was reported too long. The reason is
//!   [`Detected`](crate::GapReason::Detected),
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
//! Each read comes with a [`Timing`](crate::Timing): the clock that its times are from, the latency
//! taken off, and an uncertainty. A table of what to expect, measured on simulated clocks, is in
//! `docs/times.md`; `make times` writes it anew, and a test compares it. In short: arrivals that
//! are 0 to 20 ms late give times within 1 ms after ten seconds and within 0.2 ms after a minute;
//! times passed that jitter by ±20 ms give 1 ms after a minute. A stall that is caught up with
//! changes nothing.
//!
//! What all packets of a stream share cannot be seen in their arrivals: the constant delay of the
//! network, of the codec and of the server. The uncertainty of times of arrival does not include
//! it.
//!
//! # Where the method comes from
//!
//! Fons Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005; JACK uses it, too.
