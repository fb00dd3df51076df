//! Damage to the file of a buffer.

use super::ring_file::{ANCHORS, COUNTERS, HEADER, HOLDERS, LEASE, NAME, REMOVED, RingFile};
use super::script::Script;

/// Damages one thing. `is_mapped`: a process maps the file, so it is not truncated, which would end
/// that process by SIGBUS.
pub fn apply(ring: &RingFile, script: &mut Script, is_mapped: bool) {
    let layout = &ring.layout;
    match script.byte() % 16 {
        0..=4 => {
            let offset = COUNTERS[script.below(7) as usize];
            ring.put(offset, &script.number(ring.get(offset), layout).to_le_bytes());
        }
        5..=7 => {
            // One word of one of the newest anchors.
            let newest = ring.get(144).wrapping_sub(1 + script.below(4)) % layout.anchor_slots;
            let offset = ANCHORS + newest * 64 + script.below(6) * 8;
            ring.put(offset, &script.number(ring.get(offset), layout).to_le_bytes());
        }
        8 | 9 => {
            // The same words of all anchors, as arithmetic sequences.
            let words = script.byte();
            for word in (0..6).filter(|word| words & (1 << word) != 0) {
                let offset = ANCHORS + word * 8;
                let (first, step) = (script.number(ring.get(offset), layout), script.number(1, layout));
                for slot in 0..layout.anchor_slots {
                    ring.put(offset + slot * 64, &first.wrapping_add(step.wrapping_mul(slot)).to_le_bytes());
                }
            }
        }
        10 => {
            let (offset, bytes) = HEADER[script.below(HEADER.len() as u64) as usize];
            ring.put(offset, &script.number(ring.get(offset), layout).to_le_bytes()[..bytes]);
        }
        11 => {
            let bytes = script.word().to_le_bytes();
            let offset = script.below(1032);
            ring.put(NAME + offset, &bytes[..1 + script.below(8) as usize]);
        }
        12 => {
            // The writer is any process, none, a dead one, or a live one.
            let lease = [script.word(), 0, 1, ring.live_process()][script.below(4) as usize];
            ring.put(LEASE, &lease.to_le_bytes());
        }
        13 => {
            let holder = [script.word(), 0, ring.live_process()][script.below(3) as usize];
            for slot in script.below(128)..script.below(129) {
                ring.put(HOLDERS + slot * 32, &holder.to_le_bytes());
                ring.put(HOLDERS + slot * 32 + 8, &script.word().to_le_bytes());
            }
        }
        14 if is_mapped => ring.put(REMOVED, &[script.byte() % 2]),
        14 => {
            let Some(file) = ring.file() else { return };
            let bytes = script.number(layout.bytes, layout);
            let _ = file.set_len(bytes.min(1 << 43));
        }
        _ => {
            let (offset, bytes) = (script.below(layout.bytes), script.word().to_le_bytes());
            ring.put(offset, &bytes[..1 + script.below(8) as usize]);
        }
    }
}

/// Writes a consistent header of another shape, and extends the file to its size, mostly with a
/// hole.
pub fn reshape(ring: &RingFile, script: &mut Script) {
    let length = script.number(ring.layout.length_frames, &ring.layout).clamp(1, 1 << 40);
    let (rate, channels, format) = (ring.get(64) as u32, 1 + script.below(64), 1 + script.below(4));
    let seconds = length / u64::from(rate.max(1));
    let frame_bytes = [0, 2, 3, 4, 4][format as usize] * channels;
    let slack = (length / 128).max((16_384 / frame_bytes).min(length / 8)).max(256);
    let (ring_frames, slots) = ((length + slack).next_multiple_of(64), (seconds / 4).max(256));
    let frames_offset = (ANCHORS + slots * 64).next_multiple_of(4096);
    let bytes = (frames_offset + ring_frames * frame_bytes).next_multiple_of(4096);
    let Some(file) = ring.file() else { return };
    if file.set_len(bytes).is_err() {
        return;
    }
    for (offset, word) in [(16, bytes), (32, slots), (40, frames_offset), (48, ring_frames), (56, length)] {
        ring.put(offset, &word.to_le_bytes());
    }
    for (offset, half) in [(68, channels), (72, format)] {
        ring.put(offset, &(half as u32).to_le_bytes());
    }
    // A full ring.
    ring.put(128, &length.to_le_bytes());
    ring.put(136, &length.to_le_bytes());
}
