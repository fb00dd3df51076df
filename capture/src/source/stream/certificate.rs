//! Checks of certificates that ffmpeg does not make where it would have to.
//!
//! Over `https://` ffmpeg checks the certificate before it sends anything. Its RTSP client passes
//! the options of TLS on to no connection, so the server of an `rtsps://` URL is checked by a
//! connection of its own first, which sends nothing and ends after the handshake. Whoever could
//! answer that one connection and not the next would not be noticed: that needs control of the
//! network at each moment, which a stranger's server does not have.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::child::Child;
use super::local::{OwnServers, default_port, host_and_port};
use super::options::{StreamOptions, scheme};
use crate::error::Result;
use crate::stop::Stop;

/// Longer than ffmpeg's own timeout of a silent server.
const DEADLINE: Duration = Duration::from_secs(8);

/// Checks a file of authorities: ffmpeg goes on without one that it can't read.
///
/// # Errors
/// The reason.
pub(super) fn check_file(path: &Path) -> std::result::Result<(), String> {
    const MAX_BYTES: u64 = 16 << 20;
    let refused = |reason: String| format!("the CA file {} {reason}; allowed: a PEM file", path.display());
    let metadata = fs::metadata(path).map_err(|error| refused(format!("can't be read: {error}")))?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(refused("is no file of certificates".to_owned()));
    }
    let text = fs::read(path).map_err(|error| refused(format!("can't be read: {error}")))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !text.windows(begin.len()).any(|window| window == begin) {
        return Err(refused("has no certificate".to_owned()));
    }
    Ok(())
}

/// Returns whether the server of a URL must be checked by [`connection_to`].
pub(super) fn is_unchecked_by_ffmpeg(url: &str, options: &StreamOptions) -> bool {
    scheme(url) == "rtsps" && !options.is_tls_insecure
}

/// Starts a child that connects to the server of `url`, checks its certificate, and sends nothing.
/// Returns it, and whether the certificate is trusted.
///
/// # Errors
/// [`Error::FfmpegMissing`](crate::Error::FfmpegMissing).
pub(super) fn connection_to(url: &str, options: &StreamOptions, stop: &Stop) -> Result<(Child, bool)> {
    let (host, port) = host_and_port(url).unwrap_or_default();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let server = format!("tls://{host}:{}", port.unwrap_or_else(|| default_port(url)));
    let mut arguments = vec!["-nostdin", "-nostats", "-hide_banner", "-loglevel", "repeat+level+verbose"];
    arguments.extend(["-protocol_whitelist", "tcp,tls", "-rw_timeout", "5000000", "-tls_verify", "1"]);
    let ca_file = options.ca_file.as_ref().and_then(|path| path.to_str());
    arguments.extend(ca_file.iter().flat_map(|path| ["-ca_file", path]));
    // Raw audio is opened without a byte of it.
    arguments.extend(["-f", "s16le", "-ar", "8000", "-ac", "1", "-probesize", "32", "-analyzeduration", "0"]);
    arguments.extend(["-i", &server, "-f", "null", "-"]);
    let arguments: Vec<_> = arguments.into_iter().map(OsString::from).collect();
    let (child, _output) = Child::start("ffmpeg", &arguments, "", OwnServers::of(url))?;
    let is_trusted = child.log().wait_for_tracks(stop, DEADLINE).is_some();
    Ok((child, is_trusted))
}
