//! The course of a stream on an injected clock.

use std::time::Duration;

use super::clock::{Placed, Stamped, StreamClock};

/// Passes packets to a clock as the writer of packets does.
pub(super) struct Course {
    pub(super) clock: StreamClock,
    /// The packets of the start.
    pub(super) held: Vec<Stamped>,
    waiting: Option<Stamped>,
    pub(super) placed: Vec<Placed>,
    /// The arrival with which the start was settled.
    pub(super) settled_ns: Option<i64>,
}

impl Course {
    pub(super) fn new(clock: StreamClock) -> Self {
        Self { clock, held: Vec::new(), waiting: None, placed: Vec::new(), settled_ns: None }
    }

    pub(super) fn take(&mut self, packet: Stamped) {
        if !self.clock.is_settled() {
            self.held.push(packet);
            if self.clock.hold(packet).0 {
                self.placed = self.clock.settle(&self.held, packet.arrived_ns);
                self.settled_ns = Some(packet.arrived_ns);
            }
            return;
        }
        if let Some(waiting) = self.waiting.take() {
            self.placed.push(self.clock.place(waiting, Some(packet)));
        }
        if self.clock.seems_lost(packet) {
            self.waiting = Some(packet);
        } else {
            self.placed.push(self.clock.place(packet, None));
        }
    }

    pub(super) fn lost(&self) -> Duration {
        self.placed.iter().filter_map(|placed| placed.lost).sum()
    }

    /// The holes, and the numbers of the packets behind them.
    pub(super) fn holes(&self) -> Vec<(usize, Duration)> {
        self.placed.iter().enumerate().filter_map(|(number, placed)| placed.lost.map(|lost| (number, lost))).collect()
    }
}
