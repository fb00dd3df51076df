//! One case of a source's name: any text. It is accepted, or refused in a readable line, and
//! displayed without secrets.
//!
//! Shared by the test and the fuzzer.

use capbuf::{MAX_SOURCE_BYTES, Source, redact};

/// Runs one case.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let redacted = redact(&text);
    match Source::new(&text) {
        Ok(source) => {
            assert!(!text.is_empty() && text.len() <= MAX_SOURCE_BYTES && !text.chars().any(char::is_control));
            assert_eq!((source.as_str(), source.to_string()), (&*text, redacted));
        }
        Err(error) => {
            let line = error.to_string();
            assert!(line.len() < 1000 && !line.chars().any(char::is_control), "{line:?}");
        }
    }
    // The text around a secret in each place of a URL that may hold one.
    let around: String = text.chars().filter(|letter| !letter.is_control()).take(60).collect();
    // The text may contain the word itself, also where no secret stands.
    if around.contains("sesame") {
        return;
    }
    for url in [
        format!("rtsp://me:sesame{around}@host/a"),
        format!("rtsp://me:{around}sesame@host/a"),
        format!("rtsp://host/a?{around}&password=sesame"),
        format!("http://host/{around}?token=sesame&x={around}"),
    ] {
        assert!(!redact(&url).contains("sesame"), "{url:?} is displayed as {:?}", redact(&url));
    }
}
