//! The labelled operations in the source: where they are, and whether a model is about each.

use sync_labels::{files, is_ordered, label, label_of, lines, src};

use super::{Defect, budget, claim, holder, last_handle, lease, log, lookup, ring, timeline};

#[path = "../../tests/support/sync_labels.rs"]
mod sync_labels;

/// Operations that no model is about, by the beginning of their label, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("held", "a list of the whole process, which no model watches"),
    ("removed", "a flag that nothing is read through; models plant its loss"),
    ("log", "the header of another process's log; models have no files"),
    ("holder (left)", "the last holder takes the lock file after it left, which orders it"),
    ("holder (unflagged)", "as `holder (left)`"),
    ("record (claim)", "loom lets no store be overtaken by an older one of another thread"),
    ("row (claim)", "as `record (claim)`"),
    ("row (claim hold)", "as `record (claim)`"),
    ("row (find)", "a row that is found is only added to"),
    ("row (free)", "nothing of a free row is read"),
    ("row (publish path)", "as `row (publish)`"),
    ("anchor head (withdraw)", "takes back anchors that no reader has used"),
];

/// The names of atomic operations in a line of code.
const OPERATIONS: [&str; 9] =
    [".load(", ".store(", ".swap(", ".compare_exchange(", ".compare_and_swap(", ".fetch_", "fence(", ".set(", ".get()"];

fn is_operation(line: &str) -> bool {
    !line.starts_with("//") && OPERATIONS.iter().any(|operation| line.contains(operation))
}

/// The file and the line of the operation with a label: the first one below the comment.
pub(super) fn place_of(wanted: &str) -> (String, u32) {
    let mut places = Vec::new();
    for file in files(&src()) {
        let lines = lines(&file);
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| label(line) == Some(wanted)) {
            let operation = (at..lines.len()).find(|at| is_operation(&lines[*at])).expect("an operation follows");
            let name = file.strip_prefix(src()).unwrap().to_string_lossy().into_owned();
            places.push((name, operation as u32 + 1));
        }
    }
    assert_eq!(places.len(), 1, "`SYNC {wanted}` names {places:?}, not one operation");
    places.remove(0)
}

#[test]
fn each_ordering_has_a_model_that_fails_without_it_or_an_excuse() {
    let all = [
        budget::ALL,
        claim::ALL,
        holder::ALL,
        last_handle::ALL,
        lease::ALL,
        log::ALL,
        lookup::ALL,
        ring::ALL,
        timeline::ALL,
    ];
    let planted: Vec<_> = all.concat().iter().flat_map(|model| model.planted).collect();
    println!("{} defects are planted", planted.len());
    let mut found = 0;
    for file in files(&src()).iter().filter(|file| !file.ends_with("modelled.rs")) {
        let lines = lines(file);
        for (at, line) in lines.iter().enumerate() {
            if !is_ordered(line) {
                continue;
            }
            found += 1;
            let label = label_of(&lines, at).unwrap_or_default();
            let is_planted = planted.iter().any(|(planted, defect)| {
                let is_order_lost = *defect == Defect::Relaxed || line.contains("fence(");
                *planted == label && is_order_lost
            });
            let is_excused = EXCUSED.iter().any(|(excused, _)| label.starts_with(excused));
            let place = format!("{}:{}", file.display(), at + 1);
            assert!(is_planted || is_excused, "{place}: no model is about `SYNC {label}`: {line}");
        }
    }
    assert!(found > 10, "{found} orderings found");
}
