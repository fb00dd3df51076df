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
pub(crate) struct SourceClaims(Mutex<HashSet<Source>>);

/// A claim to be the one who feeds a source. Given back when dropped, or, in a domain, when its process dies.
pub struct SourceClaim {
    source: Source,
    _claim: Claim,
}

enum Claim {
    InProcess { _claim: InProcess },
    InDomain { _lock: LockFile },
}

struct InProcess {
    claims: PlainArc<SourceClaims>,
    source: Source,
}

impl SourceClaim {
    pub(crate) fn claim(source: &str, claims: &PlainArc<SourceClaims>, domain: Option<&Domain>) -> Result<Self> {
        let source = Source::new(source)?;
        let claim = match domain {
            Some(domain) => Claim::InDomain { _lock: domain.claim_source(&source)? },
            None => {
                if !claims.0.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone()) {
                    return Err(Error::WriterBusy { source_name: source, holder: None });
                }
                Claim::InProcess { _claim: InProcess { claims: PlainArc::clone(claims), source: source.clone() } }
            }
        };
        Ok(Self { source, _claim: claim })
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.source);
    }
}

impl fmt::Debug for SourceClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceClaim").field(&self.source).finish()
    }
}
