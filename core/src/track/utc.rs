//! Times in RFC 3339.

use serde::{Serialize, Serializer};

/// Formats a time as RFC 3339.
pub(crate) fn moment(utc_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(utc_ns.into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

pub(crate) fn utc<S: Serializer>(utc_ns: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment(*utc_ns))
}

pub(crate) fn utc_or_none<S: Serializer>(utc_ns: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    utc_ns.map(moment).serialize(serializer)
}
