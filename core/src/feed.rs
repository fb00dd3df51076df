//! Who is about to feed a source: a claim that is held from before a source is opened.
//!
//! A buffer's writer can be taken only when there is a buffer, and there is one only when the source has told its shape. Two who
//! open one camera at the same time must meet before that.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::source::Source;
use crate::sync::Arc;

/// The sources of one registry that somebody feeds, or is about to.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<HashSet<Source>>);

impl Feeds {
    pub(crate) fn claim(self: &Arc<Self>, source: &str) -> Result<Feed> {
        let source = Source::new(source)?;
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone()) {
            return Ok(Feed { feeds: Arc::clone(self), source });
        }
        Err(Error::WriterBusy { source_name: source })
    }
}

/// A claim to be the one who feeds a source. Given back when dropped.
pub struct Feed {
    feeds: Arc<Feeds>,
    source: Source,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.feeds.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.source);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Feed").field(&self.source).finish()
    }
}
