//! States of a source.

use capbuf::SourceState;

/// The source is being opened.
pub const CAPBUF_STATE_STARTING: u32 = 1;
/// The source delivers audio.
pub const CAPBUF_STATE_RUNNING: u32 = 2;
/// The source was lost, or could not be opened; it will be reopened after a delay.
pub const CAPBUF_STATE_BACKING_OFF: u32 = 3;
/// The source ended, as a file does.
pub const CAPBUF_STATE_FINISHED: u32 = 4;
/// The source failed for good.
pub const CAPBUF_STATE_FAILED: u32 = 5;
/// The source was stopped.
pub const CAPBUF_STATE_STOPPED: u32 = 6;
/// The source was not started.
pub const CAPBUF_STATE_IDLE: u32 = 7;
/// The source delivers no frames, only zeros, or frames at a wrong rate; it is being reopened.
pub const CAPBUF_STATE_STALLED: u32 = 8;
/// The source failed too often in a row; it is retried at a long interval.
pub const CAPBUF_STATE_CIRCUIT_OPEN: u32 = 9;

pub(crate) fn state_number(state: SourceState) -> u32 {
    match state {
        SourceState::Idle => CAPBUF_STATE_IDLE,
        SourceState::Starting => CAPBUF_STATE_STARTING,
        SourceState::Running => CAPBUF_STATE_RUNNING,
        SourceState::BackingOff => CAPBUF_STATE_BACKING_OFF,
        SourceState::Stalled => CAPBUF_STATE_STALLED,
        SourceState::CircuitOpen => CAPBUF_STATE_CIRCUIT_OPEN,
        SourceState::Finished => CAPBUF_STATE_FINISHED,
        SourceState::Failed => CAPBUF_STATE_FAILED,
        // `SourceState` is non-exhaustive; all others are the end of a source.
        _ => CAPBUF_STATE_STOPPED,
    }
}
