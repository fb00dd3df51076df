//! What two names of one source have in common.

use crate::source::redact;
use crate::track::key_of;

/// What names of one source have in common: no credentials, scheme and host in lower case, no slash at the end.
pub(crate) fn canonical(source: &str) -> String {
    let shown = redact(source);
    let Some((scheme, rest)) = shown.split_once("://") else { return shown };
    let rest = rest.strip_prefix("***@").unwrap_or(rest);
    let (path, query) = rest.split_at(rest.find(['?', '#', ';']).unwrap_or(rest.len()));
    let (host, path) = path.split_at(path.find('/').unwrap_or(path.len()));
    if host == "***" {
        // Of one that is so hidden nothing is known but that it is itself.
        return format!("{shown} {:016x}", key_of(source));
    }
    format!("{}://{}{}{query}", scheme.to_lowercase(), host.to_lowercase(), path.trim_end_matches('/'))
}
