//! The kinds of source.

use crate::source::contract::Source;
use crate::source::device::DeviceSource;
use crate::source::file::FileSource;
use crate::source::locator::Locator;
use crate::source::signal::SignalSource;
use crate::source::stream::StreamSource;

/// Returns the source named by a locator, not yet open.
pub fn source(locator: &Locator) -> Box<dyn Source> {
    match locator {
        Locator::DefaultDevice => Box::new(DeviceSource::default_device()),
        Locator::Device { host, name } => Box::new(DeviceSource::named(*host, name)),
        Locator::Stream { url } => Box::new(StreamSource::new(url)),
        Locator::File { path, repeat } => Box::new(FileSource::new(path, *repeat)),
        Locator::Tone { frequency_hz } => Box::new(SignalSource::tone(*frequency_hz)),
        Locator::Position => Box::new(SignalSource::position()),
    }
}
