//! Who is about to feed a source: a claim that is held from before a source is opened.
//!
//! A buffer's writer can be taken only when there is a buffer, and there is one only when the source has told its shape. Two who
//! open one camera at the same time must meet before that.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::domain::{Domain, LockFile};
use crate::error::{Error, Result};
use crate::source::Source;
use crate::sync::PlainArc;

/// The sources of one private registry that somebody feeds, or is about to.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<HashSet<Source>>);

/// A claim to be the one who feeds a source. Given back when dropped, or, in a domain, when its process dies.
pub struct Feed {
    source: Source,
    _claim: Claim,
}

enum Claim {
    InProcess { _claim: InProcess },
    InDomain { _lock: LockFile },
}

struct InProcess {
    feeds: PlainArc<Feeds>,
    source: Source,
}

impl Feed {
    pub(crate) fn claim(source: &str, feeds: &PlainArc<Feeds>, domain: Option<&Domain>) -> Result<Self> {
        let source = Source::new(source)?;
        let claim = match domain {
            Some(domain) => Claim::InDomain { _lock: domain.claim_feed(&source)? },
            None => {
                if !feeds.0.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone()) {
                    return Err(Error::WriterBusy { source_name: source, holder: None });
                }
                Claim::InProcess { _claim: InProcess { feeds: PlainArc::clone(feeds), source: source.clone() } }
            }
        };
        Ok(Self { source, _claim: claim })
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.feeds.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.source);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Feed").field(&self.source).finish()
    }
}
