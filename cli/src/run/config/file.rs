//! The tables and keys of the configuration file, each value with its position.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::diagnostic::{Diagnostic, Document};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) domain: Option<Spanned<String>>,
    pub(super) budget: Option<Spanned<String>>,
    pub(super) allow_no_sources: Option<bool>,
    pub(super) remove_after: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default, rename = "source")]
    pub(super) sources: Vec<Spanned<Source>>,
    #[serde(default, rename = "trigger")]
    pub(super) triggers: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trigger {
    pub(super) source: Spanned<String>,
    pub(super) above: Spanned<f32>,
    pub(super) band: Option<Spanned<Vec<f32>>>,
    pub(super) before: Option<Spanned<String>>,
    pub(super) after: Option<Spanned<String>>,
    pub(super) at_most: Option<Spanned<String>>,
    pub(super) folder: Spanned<String>,
    #[serde(rename = "type")]
    pub(super) clip_type: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) name: Option<Spanned<String>>,
    pub(super) from: Spanned<String>,
    pub(super) length: Option<Spanned<String>>,
    pub(super) sample_rate: Option<Spanned<u32>>,
    pub(super) channels: Option<Spanned<u16>>,
    pub(super) format: Option<Spanned<String>>,
    pub(super) mix: Option<Spanned<String>>,
    pub(super) gain: Option<Spanned<f32>>,
    pub(super) track: Option<Spanned<u16>>,
    pub(super) transport: Option<Spanned<String>>,
    pub(super) times: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) ffmpeg_options: Option<Spanned<BTreeMap<String, String>>>,
    pub(super) lifetime: Option<Spanned<String>>,
    pub(super) when_gone: Option<Spanned<String>>,
    pub(super) open_within: Option<Spanned<String>>,
    pub(super) retry_after: Option<Spanned<String>>,
    pub(super) retry_at_most_after: Option<Spanned<String>>,
    pub(super) give_up_after: Option<Spanned<u32>>,
    pub(super) then_retry_every: Option<Spanned<String>>,
    pub(super) nothing_for: Option<Spanned<String>>,
    pub(super) silence_for: Option<Spanned<String>>,
    pub(super) wrong_rate: Option<Spanned<String>>,
    pub(super) latency: Option<Spanned<String>>,
}

/// The settings of sources that have none of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) length: Option<Spanned<String>>,
    pub(super) sample_rate: Option<Spanned<u32>>,
    pub(super) channels: Option<Spanned<u16>>,
    pub(super) format: Option<Spanned<String>>,
    pub(super) lifetime: Option<Spanned<String>>,
    pub(super) when_gone: Option<Spanned<String>>,
    pub(super) open_within: Option<Spanned<String>>,
    pub(super) retry_after: Option<Spanned<String>>,
    pub(super) retry_at_most_after: Option<Spanned<String>>,
    pub(super) give_up_after: Option<Spanned<u32>>,
    pub(super) then_retry_every: Option<Spanned<String>>,
    pub(super) nothing_for: Option<Spanned<String>>,
    pub(super) silence_for: Option<Spanned<String>>,
    pub(super) wrong_rate: Option<Spanned<String>>,
}

impl File {
    /// Parses TOML.
    pub(super) fn parse(document: &Document<'_>) -> Result<Self, Diagnostic> {
        toml::from_str(document.text).map_err(|error| document.diagnostic(error.span(), &one_line(&error)))
    }
}

/// The message of the parser on one line, in the words of TOML and of our own diagnostics.
fn one_line(error: &toml::de::Error) -> String {
    let words: Vec<_> = error.message().split_whitespace().collect();
    let line = words.join(" ").replace(", expected one of ", "; allowed: ").replace(", expected ", "; allowed: ");
    // The parser quotes the file, and what it quotes stays as it is.
    let Some((given, allowed)) = line.rsplit_once("; allowed: ") else { return line };
    let given = IN_TOML_GIVEN.iter().fold(given.to_owned(), |text, (word, toml)| text.replacen(word, toml, 1));
    let allowed = IN_TOML.iter().find(|(word, _)| allowed.starts_with(word)).map_or(allowed, |(_, toml)| toml);
    format!("{given}; allowed: {allowed}")
}

/// Types as the parser calls them when it expects them, and as TOML does.
const IN_TOML: [(&str, &str); 7] = [
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("f32", "a number"),
    ("a sequence", "an array"),
    ("struct", "a table"),
    ("a map", "a table"),
    ("a borrowed string", "a string"),
];

/// The same for a value that is of another type.
const IN_TOML_GIVEN: [(&str, &str); 4] = [
    ("type: sequence", "type: array"),
    ("type: map", "type: table"),
    ("type: floating point", "type: number"),
    ("value: floating point", "value: number"),
];
