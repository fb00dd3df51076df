//! Looks for what ffmpeg could send that does harm.
#![no_main]

libfuzzer_sys::fuzz_target!(|sent: &[u8]| {
    capbuf_capture::count_packets(sent);
});
