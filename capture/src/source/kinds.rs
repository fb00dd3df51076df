//! The kinds of source.

use crate::error::{Error, Result};
use crate::source::contract::Source;
use crate::source::device::DeviceSource;
use crate::source::file::FileSource;
use crate::source::locator::Locator;
use crate::source::signal::SignalSource;
use crate::source::stream::{StreamOptions, StreamSource};

/// Returns the source named by a locator, not yet open.
pub fn source(locator: &Locator) -> Box<dyn Source> {
    match locator {
        Locator::DefaultDevice => Box::new(DeviceSource::default_device()),
        Locator::Device { host, name } => Box::new(DeviceSource::named(*host, name)),
        Locator::Stream { url, options } => Box::new(StreamSource::new(url, options)),
        Locator::File { path, repeat } => Box::new(FileSource::new(path, *repeat)),
        Locator::Tone { frequency_hz } => Box::new(SignalSource::tone(*frequency_hz)),
        Locator::Position => Box::new(SignalSource::position()),
    }
}

/// Parses a locator, and returns its source with the options of a configuration, not yet open.
pub(crate) fn source_with(given: &str, configured: &StreamOptions) -> Result<Box<dyn Source>> {
    let refused = |reason| Error::Config { source_name: capbuf::redact(given), reason };
    let locator = match given.parse::<Locator>()? {
        Locator::Stream { url, options } => {
            let options = options.or(configured).map_err(refused)?;
            options.check(&url).map_err(refused)?;
            Locator::Stream { url, options }
        }
        locator if configured.is_empty() => locator,
        _ => return Err(refused("only streams have the options of streams: track, transport, TLS".to_owned())),
    };
    Ok(source(&locator))
}
