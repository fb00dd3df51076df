//! Sound files as sources, read in real time.

mod decode;
mod file_source;

pub(super) use file_source::FileSource;
