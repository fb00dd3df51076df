//! The file with the counts at the last reset of a domain's reports.

use std::io::Read as _;
use std::time::Duration;

use super::folder::Folder;
use super::handle::Domain;
use crate::error::Result;

/// Hidden: in no listing of the folder's names.
const NAME: &str = ".mark";
const NEW: &str = ".mark-new";
/// Bytes read of it.
const BYTES: u64 = 64 << 20;

impl Domain {
    /// The mark of the last reset; `None` without one.
    pub(crate) fn mark(&self) -> Option<String> {
        let mut text = String::new();
        self.folder.open(NAME).ok()??.take(BYTES).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Replaces the mark.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) if there is no room; then the last one stays.
    pub(crate) fn set_mark(&self, text: &str) -> Result<()> {
        const TRIES: usize = 100;
        for _ in 0..TRIES {
            if let Some(_lock) = self.sums_to_extend()? {
                return self.folder.replace(NAME, NEW, text);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(self.folder.failed("writing", NAME, "another process has locked the sums of the logs for a second"))
    }
}

/// Removes the mark of a domain that no process has open.
pub(super) fn remove(folder: &Folder) {
    // A folder that can't be removed for it is left.
    let _ = [NAME, NEW].map(|name| folder.remove_file(name));
}
