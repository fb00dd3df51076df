//! The claim of a daemon on its domain: one daemon records into it. A configuration that it refuses
//! is published through the claim, as the state of a source with the daemon's own name.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use capbuf::{Registry, SourceClaim, SourceHealth, SourceState};

use super::OWN_NAME;
use crate::failure::Failure;

/// Interval of the checks whether the claim is still held.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The claim, checked on a thread of its own: a check may wait for another process. Released when
/// dropped.
pub(super) struct DaemonClaim {
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    /// The last configuration was refused, for a reason; or accepted.
    Refused(Option<String>),
    End,
}

/// Publishes whether the last configuration was refused.
#[derive(Clone)]
pub(super) struct ConfigState(Sender<Message>);

impl ConfigState {
    pub(super) fn refused(&self, reason: &str) {
        // Its receiver is gone at the end only.
        let _ = self.0.send(Message::Refused(Some(reason.to_owned())));
    }

    pub(super) fn accepted(&self) {
        let _ = self.0.send(Message::Refused(None));
    }
}

impl DaemonClaim {
    /// Claims the domain of a registry.
    pub(super) fn take(registry: &Registry) -> Result<Self, Failure> {
        let claim = registry.claim_source(OWN_NAME).map_err(|error| refused(registry, error))?;
        let (messages, received) = channel();
        let keeper = Keeper { registry: registry.clone(), claim: Some(claim), refusal: None, last: None };
        let thread = thread::Builder::new().name("capbuf-claim".to_owned()).spawn(move || keeper.keep(&received));
        let thread = thread.map_err(|error| Failure::Run(format!("can't start a thread: {error}")))?;
        Ok(Self { messages, thread: Some(thread) })
    }

    pub(super) fn config_state(&self) -> ConfigState {
        ConfigState(self.messages.clone())
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

struct Keeper {
    registry: Registry,
    /// `None` while it is lost.
    claim: Option<SourceClaim>,
    refusal: Option<SourceHealth>,
    /// The last reason why the domain could not be claimed again.
    last: Option<String>,
}

impl Keeper {
    /// Checks the claim until the end, and claims the domain again after its files were taken away.
    /// Meanwhile another daemon may have begun: then both say so, and each source has one recorder.
    fn keep(mut self, messages: &Receiver<Message>) {
        loop {
            match messages.recv_timeout(CHECK_EVERY) {
                Ok(Message::Refused(reason)) => {
                    let health = |reason| {
                        let now_utc_ns = self.registry.clock().utc_ns();
                        SourceHealth::new(
                            SourceState::Failed,
                            now_utc_ns,
                            0,
                            format!("configuration refused: {reason}"),
                        )
                    };
                    self.refusal = reason.map(health);
                    self.publish();
                }
                Err(RecvTimeoutError::Timeout) => self.check(),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn publish(&self) {
        let Some(claim) = &self.claim else { return };
        let published = self.refusal.as_ref().map_or_else(|| claim.withdraw(), |health| claim.publish(None, health));
        if let Err(error) = published {
            tracing::warn!(%error, "the state of the configuration can't be published");
        }
    }

    fn check(&mut self) {
        match self.claim.as_ref().map(SourceClaim::check) {
            Some(Err(error @ (capbuf::Error::Removed { .. } | capbuf::Error::WriterBusy { .. }))) => {
                tracing::error!(%error, "the claim on the domain is lost: its files were taken away");
                self.claim = None;
            }
            Some(_) => return,
            None => {}
        }
        match self.registry.claim_source(OWN_NAME) {
            Ok(again) => {
                tracing::warn!("the domain is claimed again");
                (self.claim, self.last) = (Some(again), None);
                self.publish();
            }
            Err(error) => {
                let reason = refused(&self.registry, error).message().to_owned();
                if self.last.as_ref() != Some(&reason) {
                    tracing::error!(%reason, "the domain is not claimed");
                }
                self.last = Some(reason);
            }
        }
    }
}

impl Drop for DaemonClaim {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::End);
        if let Some(thread) = self.thread.take() {
            // A panic of it was reported where it was.
            let _ = thread.join();
        }
    }
}
