//! Fuzzes the reader of Ogg Vorbis files, from the seeds of that kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    capbuf_capture::count_frames(bytes);
});
