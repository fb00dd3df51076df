//! A source of a station, with its capture.

use std::sync::Arc;

use super::config::SourceConfig;
use crate::supervise::Supervised;

/// A source of a station, with its capture.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) config: SourceConfig,
    pub(super) supervised: Arc<Supervised>,
}
