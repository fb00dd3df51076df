//! The header of a region: every word that stands before the time anchors, and what it means.

use crate::source::MAX_SOURCE_BYTES;
use crate::sync::{AtomicI64, AtomicU32, AtomicU64};

/// `capbuf` and a zero, the first eight bytes of every region.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"capbuf\0\0");
/// Changes whenever the meaning or place of any byte of the header or of an anchor does.
pub(crate) const LAYOUT_VERSION: u32 = 3;

/// What stands at the beginning of a region. Fields that one party writes often have a cache line to themselves.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C, align(64))]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) layout_version: AtomicU32,
    pub(crate) header_bytes: AtomicU32,
    pub(crate) region_bytes: AtomicU64,
    pub(crate) anchors_offset: AtomicU64,
    pub(crate) anchor_slots: AtomicU64,
    pub(crate) frames_offset: AtomicU64,
    pub(crate) ring_frames: AtomicU64,
    pub(crate) length_frames: AtomicU64,
    pub(crate) sample_rate_hz: AtomicU32,
    pub(crate) channels: AtomicU32,
    pub(crate) format: AtomicU32,
    pub(crate) source_bytes: AtomicU32,
    pub(crate) created_utc_ns: AtomicI64,
    /// Tells this region from every other one, in any process.
    pub(crate) id: AtomicU64,
    pub(crate) lifetime: AtomicU32,
    pub(crate) holder_slots: AtomicU32,

    pub(crate) writer: WriterLine,
    pub(crate) readers: ReaderLine,

    /// The source's name, in the byte order of memory, zero-padded.
    pub(crate) source: [AtomicU64; SOURCE_WORDS],
    /// The processes that have the region mapped.
    pub(crate) holders: [HolderSlot; MAX_HOLDERS],
    pub(crate) health: HealthLine,
}

/// What only the writer stores to, and the one flag of others that it looks at with each write.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C, align(64))]
pub(crate) struct WriterLine {
    /// One past the newest frame that may be read.
    pub(crate) head: AtomicU64,
    /// Frames before this one minus the ring's size may be overwritten at any moment.
    pub(crate) reserve: AtomicU64,
    /// One past the newest anchor that may be read.
    pub(crate) anchor_head: AtomicU64,
    /// Anchors before this one minus the number of slots may be overwritten at any moment.
    pub(crate) anchor_reserve: AtomicU64,
    /// Calls of `write` so far.
    pub(crate) writes: AtomicU64,
    /// Anchors that are gaps.
    pub(crate) gaps: AtomicU64,
    /// How far the timeline is ahead of what the writer believes to be the time.
    pub(crate) ahead_ns: AtomicI64,
    /// One once the buffer is out of its registry; two while its removal is pending (it may be abandoned), which is not yet removed.
    pub(crate) removed: AtomicU32,
}

/// What readers and the registry store to.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C, align(64))]
pub(crate) struct ReaderLine {
    /// Non-zero while a writer holds the lease: in a domain the number of its process's liveness lock.
    pub(crate) lease: AtomicU64,
    /// Reads that came too late for some of their frames.
    pub(crate) evictions: AtomicU64,
}

/// How long a reason can be that is told of a source.
pub(crate) const HEALTH_REASON_BYTES: usize = 200;

/// What who feeds the source tells of it.
#[repr(C, align(64))]
#[cfg_attr(loom, derive(Debug, Default))]
pub(crate) struct HealthLine {
    /// The number of the liveness lock of the process that reported; zero in a private registry.
    pub(crate) liveness: AtomicU64,
    pub(crate) state: AtomicU32,
    pub(crate) reason_bytes: AtomicU32,
    pub(crate) since_utc_ns: AtomicI64,
    pub(crate) restarts: AtomicU64,
    /// In the byte order of memory.
    pub(crate) reason: [AtomicU64; HEALTH_REASON_BYTES / 8],
}

/// How many processes can have one region mapped.
pub(crate) const MAX_HOLDERS: usize = if cfg!(loom) { 1 } else { 128 };

/// The place of one process that has the region mapped.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C)]
pub(crate) struct HolderSlot {
    /// The number of the process's liveness lock; zero while the place is free.
    pub(crate) liveness: AtomicU64,
    pub(crate) since_utc_ns: AtomicI64,
    pub(crate) pid: AtomicU32,
    pub(crate) _reserved: [AtomicU32; 3],
}

/// One time anchor: eight words, written by the timeline.
pub(crate) type AnchorSlot = [AtomicU64; ANCHOR_WORDS];

// The models take as little as shows every case: each word is a state more.
pub(crate) const ANCHOR_WORDS: usize = if cfg!(loom) { 6 } else { 8 };
pub(crate) const SOURCE_WORDS: usize = if cfg!(loom) { 1 } else { MAX_SOURCE_BYTES / 8 };
pub(crate) const HEADER_BYTES: u64 = size_of::<Header>().next_multiple_of(64) as u64;

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::spec::SampleFormat;

    /// Every field of the header, by its offset.
    fn fields() -> Vec<(usize, &'static str)> {
        macro_rules! fields {
            ($($($path:ident).+),* $(,)?) => { vec![$((offset_of!(Header, $($path).+), stringify!($($path).+))),*] };
        }
        let fields = fields![
            magic,
            layout_version,
            header_bytes,
            region_bytes,
            anchors_offset,
            anchor_slots,
            frames_offset,
            ring_frames,
            length_frames,
            sample_rate_hz,
            channels,
            format,
            source_bytes,
            created_utc_ns,
            id,
            lifetime,
            holder_slots,
            writer.head,
            writer.reserve,
            writer.anchor_head,
            writer.anchor_reserve,
            writer.writes,
            writer.gaps,
            writer.ahead_ns,
            writer.removed,
            readers.lease,
            readers.evictions,
            source,
            holders,
            health.liveness,
            health.state,
            health.reason_bytes,
            health.since_utc_ns,
            health.restarts,
            health.reason,
        ];
        fields.into_iter().map(|(offset, path)| (offset, path.rsplit(['.', ' ']).next().unwrap())).collect()
    }

    #[test]
    fn a_field_that_moves_needs_a_new_layout_version() {
        let offsets: Vec<_> = fields().into_iter().map(|(offset, _)| offset).collect();
        let version_3 = [
            0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 68, 72, 76, 80, 88, 96, 100, 128, 136, 144, 152, 160, 168, 176, 184,
            192, 200, 256, 1280, 5376, 5384, 5388, 5392, 5400, 5408,
        ];
        assert_eq!((LAYOUT_VERSION, &offsets[..]), (3, &version_3[..]));
        let sizes = [size_of::<Header>(), size_of::<HolderSlot>(), size_of::<AnchorSlot>()];
        assert_eq!((LAYOUT_VERSION, sizes), (3, [5632, 32, 64]));
    }

    #[test]
    fn the_documentation_tells_the_true_offsets() {
        let text = include_str!("../docs/layout.rs");
        let told = text.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("//! | ")?.split(" | ");
            let offset = cells.next()?.parse::<usize>().ok()?;
            Some((offset, cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?))
        });
        assert_eq!(told.collect::<Vec<_>>(), fields());
        assert!(text.contains(&format!("layout version {LAYOUT_VERSION}.")));
        for gap in crate::GapReason::ALL {
            assert!(text.contains(&format!("{} {}", gap as u32, gap.name())), "{gap:?}");
        }
        for format in SampleFormat::ALL {
            assert!(text.contains(&format!("{} {}", format as u32, format.name())), "{format}");
        }
        for state in crate::SourceState::ALL {
            assert!(text.contains(&format!("{} {}", state as u32, state.name())), "{state}");
        }
    }
}
