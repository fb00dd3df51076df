//! Fuzzes the parser of the output of ffmpeg.
#![no_main]

libfuzzer_sys::fuzz_target!(|sent: &[u8]| {
    capbuf_capture::count_packets(sent);
});
