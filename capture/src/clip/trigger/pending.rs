//! The clip to be cut next: overlapping firings are merged, up to a length.

/// A span of time, in ns of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) from_ns: i64,
    pub(crate) to_ns: i64,
}

/// The clip that is cut once its audio is complete, if any.
#[derive(Debug)]
pub(crate) struct Pending {
    before_ns: i64,
    after_ns: i64,
    at_most_ns: i64,
    open: Option<TimeRange>,
    /// The end of a clip of full length, where the open one starts.
    continues_at_ns: Option<i64>,
}

impl Pending {
    pub(crate) fn new(before_ns: i64, after_ns: i64, at_most_ns: i64) -> Self {
        Self { before_ns, after_ns, at_most_ns: at_most_ns.max(1), open: None, continues_at_ns: None }
    }

    /// Sets the longest clip.
    pub(crate) fn set_at_most(&mut self, at_most_ns: i64) {
        self.at_most_ns = at_most_ns.max(1);
    }

    /// Adds a firing, and returns the clip that is complete thereby: one that it does not touch, or
    /// one of full length.
    pub(crate) fn fire(&mut self, at_ns: i64) -> Option<TimeRange> {
        let new =
            TimeRange { from_ns: at_ns.saturating_sub(self.before_ns), to_ns: at_ns.saturating_add(self.after_ns) };
        let Some(open) = self.open else {
            self.open = Some(new);
            return None;
        };
        if new.from_ns > open.to_ns {
            (self.open, self.continues_at_ns) = (Some(new), None);
            return Some(open);
        }
        let from_ns = open.from_ns.min(new.from_ns).max(self.continues_at_ns.unwrap_or(i64::MIN));
        let merged = TimeRange { from_ns, to_ns: open.to_ns.max(new.to_ns) };
        let limit_ns = merged.from_ns.saturating_add(self.at_most_ns);
        if merged.to_ns <= limit_ns {
            self.open = Some(merged);
            return None;
        }
        // Two adjacent clips, without a hole.
        let full = TimeRange { from_ns: merged.from_ns, to_ns: limit_ns.max(open.from_ns) };
        self.open = Some(TimeRange { from_ns: full.to_ns, to_ns: merged.to_ns });
        self.continues_at_ns = Some(full.to_ns);
        Some(full)
    }

    /// Returns the clip if its audio ends at or before `newest_ns`.
    pub(crate) fn due(&mut self, newest_ns: i64) -> Option<TimeRange> {
        let due = self.open.take_if(|open| open.to_ns <= newest_ns);
        if due.is_some() {
            self.continues_at_ns = None;
        }
        due
    }

    /// Returns the clip if no firing at or after `from_ns` can touch it.
    pub(crate) fn settled(&mut self, from_ns: i64) -> Option<TimeRange> {
        self.due(from_ns.saturating_sub(self.before_ns).saturating_sub(1))
    }

    /// Returns the clip as it is.
    pub(crate) fn give_up(&mut self) -> Option<TimeRange> {
        self.continues_at_ns = None;
        self.open.take()
    }

    /// Returns the end of the clip.
    pub(crate) fn complete_at_ns(&self) -> Option<i64> {
        self.open.map(|open| open.to_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time_range(from_ns: i64, to_ns: i64) -> Option<TimeRange> {
        Some(TimeRange { from_ns, to_ns })
    }

    #[test]
    fn clip_is_due_at_its_end() {
        let mut pending = Pending::new(3, 5, 100);
        assert_eq!(pending.fire(10), None);
        assert_eq!((pending.due(14), pending.complete_at_ns()), (None, Some(15)));
        assert_eq!((pending.due(15), pending.due(99)), (time_range(7, 15), None));
    }

    #[test]
    fn clip_is_settled_when_no_later_firing_can_touch_it() {
        let mut pending = Pending::new(3, 5, 100);
        assert_eq!(pending.fire(10), None);
        assert_eq!(pending.settled(18), None, "a firing at 18 would start at 15, its end");
        assert_eq!((pending.settled(19), pending.settled(99)), (time_range(7, 15), None));
    }

    #[test]
    fn overlapping_and_adjacent_firings_are_merged() {
        let mut pending = Pending::new(3, 5, 100);
        for at in [10, 12, 20, 28] {
            assert_eq!(pending.fire(at), None, "{at}");
        }
        // The last one ends at 33; a firing at 37 starts at 34.
        assert_eq!(pending.fire(37), time_range(7, 33));
        assert_eq!(pending.give_up(), time_range(34, 42));
    }

    #[test]
    fn long_event_is_cut_into_adjacent_clips() {
        let mut pending = Pending::new(3, 5, 20);
        let mut clips: Vec<TimeRange> = (0..200).filter_map(|at| pending.fire(at)).collect();
        clips.extend(pending.give_up());
        assert_eq!((clips[0].from_ns, clips[clips.len() - 1].to_ns), (-3, 204));
        assert!(clips.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns), "{clips:?}");
        assert!(clips.iter().all(|clip| clip.to_ns - clip.from_ns <= 20), "{clips:?}");
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut pending = Pending::new(i64::MAX, i64::MAX, i64::MAX);
        for at in [i64::MIN, i64::MAX, 0, i64::MIN] {
            pending.fire(at);
        }
        pending.give_up();
    }
}
