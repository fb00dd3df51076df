//! Models of what runs at the same time: the crate's own code under loom, which tries every order of steps, and every value that a
//! load may see, within a bound of preemptions.
//!
//! ```text
//! make loom
//! ```
//!
//! A model is trusted once it has failed. So each is run again with defects planted in the very lines that it is about
//! (an ordering that is gone, a store that is lost, a check that sees nothing), and must fail every time; and each must
//! have seen more than one order of steps and every outcome that is of interest.

mod claim;
mod holder;
mod last_handle;
mod lease;
mod log;
mod ring;
mod slot;
mod timeline;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Instant;

pub(crate) use crate::sync::Defect;
use crate::sync::places;

/// A defect in the lines of a file that hold a text.
type Planted = (&'static str, &'static str, Defect);

#[derive(Clone, Copy)]
struct Model {
    run: fn(),
    /// How many times a thread may be interrupted where it could go on; once more if `CAPBUF_LONG` is set.
    preemptions: usize,
    /// What must have been seen to happen, each at least once.
    outcomes: &'static [&'static str],
    planted: &'static [Planted],
}

/// Twins' failures are what is wanted, and not worth a word.
static QUIET: Once = Once::new();

thread_local! {
    static IS_TWIN: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Says that something of interest happened.
fn saw(outcome: &'static str) {
    SEEN.with_borrow_mut(|seen| *seen.entry(outcome).or_default() += 1);
}

/// The lines of a source file that hold a text.
fn lines_with(file: &str, text: &str) -> Vec<u32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let source = std::fs::read_to_string(&path).unwrap();
    let lines = source.lines().zip(1..).filter(|(line, _)| line.contains(text) && !line.trim_start().starts_with("//"));
    lines.map(|(_, number)| number).collect()
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
            saw("an order of steps");
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
        assert!(seen["an order of steps"] > 1, "nothing ran at the same time");
        for outcome in self.outcomes {
            assert!(seen.contains_key(outcome), "never saw: {outcome}");
        }
        let caught: Vec<_> = self.planted.iter().map(|planted| (planted, self.twin(*planted))).collect();
        for ((file, text, defect), outcome) in caught {
            match outcome {
                Ok(after) => println!("caught after {after} orders: {defect:?} in {file}: {text}"),
                Err(why) => panic!("not caught ({why}): {defect:?} in {file}: {text}"),
            }
        }
    }

    /// Explores the model with a defect; how many orders of steps it took until it failed.
    fn twin(&self, (file, text, defect): Planted) -> Result<usize, &'static str> {
        let lines = lines_with(file, text);
        if lines.is_empty() {
            return Err("there is no such line");
        }
        places::plant(Some((file.to_owned(), lines, defect)));
        IS_TWIN.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.explore()));
        IS_TWIN.set(false);
        let reached = places::reached();
        places::plant(None);
        let orders = SEEN.take().get("an order of steps").copied().unwrap_or(0);
        match outcome {
            Err(_) if reached > 0 => Ok(orders),
            Err(_) => Err("it failed by itself"),
            Ok(()) if reached > 0 => Err("the model does not notice"),
            Ok(()) => Err("no step came by"),
        }
    }
}

/// Orderings that no model is about, and why.
const EXCUSED: &[(&str, &str, &str)] = &[
    ("memory/budget.rs", "mapped", "counters for display; who reads them relies on nothing beside them"),
    ("domain/removal.rs", "flag(region)", "a flag that nothing is read through; models plant its loss"),
    (
        "registry/lookup/published.rs",
        "self.version.",
        "a model's map is behind a lock, so no look at it is older; models plant the loss",
    ),
    (
        "registry/lookup/slot.rs",
        "own.used[word].store(slot.address(), Ordering::Release)",
        "light fences are whole ones here, and order it already",
    ),
    (
        "registry/lookup/slot.rs",
        "used.load(Ordering::Acquire) == 0",
        "counts only where a thread's own end does not come after its uses: in its last steps",
    ),
    (
        "registry/lookup/slot.rs",
        "compare_exchange(FILLED, TAKEN",
        "who takes has waited for the filling, or used what was filled",
    ),
    ("registry/lookup/slot.rs", "slot.state.swap(TAKEN", "who ends a registry comes after all who used it"),
    (
        "sync/real.rs",
        "fence(Ordering::SeqCst)",
        "the body that no model runs; models plant the loss of the fence where it is passed",
    ),
    ("track/log.rs", "header[header::MAGIC]", "of the log of another process, and models have no files"),
    (
        "track/log.rs",
        "BUSY, Ordering::Acquire",
        "the checker lets no store be overtaken by an older one of another thread",
    ),
    ("track/log.rs", "writing, Ordering::Acquire", "the same"),
    ("track/log.rs", "(key, 0, Ordering::Release", "the same: nothing is read in a row that is free"),
    ("track/log.rs", "row[0].load(Ordering::Acquire) == key", "who finds his row only adds to its counters"),
    ("track/log.rs", "row[0].store(number as u64 + 2, Ordering::Release)", "as the key of any other row"),
    (
        "ring/anchors.rs",
        "line.anchor_head.store(number, Ordering::Release)",
        "takes anchors back that no reader has used",
    ),
];

/// Takes the tests out of a source file's text.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// The crate's source files, without documentation, models and the model checker's body.
fn modelled_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["docs", "models"].contains(&name.as_str()) {
            files.extend(modelled_files(&path));
        } else if name.ends_with(".rs") && !["modelled.rs", "tests.rs"].contains(&name.as_str()) {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_ordering_is_what_a_model_fails_without_or_is_excused() {
    let all =
        [claim::ALL, holder::ALL, last_handle::ALL, lease::ALL, log::ALL, ring::ALL, slot::ALL, timeline::ALL].concat();
    let planted: Vec<_> = all.iter().flat_map(|model| model.planted).collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    for file in modelled_files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        let source = std::fs::read_to_string(&file).unwrap();
        for (line, number) in without_tests(&source).lines().zip(1..) {
            let is_strong = ["Acquire", "Release", "AcqRel", "SeqCst"]
                .iter()
                .any(|order| line.contains(&format!("Ordering::{order}")) && !line.trim_start().starts_with("//"));
            if !is_strong {
                continue;
            }
            found += 1;
            let is_planted = planted.iter().any(|(file, text, defect)| {
                let is_gone = *defect == Defect::Relaxed || line.contains("fence(");
                name == *file && line.contains(text) && is_gone
            });
            let is_excused = EXCUSED.iter().any(|(file, text, _)| name.starts_with(file) && line.contains(text));
            assert!(is_planted || is_excused, "{name}:{number}: no model is about this: {line}");
        }
    }
    assert!(found > 10, "{found} orderings found");
}
