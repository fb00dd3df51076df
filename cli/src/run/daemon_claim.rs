//! The claim of a daemon on its domain: one daemon records into it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use capbuf::{Registry, SourceClaim};

use super::OWN_NAME;
use crate::failure::Failure;

/// Interval of the checks whether the claim is still held.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The claim, checked on a thread of its own: a check may wait for another process. Released when
/// dropped.
pub(super) struct DaemonClaim {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DaemonClaim {
    /// Claims the domain of a registry.
    pub(super) fn take(registry: &Registry) -> Result<Self, Failure> {
        let claim = registry.claim_source(OWN_NAME).map_err(|error| refused(registry, error))?;
        let (end, ended) = channel();
        let registry = registry.clone();
        let keep = move || keep(&registry, claim, &ended);
        let thread = thread::Builder::new().name("capbuf-claim".to_owned()).spawn(keep);
        let thread = thread.map_err(|error| Failure::Run(format!("can't start a thread: {error}")))?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

fn refused(registry: &Registry, error: capbuf::Error) -> Failure {
    match error {
        capbuf::Error::WriterBusy { holder, .. } => {
            let domain = registry.domain().unwrap_or_default();
            let holder = holder.map_or_else(String::new, |holder| format!(": {holder}"));
            Failure::Run(format!("another daemon records into domain {domain}{holder}"))
        }
        error => error.into(),
    }
}

/// Checks the claim until the end, and claims the domain again after its files were taken away.
/// Meanwhile another daemon may have begun: then both say so, and each source has one recorder.
fn keep(registry: &Registry, claim: SourceClaim, ended: &Receiver<()>) {
    let (mut claim, mut last) = (Some(claim), None);
    while ended.recv_timeout(CHECK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let checked = claim.as_ref().map(SourceClaim::check);
        match checked {
            Some(Err(error @ (capbuf::Error::Removed { .. } | capbuf::Error::WriterBusy { .. }))) => {
                tracing::error!(%error, "the claim on the domain is lost: its files were taken away");
                claim = None;
            }
            Some(_) => continue,
            None => {}
        }
        match registry.claim_source(OWN_NAME) {
            Ok(again) => {
                tracing::warn!("the domain is claimed again");
                (claim, last) = (Some(again), None);
            }
            Err(error) => {
                let reason = refused(registry, error).message().to_owned();
                if last.as_ref() != Some(&reason) {
                    tracing::error!(%reason, "the domain is not claimed");
                }
                last = Some(reason);
            }
        }
    }
}

impl Drop for DaemonClaim {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // A panic of it was reported where it was.
            let _ = thread.join();
        }
    }
}
