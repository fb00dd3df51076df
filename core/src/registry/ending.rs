//! A last action on a registry, before its last handle or the process ends.

use super::handle::Registry;
use crate::sync::process::{AtomicU32, PlainWeak};
use crate::sync::{Ordering, PlainArc};

/// A last action on a registry, shared by all its handles: done once, when the last one is dropped
/// or when it is called for before.
pub(crate) struct Ending {
    registry: Registry,
    action: fn(&Registry),
    is_done: AtomicU32,
}

impl Ending {
    /// The registry, as long as it lasts; not in a child of its process.
    pub(crate) fn registry(&self) -> Option<&Registry> {
        (!self.registry.0.owner.is_parent()).then_some(&self.registry)
    }

    /// Does the action now, unless it was done.
    pub(crate) fn run(&self) {
        // SYNC none: one thread does it; what it looks at has an order of its own.
        if let Some(registry) = self.registry()
            && self.is_done.swap(1, Ordering::Relaxed) == 0
        {
            (self.action)(registry);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.run();
    }
}

impl Registry {
    /// Has `action` done before this registry ends. This does not keep the
    /// registry alive: the action's handle is dropped with the last other one.
    pub(crate) fn before_end(mut self, action: fn(&Self)) -> (Self, PlainWeak<Ending>) {
        let registry = Self(self.0.clone(), None);
        let ending = PlainArc::new(Ending { registry, action, is_done: AtomicU32::new(0) });
        let weak = PlainArc::downgrade(&ending);
        self.1 = Some(ending);
        (self, weak)
    }
}
