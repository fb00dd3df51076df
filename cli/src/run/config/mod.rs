//! The configuration file: parsed, checked, every problem reported with its line.

mod availability;
mod diagnostic;
mod file;
mod source;
#[cfg(test)]
mod tests;
mod trigger;
mod values;

use std::fs;
use std::path::Path;

use capbuf_capture::SourceConfig;
use toml::Spanned;

use super::triggers::TriggerConfig;
pub(super) use diagnostic::Diagnostic;
use diagnostic::Document;
use file::File;

/// A configuration without errors.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) domain: Option<String>,
    pub(super) budget_bytes: Option<u64>,
    pub(super) sources: Vec<SourceConfig>,
    pub(super) triggers: Vec<TriggerConfig>,
    /// Devices, files and folders that are missing now.
    pub(super) warnings: Vec<Diagnostic>,
}

/// Reads a file.
///
/// # Errors
///
/// The first problem in the file.
pub(super) fn read(path: &Path) -> Result<Config, Diagnostic> {
    let file = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => parse(&file, &text),
        Err(error) => Err(Diagnostic::of_file(&file, format!("can't read it: {error}"))),
    }
}

fn parse(file: &str, text: &str) -> Result<Config, Diagnostic> {
    let document = Document { file, text };
    let parsed = File::parse(&document)?;
    let mut sources: Vec<SourceConfig> = Vec::new();
    let mut warnings = Vec::new();
    for table in &parsed.sources {
        let source = table.get_ref();
        let config = source::read(&document, source, &parsed.defaults)?;
        if sources.iter().any(|other| other.name() == config.name()) {
            let at = source.name.as_ref().unwrap_or(&source.from).span();
            let name = capbuf::redact(config.name());
            let message = format!("the name {name} is in use by another source of this file; use a different one");
            return Err(document.diagnostic(Some(at), &message));
        }
        warnings.extend(availability::check_source(&document, source));
        sources.push(config);
    }
    let mut triggers = Vec::new();
    for trigger in &parsed.triggers {
        triggers.push(trigger::read(&document, trigger, &sources)?);
        warnings.extend(availability::check_folder(&document, trigger));
    }
    let budget_bytes = document.read_if_set(parsed.budget.as_ref(), values::bytes)?;
    let domain = parsed.domain.map(Spanned::into_inner);
    Ok(Config { domain, budget_bytes, sources, triggers, warnings })
}
