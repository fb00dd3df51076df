//! What a clip says of itself, inside its file.

use capbuf::Segment;
use jiff::Timestamp;

/// More gaps than this are counted, not listed.
const LISTED_GAPS: usize = 50;

/// What is written into a clip beside its audio: where it is from, when it begins, and what is missing in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipTags {
    source: String,
}

impl ClipTags {
    /// Tags for the audio of a source. Credentials in its name are not written.
    pub fn new(source: &str) -> Self {
        Self { source: capbuf::redact(source).replace(char::is_control, " ") }
    }

    /// Title, date, comment and software.
    fn fields(&self, segment: &Segment) -> [String; 4] {
        let start = Timestamp::from_nanosecond(i128::from(segment.start_utc_ns())).unwrap_or(Timestamp::UNIX_EPOCH);
        let software = concat!("capbuf ", env!("CARGO_PKG_VERSION")).to_owned();
        [self.source.clone(), format!("{start:.9}"), comment(segment), software]
    }

    /// The chunk of a WAV file that has them.
    pub(crate) fn wav_chunk(&self, segment: &Segment) -> Vec<u8> {
        let names: [&[u8; 4]; 4] = [b"INAM", b"ICRD", b"ICMT", b"ISFT"];
        let mut info = b"INFO".to_vec();
        for (name, text) in names.into_iter().zip(self.fields(segment)) {
            // Ended by a zero, and padded to an even length.
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

    /// The Vorbis comment of a FLAC file that has them.
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

fn comment(segment: &Segment) -> String {
    let gaps = segment.gaps();
    if gaps.is_empty() {
        return "no gaps".to_owned();
    }
    let told = gaps.iter().take(LISTED_GAPS).map(|gap| {
        let (at, ms) = (gap.at_frame, gap.gap.duration_ns as f64 / 1e6);
        format!("at frame {at} {ms:.0} ms, {}", gap.gap.reason.name())
    });
    let told: Vec<_> = told.collect();
    format!("gaps: {}: {}", gaps.len(), told.join("; "))
}
