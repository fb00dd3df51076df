//! Values of the library that have names, in arguments and in the configuration.

use std::str::FromStr;

/// Parses the name of a value; the error has the names that are allowed.
pub(crate) fn value<T: FromStr<Err = capbuf::Error>>(name: &str) -> Result<T, String> {
    name.parse().map_err(|error: capbuf::Error| error.to_string())
}
