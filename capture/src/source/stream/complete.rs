//! The completeness of a stream that ended: a file on a web server ends, a live stream does not.

use std::time::Duration;

use capbuf::SampleFormat;

use super::child::Child;
use super::command_line::{Media, arguments, script};
use super::local::OwnServers;
use super::log::Log;
use super::options::{StreamOptions, scheme};
use crate::source::format::RequestedFormat;
use crate::stop::Stop;

/// The time in which the server is asked again for its headers.
const ASKED_WITHIN: Duration = Duration::from_secs(8);

/// Returns whether a stream whose log is `log` came to its end. A live stream never does: it is
/// lost when its server closes the connection, which looks the same without a length.
///
/// A playlist ends where it says so. ffmpeg logs the headers of other answers only with all its
/// data, so they are asked for again.
pub(super) fn is_complete(log: &Log, url: &str, options: &StreamOptions, stop: &Stop) -> bool {
    if log.has_failed_transfer() || log.refused().is_some() || !scheme(url).starts_with("http") {
        return false;
    }
    log.is_playlist() || has_length(url, options, stop)
}

/// Returns whether the server declares the length of a stream, as it does for a file. Asks the
/// server, for some seconds at most.
pub(super) fn has_length(url: &str, options: &StreamOptions, stop: &Stop) -> bool {
    if !scheme(url).starts_with("http") {
        return false;
    }
    let arguments = arguments(&RequestedFormat::default(), None, SampleFormat::S16, "trace", false);
    let script = script(url, options, Media::All);
    let Ok((child, _output)) = Child::start("ffmpeg", &arguments, &script, OwnServers::of(url)) else { return false };
    let _ = child.log().wait_for_tracks(stop, ASKED_WITHIN);
    child.end().has_length()
}
