//! A track of zeros beside others.

/// Time after which a track of zeros is reported: longer than a pause of a speaker with a noise
/// gate.
const SILENT_FOR_S: u64 = 5;

/// Watches the start of a track that is one of several.
pub(super) struct Silence {
    sample_rate_hz: u32,
    frame_bytes: usize,
    /// The frames of zeros so far; `None` once there was a sound or a report.
    zeros: Option<u64>,
}

impl Silence {
    /// Watches a track if the stream has several.
    pub(super) fn new(tracks: usize, sample_rate_hz: u32, frame_bytes: usize) -> Self {
        Self { sample_rate_hz, frame_bytes: frame_bytes.max(1), zeros: (tracks > 1).then_some(0) }
    }

    /// Adds the samples of a packet; returns true once, when the track has been all zeros for five
    /// seconds.
    pub(super) fn add(&mut self, data: &[u8]) -> bool {
        let Some(zeros) = &mut self.zeros else { return false };
        if data.iter().any(|byte| *byte != 0) {
            self.zeros = None;
            return false;
        }
        *zeros += (data.len() / self.frame_bytes) as u64;
        let is_silent = *zeros >= SILENT_FOR_S * u64::from(self.sample_rate_hz);
        if is_silent {
            self.zeros = None;
        }
        is_silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_from_the_start_beside_other_tracks_are_reported_and_once() {
        let reports = |tracks, packets: &mut dyn FnMut(usize) -> u8| {
            let mut silence = Silence::new(tracks, 1000, 2);
            (0..20).filter(|number| silence.add(&vec![packets(*number); 1000])).collect::<Vec<_>>()
        };
        assert_eq!(reports(2, &mut |_| 0), [9], "5000 frames of two bytes");
        assert!(reports(1, &mut |_| 0).is_empty());
        assert!(reports(2, &mut |number| u8::from(number == 3)).is_empty());
    }
}
