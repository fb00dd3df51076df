//! Models of the lock-free parts: the crate's own code under loom, which tries every interleaving
//! and every value a load may see, within a bound of preemptions.
//!
//! ```text
//! make loom
//! ```
//!
//! A model is trusted once it has failed. Each is run again with defects planted at the operations
//! that it is about (an ordering lost, a store lost, a load blind, a compare-and-set split), and
//! must fail every time. It must also have seen more than one interleaving and every outcome of
//! interest.
//!
//! A defect is planted by the label of an operation, as in `// SYNC reserve (release)`: neither
//! moving a file nor renaming a variable breaks it.

mod budget;
mod claim;
mod holder;
mod labels;
mod last_handle;
mod lease;
mod log;
mod lookup;
mod ring;
mod timeline;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Instant;

pub(crate) use crate::sync::Defect;
use crate::sync::places;

/// A defect at the operation with a label and an end.
type Planted = (&'static str, Defect);

#[derive(Clone, Copy)]
struct Model {
    run: fn(),
    /// Preemptions that are tried in one execution; one more if `CAPBUF_LONG` is set.
    preemptions: usize,
    /// Outcomes that must be seen, each at least once.
    outcomes: &'static [&'static str],
    planted: &'static [Planted],
}

/// Failures of twins are expected: they print nothing.
static QUIET: Once = Once::new();

thread_local! {
    static IS_TWIN: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Notes an outcome of interest.
fn saw(outcome: &'static str) {
    SEEN.with_borrow_mut(|seen| *seen.entry(outcome).or_default() += 1);
}

impl Model {
    fn explore(&self) {
        SEEN.take();
        let mut builder = loom::model::Builder::new();
        let more = usize::from(std::env::var_os("CAPBUF_LONG").is_some());
        builder.preemption_bound = Some(self.preemptions + more);
        builder.max_branches = 20_000;
        let run = self.run;
        builder.check(move || {
            saw("an interleaving");
            run();
        });
    }

    /// Explores the model, then its twins.
    fn check(&self) {
        places::plant(None);
        QUIET.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if !IS_TWIN.get() {
                    hook(info);
                }
            }));
        });
        let begun = Instant::now();
        self.explore();
        let seen = SEEN.take();
        println!("right: {seen:?} in {:?}", begun.elapsed());
        assert!(seen["an interleaving"] > 1, "nothing ran at the same time");
        for outcome in self.outcomes {
            assert!(seen.contains_key(outcome), "never saw: {outcome}");
        }
        let caught: Vec<_> = self.planted.iter().map(|planted| (planted, self.twin(*planted))).collect();
        for ((label, defect), outcome) in caught {
            match outcome {
                Ok(after) => println!("caught after {after} interleavings: {defect:?} at {label}"),
                Err(why) => panic!("not caught ({why}): {defect:?} at {label}"),
            }
        }
    }

    /// Explores the model with a defect; returns the number of interleavings until it failed.
    fn twin(&self, (label, defect): Planted) -> Result<usize, &'static str> {
        let (file, line) = labels::place_of(label);
        places::plant(Some((file, vec![line], defect)));
        IS_TWIN.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.explore()));
        IS_TWIN.set(false);
        let reached = places::reached();
        places::plant(None);
        let interleavings = SEEN.take().get("an interleaving").copied().unwrap_or(0);
        match outcome {
            Err(_) if reached > 0 => Ok(interleavings),
            Err(_) => Err("it failed by itself"),
            Ok(()) if reached > 0 => Err("the model does not notice"),
            Ok(()) => Err("the operation was not reached"),
        }
    }
}
