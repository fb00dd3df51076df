//! Texts in the rows of a log, cut to the room there is.

use crate::memory::copy;
use crate::sync::{AtomicU64, Ordering};

pub(super) fn start_of(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

pub(super) fn end_of(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

/// Writes a text into a row, cut at the row's end, preceded by its length.
pub(super) fn put_text(row: &[AtomicU64], bytes: usize, first: usize, text: &str) {
    let room = (row.len() - first) * size_of::<u64>();
    let text = start_of(text, room);
    row[bytes].store(text.len() as u64, Ordering::Relaxed);
    copy::copy_in(&row[first..], 0, text.as_bytes());
}

/// Reads a row's text. Bounded by the row, and without control characters: another process wrote
/// it.
pub(super) fn text(row: &[AtomicU64], first: usize, skip: usize, bytes: usize) -> String {
    let Some(words) = row.get(first..) else { return String::new() };
    let room = size_of_val(words);
    let skip = skip.min(room);
    let mut text = vec![0; bytes.min(room - skip)];
    copy::copy_out(words, skip, &mut text);
    String::from_utf8_lossy(&text).chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}
