//! Spans of time that adjoin make up the whole, to the frame.

use std::ops::Range;
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, GapReason, Length, ReadOptions, SampleFormat, Segment, Span, Spec};

use crate::any_span::random;
use crate::support::{SECOND_NS, START_NS, manual, shorts};

/// A buffer with gaps of odd lengths, some shorter than a frame, and with epochs, each beginning
/// before the end of the one before.
struct Gappy {
    buffer: CaptureBuffer,
    frame_ns: u64,
    /// First frames of the epochs after the first one.
    epochs: Vec<u64>,
    /// Times at which gaps begin or end, or epochs begin.
    edges: Vec<i64>,
}

impl Gappy {
    fn new(seed: &mut u64, rate: u32, with_epochs: bool) -> Self {
        let (registry, _) = manual();
        let spec = Spec::new(Length::Frames(40_000), rate, 1, SampleFormat::S16).unwrap();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        let frame_ns = 1_000_000_000 / u64::from(rate);
        let mut writer = buffer.writer().unwrap();
        let (mut at_ns, mut epochs, mut edges) = (START_NS, Vec::new(), Vec::new());
        for chunk in 0..40 {
            let next = writer.next_frame();
            if chunk > 0 && with_epochs && random(seed, 8) == 0 {
                drop(writer);
                writer = buffer.writer().unwrap();
                at_ns -= SECOND_NS + random(seed, 3_000_000_001) as i64;
                epochs.push(next);
            } else if chunk > 0 && random(seed, 2) == 0 {
                let longest_ns = [frame_ns, 2 * frame_ns, 40 * frame_ns][random(seed, 3) as usize];
                let gap_ns = random(seed, longest_ns);
                writer.gap_for(GapReason::PacketLoss, Duration::from_nanos(gap_ns));
                at_ns += gap_ns as i64;
            }
            let frames = 1 + random(seed, 300);
            // Never zero, to distinguish audio from silence.
            let audio: Vec<_> = (next..next + frames).map(|frame| (frame % 30_000) as i16 + 1).collect();
            writer.write_at(&audio, at_ns).unwrap();
            let written = buffer.read(Span::Frames(next..next + frames)).unwrap();
            edges.extend([written.start_utc_ns(), written.end_utc_ns()]);
            at_ns = buffer.status().newest_utc_ns.unwrap();
        }
        Self { buffer, frame_ns, epochs, edges }
    }

    /// A time that reads have, often near the edge of a gap or inside one.
    fn any_time(&self, seed: &mut u64) -> i64 {
        let status = self.buffer.status();
        let (oldest_ns, newest_ns) = (status.oldest_utc_ns.unwrap(), status.newest_utc_ns.unwrap());
        let at_ns = if random(seed, 4) == 0 {
            oldest_ns + random(seed, (newest_ns - oldest_ns) as u64) as i64
        } else {
            let edge_ns = self.edges[random(seed, self.edges.len() as u64) as usize];
            let around_ns = [1, 2, self.frame_ns, 20 * self.frame_ns][random(seed, 4) as usize];
            edge_ns + random(seed, 2 * around_ns + 1) as i64 - around_ns as i64
        };
        at_ns.clamp(oldest_ns, newest_ns)
    }

    /// A span of time; `None` if it has no frame.
    fn read(&self, range: Range<i64>, fill_gaps: bool) -> Option<Segment> {
        match self.buffer.read_with(Span::Time(range), &ReadOptions::new().silence(fill_gaps)) {
            Ok(segment) => Some(segment),
            Err(Error::InvalidRange { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&self, times: [i64; 3], fill_gaps: bool) {
        let [a, b, c] = times;
        let whole = self.read(a..c, fill_gaps);
        let parts = [self.read(a..b, fill_gaps), self.read(b..c, fill_gaps)];
        let samples = |segment: &Segment| shorts(segment).to_vec();
        let brief = |segment: &Segment| (segment.extracted(), segment.gaps().to_vec());
        let about = || {
            format!(
                "{a}..{b}..{c}, filled: {fill_gaps}: {:?}\n{:?}",
                whole.as_ref().map(brief),
                parts.each_ref().map(|part| part.as_ref().map(brief))
            )
        };
        let joined: Vec<_> = parts.iter().flatten().flat_map(samples).collect();
        assert_eq!(joined, whole.as_ref().map(samples).unwrap_or_default(), "{}", about());
        let silence = |segment: &Segment| segment.silence_frames();
        let joined: u64 = parts.iter().flatten().map(silence).sum();
        assert_eq!(joined, whole.as_ref().map_or(0, silence), "{}", about());
        let [Some(first), Some(second)] = &parts else { return };
        let whole = whole.as_ref().unwrap();
        assert_eq!((first.first_frame(), second.end_frame()), (whole.first_frame(), whole.end_frame()), "{}", about());
        let adjoin = first.end_frame() == second.first_frame() || self.epochs.contains(&second.first_frame());
        assert!(adjoin, "{}", about());
        if fill_gaps {
            let ends_ns = (first.start_utc_ns(), second.end_utc_ns());
            assert_eq!(ends_ns, (whole.start_utc_ns(), whole.end_utc_ns()), "{}", about());
            let between_ns = second.start_utc_ns().abs_diff(first.end_utc_ns());
            assert!(between_ns <= self.frame_ns / 2 + 2, "{between_ns} ns: {}", about());
        }
    }
}

#[test]
fn spans_that_adjoin_have_the_frames_of_the_whole() {
    let mut seed = 11;
    for round in 0..120 {
        let rate = [1000, 8000, 44_100, 48_000, 10, 22_050, 1 + random(&mut seed, 192_000) as u32][round % 7];
        let gappy = Gappy::new(&mut seed, rate, round % 3 == 2);
        for _ in 0..120 {
            let mut times = [0; 3].map(|_: i64| gappy.any_time(&mut seed));
            times.sort_unstable();
            if times[0] < times[1] && times[1] < times[2] {
                gappy.check(times, true);
                gappy.check(times, false);
            }
        }
    }
}
