//! Counts of findings whose files were removed, and the highest counts shown: counters of a domain
//! never go backwards.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::handle::Domain;
use crate::error::Result;

/// Hidden: in no listing of the folder's names.
const NAME: &str = ".found-sums";
const NEW: &str = ".found-sums-new";
/// Bytes read of it.
const BYTES: u64 = 1 << 20;
/// Kinds that are counted.
const KINDS: usize = 64;

/// Counts of findings by the name of their kind.
pub(crate) type FoundCounts = BTreeMap<String, u64>;

#[derive(Debug, Default, Serialize, Deserialize)]
struct FoundSums {
    /// Files that are counted in `removed`. If they are still there, they are being removed.
    counted: Vec<String>,
    removed: FoundCounts,
    highest: FoundCounts,
}

impl Domain {
    fn found_sums(&self) -> FoundSums {
        let read = || {
            let mut text = String::new();
            self.folder.open(NAME).ok()??.take(BYTES).read_to_string(&mut text).ok()?;
            serde_json::from_str::<FoundSums>(&text).ok()
        };
        let mut sums = read().unwrap_or_default();
        // Another process may have written anything.
        for counts in [&mut sums.removed, &mut sums.highest] {
            *counts = std::mem::take(counts).into_iter().take(KINDS).collect();
        }
        sums
    }

    /// Under the lock of the logs' sums.
    fn set_found_sums(&self, sums: &FoundSums) -> Result<()> {
        let text = serde_json::to_string(sums).map_err(|error| self.folder.failed("writing", NAME, error))?;
        self.folder.replace(NAME, NEW, &text)
    }

    /// Leaves out findings, each with the name of its file, whose files are counted as removed;
    /// returns those counts.
    pub(super) fn without_counted(&self, findings: &mut Vec<(String, String)>) -> FoundCounts {
        let sums = self.found_sums();
        findings.retain(|(_, name)| !sums.counted.contains(name));
        sums.removed
    }

    /// Adds the counts of findings' files to the sums, then removes the files. Leaves them to
    /// another process that is doing so.
    pub(super) fn sum_up_findings(&self, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let Some(_lock) = self.sums_to_extend()? else { return Ok(()) };
        let mut sums = self.found_sums();
        for name in names.iter().filter(|name| !sums.counted.contains(name)).cloned().collect::<Vec<_>>() {
            for (kind, count) in self.counts_in(&name) {
                let is_known = sums.removed.contains_key(&kind);
                if is_known || sums.removed.len() < KINDS {
                    let sum = sums.removed.entry(kind).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
        }
        sums.counted = names.to_vec();
        // A file that is not counted stays; one that is counted and stays is left out from now on.
        self.set_found_sums(&sums)?;
        names.iter().try_for_each(|name| self.folder.remove_file(name).map(|_| ()))
    }

    /// Counts of the findings in a file, by kind.
    fn counts_in(&self, name: &str) -> Vec<(String, u64)> {
        let count = |line: &str| {
            let json: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((json.get("kind")?.as_str()?.to_owned(), json.get("count")?.as_u64()?))
        };
        self.text_of(name).map(|text| text.lines().filter_map(count).collect()).unwrap_or_default()
    }

    /// Raises the highest counts shown to `counts`; returns them.
    pub(crate) fn raise_found(&self, counts: &FoundCounts) -> FoundCounts {
        let raise = |highest: &mut FoundCounts| {
            let mut is_raised = false;
            for (kind, count) in counts {
                let before = highest.entry(kind.clone()).or_default();
                is_raised |= *count > *before;
                *before = (*before).max(*count);
            }
            is_raised
        };
        let mut highest = self.found_sums().highest;
        if raise(&mut highest)
            && let Ok(Some(_lock)) = self.sums_to_extend()
        {
            let mut sums = self.found_sums();
            raise(&mut sums.highest);
            // Without room this process alone knows.
            let _ = self.set_found_sums(&sums);
        }
        highest
    }
}

/// Removes the sums of a domain that no process has open.
pub(super) fn remove(folder: &Folder) {
    // A folder that can't be removed for it is left.
    let _ = [NAME, NEW].map(|name| folder.remove_file(name));
}
