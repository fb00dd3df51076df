//! The kinds of source there are.

use crate::device::DeviceSource;
use crate::file::FileSource;
use crate::locator::Locator;
use crate::signal::SignalSource;
use crate::source::Source;
use crate::stream::StreamSource;

/// Makes the source that a locator names. Opens nothing.
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
