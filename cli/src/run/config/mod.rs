//! The configuration file: parsed, checked, every problem reported with its line.

mod availability;
mod diagnostic;
mod file;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod trigger;
mod values;

use std::collections::HashMap;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use capbuf::Registry;
use capbuf_capture::{SourceConfig, Station, WhenGone};
use rustix::fs::OFlags;
use toml::Spanned;

use super::triggers::TriggerConfig;
use crate::duration;
pub(super) use availability::{check as check_availability, folder_warnings};
pub(super) use diagnostic::Diagnostic;
use diagnostic::{Document, Place};
use file::File;

/// The time after which the audio of a source that is no longer configured is removed.
const REMOVE_AFTER: Duration = Duration::from_secs(600);

/// A configuration without errors.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) domain: Option<String>,
    pub(super) budget_bytes: Option<u64>,
    pub(super) remove_after: Duration,
    pub(super) sources: Vec<SourceConfig>,
    /// The fate of the audio of each source, by its name, when it is no longer configured.
    pub(super) when_gone: HashMap<String, WhenGone>,
    pub(super) triggers: Vec<TriggerConfig>,
    parsed: File,
    /// The places of the sources' `from`.
    source_places: Vec<Place>,
    /// The places of the triggers' `folder`.
    folder_places: Vec<Place>,
}

/// Reads a file.
///
/// # Errors
///
/// The first problem in the file.
pub(super) fn read(path: &Path) -> Result<Config, Diagnostic> {
    let file = path.display().to_string();
    match read_text(path) {
        Ok(text) => parse(&file, &text),
        Err(reason) => Err(Diagnostic::of_file(&file, format!("can't read it: {reason}"))),
    }
}

/// Reads the text of a regular file. Does not wait for the writer of a FIFO.
fn read_text(path: &Path) -> Result<String, String> {
    const MOST_BYTES: u64 = 16_000_000;
    let described = |error: std::io::Error| error.to_string();
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(described)?;
    if !file.metadata().map_err(described)?.is_file() {
        return Err("it is no regular file; allowed: one that can be read again when it changes".to_owned());
    }
    let mut text = String::new();
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(described)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!("it is longer than {} MB", MOST_BYTES / 1_000_000));
    }
    Ok(text)
}

fn parse(file: &str, text: &str) -> Result<Config, Diagnostic> {
    let document = Document { file, text };
    let parsed = File::parse(&document)?;
    let budget_bytes = document.read_if_set(parsed.budget.as_ref(), values::bytes)?;
    let remove_after = document.read_if_set(parsed.remove_after.as_ref(), duration::parse_or_zero)?;
    let domain = parsed.domain.as_ref();
    let check_domain = |name: &str| capbuf::check_domain_name(name).map_err(|error| error.to_string());
    document.read_if_set(domain, check_domain)?;
    let mut sources: Vec<SourceConfig> = Vec::new();
    let mut when_gone = HashMap::new();
    for table in &parsed.sources {
        let source = table.get_ref();
        let (config, gone) = source::read(&document, source, &parsed.defaults)?;
        if when_gone.insert(config.name().to_owned(), gone).is_some() {
            let at = source.name.as_ref().unwrap_or(&source.from).span();
            let name = capbuf::redact(config.name());
            let message = format!("the name {name} is in use by another source of this file; use a different one");
            return Err(document.diagnostic(Some(at), &message));
        }
        sources.push(config);
    }
    let read_trigger = |trigger| trigger::read(&document, trigger, &sources, &parsed);
    let triggers = parsed.triggers.iter().map(read_trigger).collect::<Result<Vec<_>, _>>()?;
    if sources.is_empty() && parsed.allow_no_sources != Some(true) {
        let message = "it has no [[source]]; allowed: one or more, or allow_no_sources = true";
        return Err(Diagnostic::of_file(file, message.to_owned()));
    }
    check_memory(&document, &parsed, &sources, budget_bytes)?;
    let place = |value: &Spanned<String>| document.place(Some(value.span()));
    Ok(Config {
        domain: domain.map(|domain| domain.get_ref().clone()),
        budget_bytes,
        remove_after: remove_after.unwrap_or(REMOVE_AFTER),
        source_places: parsed.sources.iter().map(|source| place(&source.get_ref().from)).collect(),
        folder_places: parsed.triggers.iter().map(|trigger| place(&trigger.folder)).collect(),
        sources,
        when_gone,
        triggers,
        parsed,
    })
}

/// Checks that all buffers fit into the budget, as the station does. Reports the line of the first
/// source that does not.
fn check_memory(
    document: &Document<'_>,
    parsed: &File,
    sources: &[SourceConfig],
    budget_bytes: Option<u64>,
) -> Result<(), Diagnostic> {
    // Private, to create no domain.
    let registry = budget_bytes.into_iter().fold(Registry::builder(), capbuf::RegistryBuilder::budget_bytes).build();
    let station = Station::new(&registry);
    if station.check(sources).is_ok() {
        return Ok(());
    }
    let counts: Vec<usize> = (1..=sources.len()).collect();
    let count = counts.partition_point(|count| station.check(&sources[..*count]).is_ok()) + 1;
    let Some(Err(error)) = sources.get(..count).map(|first| station.check(first)) else { return Ok(()) };
    let at = parsed.sources.get(count - 1).map(|table| {
        let source = table.get_ref();
        source.length.as_ref().or(source.name.as_ref()).unwrap_or(&source.from).span()
    });
    Err(document.diagnostic(at, &error.to_string()))
}
