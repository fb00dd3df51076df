//! The settings of a `[[source]]` that is a stream.

use std::ops::Range;

use capbuf_capture::StreamOptions;

use super::diagnostic::{Diagnostic, Document};
use super::file::Source;
use super::values;

/// Reads the options of a stream, and the place of one of them, if there is any.
pub(super) fn read(
    document: &Document<'_>,
    source: &Source,
) -> Result<(StreamOptions, Option<Range<usize>>), Diagnostic> {
    let mut options = StreamOptions::new();
    let mut at = None;
    if let Some(track) = &source.track {
        options = options.track(*track.get_ref());
        at = Some(track.span());
    }
    if let Some(transport) = document.read_if_set(source.transport.as_ref(), values::transport)? {
        options = options.transport(transport);
        at = source.transport.as_ref().map(toml::Spanned::span);
    }
    if let Some(times) = document.read_if_set(source.times.as_ref(), values::times)? {
        options = options.times(times);
        at = source.times.as_ref().map(toml::Spanned::span);
    }
    if document.read_if_set(source.tls.as_ref(), values::is_tls_insecure)? == Some(true) {
        options = options.insecure_tls();
        at = source.tls.as_ref().map(toml::Spanned::span);
    }
    if let Some(ca_file) = &source.ca_file {
        options = options.ca_file(ca_file.get_ref());
        at = Some(ca_file.span());
    }
    if let Some(ffmpeg) = &source.ffmpeg_options {
        options = ffmpeg.get_ref().iter().fold(options, |options, (name, value)| options.ffmpeg_option(name, value));
        at = Some(ffmpeg.span());
    }
    Ok((options, at))
}
