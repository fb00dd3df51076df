//! The layout of a log: tables, rows, words.
//!
//! A log is one block of words, in tables of rows of one length each:
//!
//! | table | a row is |
//! |---|---|
//! | sources | a source's key and its name without credentials |
//! | lines | the counts of outcomes of a source at one call site by one path, and their times |
//! | sites | a call site |
//! | paths | a stack by which attempts came to a call site |
//! | modules | the path of a file with loaded code |
//! | records | one attempt, with its stack; for each source eight different ones, the oldest are displaced |
//! | holds | a held handle |
//!
//! Most rows are found by key, in a set of eight that the key selects. The key is the row's first
//! word: zero while the row is free, one while it is written, then the hash of the row's text. So a
//! row with the same key before and after reading is whole. If all eight are taken, the one used
//! longest ago is displaced and counted. Records have a number instead, odd while they are written.

use super::modules::MODULES;
use super::outcome::Outcome;
use super::stack::FRAMES;

/// The first eight bytes of every log.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"capblog\0");
/// Changes with the meaning or place of any word.
pub(super) const VERSION: u64 = 3;

/// Rows among which a key may lie.
pub(super) const SET: usize = if cfg!(loom) { 1 } else { 8 };
/// Records kept for one source.
pub(super) const RECORDS: usize = if cfg!(loom) { 1 } else { 8 };

/// The words of the header.
pub(super) mod header {
    pub(in crate::track) const MAGIC: usize = 0;
    pub(in crate::track) const VERSION: usize = 1;
    pub(in crate::track) const SOURCES: usize = 2;
    pub(in crate::track) const PID: usize = 3;
    pub(in crate::track) const CREATED: usize = 4;
    pub(in crate::track) const ENABLED: usize = 5;
    /// In the sums of ended processes: their number.
    pub(in crate::track) const ENDED: usize = 6;
    /// The first of the counts of `Dropped`.
    pub(in crate::track) const DROPPED: usize = 8;
    pub(in crate::track) const PROGRAM_BYTES: usize = 16;
    pub(in crate::track) const PROGRAM: usize = 17;
    /// One count for each outcome: those of displaced lines.
    pub(in crate::track) const DISPLACED: usize = 32;
    /// Time of the last attempt among them.
    pub(in crate::track) const DISPLACED_LAST: usize = DISPLACED + super::Outcome::COUNT;
    pub(in crate::track) const WORDS: usize = 48;
}

/// Upper bound of the sources of a log.
pub(super) const MAX_SOURCES: usize = 1 << 16;

/// The place of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) row_words: usize,
}

/// The places of all tables, computed from the number of sources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) sources: Table,
    pub(super) lines: Table,
    pub(super) sites: Table,
    pub(super) paths: Table,
    pub(super) modules: Table,
    /// One word each: the number of records that the group has had.
    pub(super) groups: Table,
    pub(super) records: Table,
    pub(super) holds: Table,
    pub(super) words: usize,
}

impl Layout {
    /// Lays out a log for `sources` sources, a power of two.
    pub(super) fn of(sources: usize) -> Self {
        let mut words = header::WORDS;
        let mut table = |rows: usize, row_words: usize| {
            let first = words;
            words += rows * row_words;
            Table { first, rows, row_words }
        };
        let groups = if cfg!(loom) { 1 } else { (sources / 8).clamp(64, 1024) };
        // Models use one row, and pay for all of them.
        let rows = |rows: usize| if cfg!(loom) { 1 } else { rows };
        Self {
            sources: table(sources, 32),
            lines: table(rows(2 * sources), 20),
            sites: table(rows(1024), 48),
            paths: table(rows(1024), row::PATH_FRAMES + FRAMES),
            modules: table(rows(MODULES), 32),
            groups: table(groups, 1),
            records: table(groups * RECORDS, 32),
            holds: table(rows(2048), 8),
            words,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.words * size_of::<u64>()) as u64
    }
}

/// The words of a row, by table.
pub(super) mod row {
    use crate::track::outcome::Outcome;

    /// Time of the last use: the row used longest ago is displaced first.
    pub(in crate::track) const SOURCE_USED: usize = 1;
    pub(in crate::track) const SOURCE_BYTES: usize = 2;
    pub(in crate::track) const SOURCE_NAME: usize = 3;

    pub(in crate::track) const LINE_SOURCE: usize = 1;
    pub(in crate::track) const LINE_SITE: usize = 2;
    pub(in crate::track) const LINE_FIRST: usize = 3;
    pub(in crate::track) const LINE_LAST: usize = 4;
    pub(in crate::track) const LINE_BUFFER: usize = 5;
    /// One count for each outcome.
    pub(in crate::track) const LINE_COUNTS: usize = 6;
    /// The current window of allocations and its peak; then the same for refusals.
    pub(in crate::track) const LINE_ALLOCATED: usize = LINE_COUNTS + Outcome::COUNT;
    pub(in crate::track) const LINE_REFUSED: usize = LINE_ALLOCATED + 2;
    pub(in crate::track) const LINE_PATH: usize = LINE_REFUSED + 2;

    pub(in crate::track) const PATH_COUNT: usize = 1;
    pub(in crate::track) const PATH_FRAMES: usize = 2;

    /// The line in the lower half, the language in the upper one.
    pub(in crate::track) const SITE_LINE: usize = 1;
    /// A frame, if the site is known by address only.
    pub(in crate::track) const SITE_FRAME: usize = 2;
    /// Bytes of the file's path in the lower half, of the function's name in the upper one.
    pub(in crate::track) const SITE_BYTES: usize = 3;
    pub(in crate::track) const SITE_TEXT: usize = 4;

    pub(in crate::track) const MODULE_BYTES: usize = 1;
    pub(in crate::track) const MODULE_PATH: usize = 2;

    pub(in crate::track) const RECORD_UTC: usize = 1;
    pub(in crate::track) const RECORD_DURATION: usize = 2;
    pub(in crate::track) const RECORD_SOURCE: usize = 3;
    pub(in crate::track) const RECORD_SITE: usize = 4;
    /// Equal for attempts of a source with the same outcome and stack.
    pub(in crate::track) const RECORD_SAME: usize = 5;
    /// The outcome in the lowest byte, the number of frames in the next one, the thread's number in
    /// the upper half.
    pub(in crate::track) const RECORD_WHAT: usize = 6;
    pub(in crate::track) const RECORD_THREAD: usize = 7;
    pub(in crate::track) const RECORD_FRAMES: usize = 9;

    pub(in crate::track) const HOLD_SOURCE: usize = 1;
    pub(in crate::track) const HOLD_BUFFER: usize = 2;
    pub(in crate::track) const HOLD_SITE: usize = 3;
    pub(in crate::track) const HOLD_SINCE: usize = 4;
    pub(in crate::track) const HOLD_THREAD: usize = 5;
}

/// A frame of a stack in one word: the number of a module in the upper 16 bits and an offset in it
/// below; with this number, the number of a site; with the other one, an address in no module.
pub(super) const FRAME_OF_SITE: u64 = 0xffff;
pub(super) const FRAME_UNKNOWN: u64 = 0xfffe;
pub(super) const FRAME_PLACE_BITS: u32 = 48;
