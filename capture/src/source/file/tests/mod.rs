//! Oddities of each container: files that ffmpeg makes, and edits of their bytes, compared sample
//! by sample with what ffmpeg decodes, or refused by name.
#![allow(clippy::panic, clippy::single_range_in_vec_init)]

mod any;
mod check;
mod edited;
mod flac;
mod mp3;
mod vorbis;
mod wav;
