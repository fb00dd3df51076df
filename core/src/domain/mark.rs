//! The file with the counts at the last reset of a domain's reports.

use std::io::{Read as _, Write as _};

use super::folder::Folder;
use super::handle::Domain;
use crate::error::Result;
use crate::memory::largest_file_bytes;

/// Hidden: in no listing of the folder's names. Each process that writes it has a name of its own
/// for the file in the making.
pub(super) const NAME: &str = ".mark";
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
        if text.len() as u64 > largest_file_bytes() {
            return Err(self.folder.failed("writing", NAME, "it is beyond this process's limit: see `ulimit -f`"));
        }
        let new = format!("{NAME}-{:016x}", self.liveness()?.number());
        let mut file = self.folder.open_or_create(&new)?;
        let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        let set = match written {
            Ok(()) => self.folder.rename(&new, NAME),
            Err(error) => Err(self.folder.failed("writing", &new, error)),
        };
        if set.is_err() {
            // The first error counts.
            let _ = self.folder.remove_file(&new);
        }
        set
    }
}

/// Removes the mark of a domain that no process has open.
pub(super) fn remove(folder: &Folder) {
    // A folder that can't be removed for it is left.
    let _ = folder.remove_file(NAME);
}
