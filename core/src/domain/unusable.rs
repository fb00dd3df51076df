//! Files of a domain that can't be used: damaged, of another user or mode, or none of this library.

use super::folder::Folder;
use super::handle::Domain;
use super::names::{is_leftover, is_of_old_pool, is_ring};
use super::{liveness, logs};
use crate::error::{Error, Result};
use crate::memory::Region;

impl Domain {
    /// Why each file in the folder that can't be used can't, sorted by name.
    ///
    /// # Errors
    /// [`Error::System`] if the folder can't be listed.
    pub(crate) fn unusable(&self) -> Result<Vec<Error>> {
        of_folder(&self.folder)
    }
}

/// Why each file in a domain's folder that can't be used can't.
pub(super) fn of_folder(folder: &Folder) -> Result<Vec<Error>> {
    let reason = |name: &String| {
        if ![is_ring, is_leftover, is_of_old_pool, liveness::is_name, logs::is_name].iter().any(|is| is(name)) {
            let reason = "no file of a domain has such a name".to_owned();
            return Some(Error::Forbidden { path: folder.shown(name), reason });
        }
        match folder.open(name) {
            Ok(Some(file)) if is_ring(name) => Region::in_file(&file, || folder.shown(name)).err(),
            opened => opened.err(),
        }
    };
    Ok(folder.names()?.iter().filter_map(reason).collect())
}
