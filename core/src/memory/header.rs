//! The header of a region: every word before the time anchors, and its meaning.

use crate::source::MAX_SOURCE_BYTES;
use crate::sync::{AtomicI64, AtomicU32, AtomicU64};

/// The first eight bytes of every region: `capbuf` and zeros.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"capbuf\0\0");
/// Changes with the meaning or place of any byte of the header or of an anchor. Bytes that were
/// zero may get a meaning if zero stands for what was before.
pub(crate) const LAYOUT_VERSION: u32 = 5;

/// The beginning of a region. Fields that one party stores often have cache lines of their own.
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
    /// Identifies this region in every process.
    pub(crate) id: AtomicU64,
    pub(crate) lifetime: AtomicU32,
    pub(crate) holder_slots: AtomicU32,
    /// Time that the ring stays if its recorder is killed, in seconds, as its last writer set it.
    pub(crate) grace_s: AtomicU32,
    /// Processes that have the region mapped without a place in `holders`. Those that were killed
    /// stay counted until a sweep.
    pub(crate) unlisted: AtomicU32,
    /// The time since the machine's start at which a process first noticed that the recorder was
    /// killed; zero while none has.
    pub(crate) orphaned_boot_ns: AtomicI64,

    pub(crate) writer: WriterLine,
    pub(crate) readers: ReaderLine,

    /// The source's name, in the byte order of memory, zero-padded.
    pub(crate) source: [AtomicU64; SOURCE_WORDS],
    /// The processes that have the region mapped.
    pub(crate) holders: [HolderSlot; MAX_HOLDERS],
    pub(crate) health: HealthLine,
}

/// The fields that only the writer stores to, and the one flag of others that each write loads.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C, align(64))]
pub(crate) struct WriterLine {
    /// One past the newest readable frame.
    pub(crate) head: AtomicU64,
    /// Frames before this one minus the ring's size may be overwritten at any moment.
    pub(crate) reserve: AtomicU64,
    /// One past the newest readable anchor.
    pub(crate) anchor_head: AtomicU64,
    /// Anchors before this one minus the number of slots may be overwritten at any moment.
    pub(crate) anchor_reserve: AtomicU64,
    /// Number of writes so far.
    pub(crate) writes: AtomicU64,
    /// Number of anchors that follow a gap.
    pub(crate) gaps: AtomicU64,
    /// Lead of the published clock over the estimated one.
    pub(crate) ahead_ns: AtomicI64,
    /// 1 once the buffer is removed from its registry; 2 while its removal is pending, which is not
    /// yet removed; 3 once its file was taken away, which counts as removed.
    pub(crate) removed: AtomicU32,
}

/// The fields that readers and the registry store to.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C, align(64))]
pub(crate) struct ReaderLine {
    /// Non-zero while a writer holds the lease: in a domain the number of its process's liveness
    /// lock.
    pub(crate) lease: AtomicU64,
    /// Reads that came too late for some of their frames.
    pub(crate) evictions: AtomicU64,
    /// Number of the buffer that this one replaces: it was lost while it was recorded.
    pub(crate) lost_buffer: AtomicU64,
    /// The process that removed this buffer; before that, the one that removed `lost_buffer`. Zero
    /// if its file was taken away.
    pub(crate) remover_pid: AtomicU32,
    /// Buffers of this source that its recorder lost so far.
    pub(crate) losses: AtomicU32,
    /// The program of `remover_pid`, in the byte order of memory, zero-padded.
    pub(crate) remover: [AtomicU64; REMOVER_WORDS],
}

/// Words for the name of a program.
pub(crate) const REMOVER_WORDS: usize = if cfg!(loom) { 1 } else { 4 };

/// Longest reason in a published health, in bytes.
pub(crate) const HEALTH_REASON_BYTES: usize = 200;

/// The health of the source, as its feeder published it last.
#[repr(C, align(64))]
#[cfg_attr(loom, derive(Debug, Default))]
pub(crate) struct HealthLine {
    /// Liveness lock of the process that published it; zero in a private registry.
    pub(crate) liveness: AtomicU64,
    pub(crate) state: AtomicU32,
    pub(crate) reason_bytes: AtomicU32,
    pub(crate) since_utc_ns: AtomicI64,
    pub(crate) restarts: AtomicU64,
    /// In the byte order of memory.
    pub(crate) reason: [AtomicU64; HEALTH_REASON_BYTES / 8],
}

/// Processes with a mark in a region. More can have it mapped: they are counted.
pub(crate) const MAX_HOLDERS: usize = if cfg!(loom) { 1 } else { 128 };

/// The mark of one process that has the region mapped.
#[cfg_attr(loom, derive(Debug, Default))]
#[repr(C)]
pub(crate) struct HolderSlot {
    /// Liveness lock of the process; zero while the place is free.
    pub(crate) liveness: AtomicU64,
    pub(crate) since_utc_ns: AtomicI64,
    pub(crate) pid: AtomicU32,
    pub(crate) _reserved: [AtomicU32; 3],
}

/// One time anchor: eight words, stored by the timeline.
pub(crate) type AnchorSlot = [AtomicU64; ANCHOR_WORDS];

// Small in models: every word multiplies their states.
pub(crate) const ANCHOR_WORDS: usize = if cfg!(loom) { 7 } else { 8 };
pub(crate) const SOURCE_WORDS: usize = if cfg!(loom) { 1 } else { MAX_SOURCE_BYTES / 8 };
pub(crate) const HEADER_BYTES: u64 = size_of::<Header>().next_multiple_of(64) as u64;

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::spec::SampleFormat;

    /// Every field of the header, with its offset.
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
            grace_s,
            unlisted,
            orphaned_boot_ns,
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
            readers.lost_buffer,
            readers.remover_pid,
            readers.losses,
            readers.remover,
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
    fn moved_field_needs_a_new_layout_version() {
        let offsets: Vec<_> = fields().into_iter().map(|(offset, _)| offset).collect();
        let version_5 = [
            0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 68, 72, 76, 80, 88, 96, 100, 104, 108, 112, 128, 136, 144, 152, 160,
            168, 176, 184, 192, 200, 208, 216, 220, 224, 256, 1280, 5376, 5384, 5388, 5392, 5400, 5408,
        ];
        assert_eq!((LAYOUT_VERSION, &offsets[..]), (5, &version_5[..]));
        let sizes = [size_of::<Header>(), size_of::<HolderSlot>(), size_of::<AnchorSlot>()];
        assert_eq!((LAYOUT_VERSION, sizes), (5, [5632, 32, 64]));
    }

    #[test]
    fn documented_offsets_are_the_real_ones() {
        let text = include_str!("../docs/layout.rs");
        let documented = text.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("//! | ")?.split(" | ");
            let offset = cells.next()?.parse::<usize>().ok()?;
            Some((offset, cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?))
        });
        assert_eq!(documented.collect::<Vec<_>>(), fields());
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
