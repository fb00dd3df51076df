//! Waits for other processes, reported on stderr by commands without a log.

use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// Starts to report waits of more than a second, each with the process that is waited for.
pub(crate) fn report() {
    let line = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let line = line.without_time().with_level(false).with_target(false);
    let waits = line.with_filter(Targets::new().with_target("capbuf::wait", Level::WARN));
    // Called once, so no other subscriber is set.
    let set = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(waits));
    debug_assert!(set.is_ok());
}
