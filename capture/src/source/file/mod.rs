//! Sound files as sources, read in real time.
//!
//! WAV, FLAC, Ogg Vorbis and MP3 are taken apart here, so that every missing frame is found:
//! `wav`, `flac`, `vorbis` and `mp3` are readers with one contract (`reader`), and symphonia
//! decodes what is compressed. All other kinds are read by ffmpeg (`any`).

mod any;
mod decode;
mod file_source;
mod flac;
mod flac_frame;
#[cfg(any(test, fuzzing))]
mod hostile;
mod input;
mod kind;
mod mp3;
mod mp3_frame;
mod ogg;
mod pcm;
mod reader;
#[cfg(test)]
mod tests;
mod vorbis;
mod wav;

pub(super) use file_source::FileSource;
#[cfg(fuzzing)]
pub use hostile::count_frames;
