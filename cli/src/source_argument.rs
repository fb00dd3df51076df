//! Sources on the command line: themselves, or the place where they stand.

use std::fs::File;
use std::io::{self, Read};

use crate::arguments::has_secret;
use crate::failure::{Failure, note};

/// More bytes are no list of sources.
const MAX_BYTES: u64 = 1024 * 1024;

/// Returns the sources that the arguments name.
///
/// # Errors
/// [`Failure::Usage`] if a place can't be read or holds no source.
pub(crate) fn all(arguments: &[String]) -> Result<Vec<String>, Failure> {
    let mut sources = Vec::new();
    for argument in arguments {
        match place(argument) {
            None => sources.push(argument.clone()),
            Some(place) => sources.extend(read(argument, &place)?),
        }
    }
    Ok(sources)
}

/// Returns the source that an argument names.
///
/// # Errors
/// As [`all`], and if the place holds several sources.
pub(crate) fn one(argument: &str) -> Result<String, Failure> {
    let mut sources = all(&[argument.to_owned()])?;
    match (sources.pop(), sources.len()) {
        (Some(source), 0) => Ok(source),
        (_, others) => Err(Failure::Usage(format!("{argument} holds {} sources; allowed: one", others + 1))),
    }
}

/// Says that others can see the arguments, if one of them is a URL with a password.
pub(crate) fn warn_of_passwords(arguments: &[String]) {
    if arguments.iter().any(|argument| place(argument).is_none() && has_secret(argument)) {
        note(
            "a URL with a password is an argument, which other users and the shell's history may have seen; pass it as \
             @FILE, as - (standard input), or as '$NAME' (environment)",
        );
    }
}

enum Place<'a> {
    File(&'a str),
    Stdin,
    Environment(&'a str),
}

fn place(argument: &str) -> Option<Place<'_>> {
    match argument.split_at_checked(1)? {
        ("@", path) => Some(Place::File(path)),
        ("-", "") => Some(Place::Stdin),
        ("$", name) => Some(Place::Environment(name)),
        _ => None,
    }
}

fn read(argument: &str, place: &Place) -> Result<Vec<String>, Failure> {
    let refused = |reason: String| Failure::Usage(format!("{argument}: {reason}"));
    let text = match place {
        Place::File(path) => File::open(path).and_then(in_full).map_err(|error| refused(error.to_string()))?,
        Place::Stdin => in_full(io::stdin()).map_err(|error| refused(format!("standard input: {error}")))?,
        Place::Environment(name) => std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => refused("it is not in the environment".to_owned()),
            std::env::VarError::NotUnicode(_) => refused("it is not UTF-8".to_owned()),
        })?,
    };
    let sources: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if sources.is_empty() {
        return Err(refused("it holds no source; allowed: a line for each source".to_owned()));
    }
    Ok(sources)
}

fn in_full(input: impl Read) -> io::Result<String> {
    let mut text = String::new();
    if input.take(MAX_BYTES + 1).read_to_string(&mut text)? as u64 > MAX_BYTES {
        return Err(io::Error::other("it is too long; allowed are up to 1 MiB"));
    }
    Ok(text)
}
