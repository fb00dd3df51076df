//! Times of frames are true, never change and never run backwards within an epoch, whatever clocks
//! and networks do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod accuracy;
mod clock_steps;
mod drift;
mod epochs;
mod gaps;
mod past;
mod simulation;
#[path = "../support/mod.rs"]
mod support;
mod writers;

/// Number `index` of a fixed sequence in -1.0..1.0 without a trend.
fn jitter(index: u64) -> f64 {
    let mut bits = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}
