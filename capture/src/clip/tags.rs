//! The tags in the file of a clip.

use capbuf::Segment;
use jiff::Timestamp;

/// The number of gaps that are listed; all are counted.
const LISTED_GAPS: usize = 50;

/// The tags of a clip: its source, its start time, its gaps, and the accuracy of its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipTags {
    source: String,
}

impl ClipTags {
    /// Creates the tags for a source. Credentials in its name are hidden.
    pub fn new(source: &str) -> Self {
        Self { source: capbuf::redact(source).replace(char::is_control, " ") }
    }

    /// Returns title, date, comment and software.
    fn fields(&self, segment: &Segment) -> [String; 4] {
        let start = Timestamp::from_nanosecond(i128::from(segment.start_utc_ns())).unwrap_or(Timestamp::UNIX_EPOCH);
        let software = concat!("capbuf ", env!("CARGO_PKG_VERSION")).to_owned();
        [self.source.clone(), format!("{start:.9}"), comment(segment), software]
    }

    /// Returns the LIST chunk of a WAV file.
    pub(crate) fn wav_chunk(&self, segment: &Segment) -> Vec<u8> {
        let names: [&[u8; 4]; 4] = [b"INAM", b"ICRD", b"ICMT", b"ISFT"];
        let mut info = b"INFO".to_vec();
        for (name, text) in names.into_iter().zip(self.fields(segment)) {
            // Zero-terminated, and padded to an even length.
            let mut text = text.into_bytes();
            text.push(0);
            info.extend(name);
            info.extend((text.len() as u32).to_le_bytes());
            text.resize(text.len().next_multiple_of(2), 0);
            info.extend(text);
        }
        let mut chunk = b"LIST".to_vec();
        chunk.extend((info.len() as u32).to_le_bytes());
        chunk.extend(info);
        chunk
    }

    /// Returns the Vorbis comment of a FLAC file.
    pub(crate) fn vorbis_comment(&self, segment: &Segment) -> Vec<u8> {
        let [title, date, comment, software] = self.fields(segment);
        let mut block = Vec::new();
        let mut put = |text: &str| {
            block.extend((text.len() as u32).to_le_bytes());
            block.extend(text.as_bytes());
        };
        put(&software);
        let fields = [format!("TITLE={title}"), format!("DATE={date}"), format!("COMMENT={comment}")];
        let mut comments = (fields.len() as u32).to_le_bytes().to_vec();
        for field in &fields {
            comments.extend((field.len() as u32).to_le_bytes());
            comments.extend(field.as_bytes());
        }
        block.extend(comments);
        block
    }
}

/// Describes gaps, missing audio and the accuracy of times.
fn comment(segment: &Segment) -> String {
    let gaps = segment.gaps();
    let listed = gaps.iter().take(LISTED_GAPS).map(|gap| {
        let (at, ms) = (gap.at_frame, gap.gap.duration_ns as f64 / 1e6);
        format!("at frame {at} {ms:.0} ms, {}", gap.gap.reason.name())
    });
    let listed: Vec<_> = listed.collect();
    let mut comment =
        if gaps.is_empty() { "no gaps".to_owned() } else { format!("gaps: {}: {}", gaps.len(), listed.join("; ")) };
    let missing = segment.missing();
    let ms = |frames: u64| frames as f64 * 1e3 / f64::from(segment.sample_rate_hz());
    let ends = [("beginning", missing.evicted_frames), ("end", missing.not_yet_frames)];
    for (end, frames) in ends.into_iter().filter(|(_, frames)| *frames > 0) {
        comment += &format!("; missing at the {end}: {:.0} ms", ms(frames));
    }
    comment + &format!("; times: {}", segment.timing())
}
