//! The least delay of the last twenty seconds.

use std::collections::VecDeque;

const SECOND_NS: i64 = 1_000_000_000;
/// The number of periods.
const PERIODS: usize = 20;

/// A sliding minimum over twenty periods of one second.
#[derive(Debug, Clone, Default)]
pub(super) struct LeastDelay {
    /// The start of each period, and its least delay.
    periods: VecDeque<(i64, i64)>,
}

impl LeastDelay {
    /// Adds a delay, and returns the least one.
    pub(super) fn add(&mut self, delay_ns: i64, now_ns: i64) -> i64 {
        match self.periods.back_mut() {
            Some((began_ns, least_ns)) if (0..SECOND_NS).contains(&now_ns.saturating_sub(*began_ns)) => {
                *least_ns = (*least_ns).min(delay_ns);
            }
            _ => self.periods.push_back((now_ns, delay_ns)),
        }
        while self.periods.len() > PERIODS {
            self.periods.pop_front();
        }
        self.get().unwrap_or(delay_ns)
    }

    /// The least delay; `None` before the first one.
    pub(super) fn get(&self) -> Option<i64> {
        self.periods.iter().map(|(_, least_ns)| *least_ns).min()
    }
}
