//! The least delay of the last ten to twenty seconds.

const SPELL_NS: i64 = 10_000_000_000;

/// A sliding minimum over two spells.
#[derive(Debug, Clone, Default)]
pub(super) struct Least {
    /// The start of the current spell, and its least value.
    current: Option<(i64, i64)>,
    before: Option<i64>,
}

impl Least {
    pub(super) fn add(&mut self, delay_ns: i64, now_ns: i64) {
        match &mut self.current {
            Some((began_ns, least_ns)) if (0..SPELL_NS).contains(&now_ns.saturating_sub(*began_ns)) => {
                *least_ns = (*least_ns).min(delay_ns);
            }
            current => self.before = current.replace((now_ns, delay_ns)).map(|(_, least_ns)| least_ns),
        }
    }

    pub(super) fn get(&self) -> Option<i64> {
        let current = self.current.map(|(_, least_ns)| least_ns);
        current.into_iter().chain(self.before).min()
    }
}
