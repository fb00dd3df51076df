//! The exclusive right to feed a source, held from before the source is opened.
//!
//! A buffer's writer exists only once there is a buffer, and a buffer only once the source has
//! reported its format. Two processes that open one camera must meet before that.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::domain::{Domain, LockFile};
use crate::error::{Error, Result};
use crate::source::Source;
use crate::sync::PlainArc;

/// The claimed sources of one private registry.
#[derive(Default)]
pub(crate) struct SourceClaims(Mutex<HashSet<Source>>);

/// The exclusive right to feed a source. Released when dropped or, in a domain, when its process
/// dies.
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
