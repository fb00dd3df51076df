//! The canonical name of a source, equal for all its names.

use xxhash_rust::xxh3::xxh3_64;

use crate::source::redact;

/// Returns the canonical name of a source: without credentials and trailing slashes, scheme and
/// host in lower case.
pub(crate) fn canonical(source: &str) -> String {
    let shown = redact(source);
    let Some((scheme, rest)) = shown.split_once("://") else { return shown };
    let rest = rest.strip_prefix("***@").unwrap_or(rest);
    let (path, query) = rest.split_at(rest.find(['?', '#', ';']).unwrap_or(rest.len()));
    let (host, path) = path.split_at(path.find('/').unwrap_or(path.len()));
    if host == "***" {
        // A name that is redacted whole equals only itself. The hash is compared and never shown.
        return format!("{shown} {:016x}", xxh3_64(source.as_bytes()));
    }
    format!("{}://{}{}{query}", scheme.to_lowercase(), host.to_lowercase(), path.trim_end_matches('/'))
}
