//! The identity of a source, equal for all its names.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::source::UrlParts;

/// A hash of the canonical name of a source: without credentials and trailing slashes, scheme and
/// host in lower case.
///
/// Compared and never shown: a password could be guessed from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Canonical(u64);

/// Parts of the names of parameters in which names of one source may differ. A miss shows nothing:
/// the two names count as two sources.
const CREDENTIALS: [&str; 10] = ["pass", "pwd", "pw", "token", "key", "secret", "auth", "cred", "sig", "user"];

impl Canonical {
    pub(crate) fn of(source: &str) -> Self {
        let Some(parts) = UrlParts::of(source) else { return Self(xxh3_64(source.as_bytes())) };
        let (path, parameters) = parts.rest.split_at(parts.rest.find(['?', '#', ';']).unwrap_or(parts.rest.len()));
        let is_credential = |parameter: &&str| {
            let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
            parameter.contains('=') && CREDENTIALS.iter().any(|word| name.contains(word))
        };
        let parameters: Vec<&str> =
            parameters.split(['?', '#', '&', ';']).filter(|pair| !is_credential(pair)).collect();
        let (scheme, host) = (parts.scheme.to_lowercase(), parts.host.to_lowercase());
        let name = format!("{scheme}{host}{}{}", path.trim_end_matches('/'), parameters.join("&"));
        Self(xxh3_64(name.as_bytes()))
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canonical(***)")
    }
}
