//! The sources of a registry: those with a buffer, and those that are being opened.

use std::collections::BTreeMap;

use super::handle::Registry;
use crate::buffer::{CaptureBuffer, SourceHealth};
use crate::error::Result;
use crate::holder::Holder;
use crate::source::Source;

/// The name under which a daemon claims its domain and publishes a configuration that it refused.
/// Its record is no source: lists, watches and metrics leave it out.
#[doc(hidden)]
pub const DAEMON_NAME: &str = "capbuf run";

/// A source that has a buffer, or is being opened by a recorder.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SourceInfo {
    /// Its name.
    pub source: Source,
    /// Its buffer; `None` until its recorder has opened it the first time.
    pub buffer: Option<CaptureBuffer>,
    /// Its health, as its recorder published it last; `None` if it never did.
    pub health: Option<SourceHealth>,
    /// The living process that published the health; `None` in a private registry.
    pub recorder: Option<Holder>,
}

/// The published state of a source whose recorder lives.
pub(crate) struct Recorded {
    pub(crate) source: Source,
    pub(crate) health: SourceHealth,
    pub(crate) recorder: Option<Holder>,
}

impl Registry {
    /// Returns all sources, ordered by name: those with a buffer, and those that a recorder is
    /// opening, is waiting for, or could not open.
    ///
    /// A source is listed from the moment its recorder claims it. As [`Registry::buffers`], it maps
    /// all buffers of a domain, and allocates.
    ///
    /// # Errors
    /// As [`Registry::try_buffers`].
    ///
    /// ```
    /// use capbuf::{Registry, SourceHealth, SourceState};
    ///
    /// let registry = Registry::private();
    /// let claim = registry.claim_source("rtsp://camera/1")?;
    /// claim.publish(None, &SourceHealth::new(SourceState::BackingOff, 0, 0, "connection refused"))?;
    /// let sources = registry.sources()?;
    /// assert_eq!((sources[0].source.as_str(), sources[0].buffer.is_none()), ("rtsp://camera/1", true));
    /// assert_eq!(sources[0].health.as_ref().map(|health| health.state), Some(SourceState::BackingOff));
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn sources(&self) -> Result<Vec<SourceInfo>> {
        let info = |buffer: CaptureBuffer| {
            let (source, health) =
                (buffer.source().clone(), SourceHealth::of(&buffer.shared, buffer.shared.orphaned_left()));
            (source.clone(), SourceInfo { source, buffer: Some(buffer), health, recorder: None })
        };
        let mut sources: BTreeMap<_, _> = self.try_buffers()?.into_iter().map(info).collect();
        for Recorded { source, health, recorder } in self.try_recorded()? {
            let info = sources.entry(source.clone());
            let info = info.or_insert(SourceInfo { source, buffer: None, health: None, recorder: None });
            (info.health, info.recorder) = (Some(health), recorder);
        }
        Ok(sources.into_values().collect())
    }

    /// Returns the record of the domain's daemon, whose reason is that of a refused configuration;
    /// `None` if no daemon has refused one. Maps nothing.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked) in a child of the registry's process.
    #[doc(hidden)]
    pub fn daemon_info(&self) -> Result<Option<SourceInfo>> {
        let Some(domain) = self.checked_domain()? else { return Ok(None) };
        let info = domain.source_record(DAEMON_NAME).map(|record| SourceInfo {
            health: SourceHealth::of_record(&record),
            recorder: domain.holder(record.liveness),
            source: record.source,
            buffer: None,
        });
        Ok(info)
    }

    /// Returns the sources whose recorders live and have published a state, by name. Maps nothing.
    /// Empty if the domain's folder can't be listed.
    #[cfg(feature = "observe")]
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.try_recorded().unwrap_or_default()
    }

    fn try_recorded(&self) -> Result<Vec<Recorded>> {
        let Some(domain) = self.checked_domain()? else {
            let published = self.0.source_claims.published().into_iter();
            return Ok(published.map(|(source, health)| Recorded { source, health, recorder: None }).collect());
        };
        let records = domain.source_records()?.into_iter();
        let records = records.filter(|(record, _)| record.source.as_str() != DAEMON_NAME);
        let recorded = records.filter_map(|(record, recorder)| {
            let health = SourceHealth::of_record(&record)?;
            Some(Recorded { source: record.source, health, recorder })
        });
        Ok(recorded.collect())
    }
}
