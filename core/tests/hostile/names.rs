//! One case of a source's name: any text at all. It is accepted or refused in a readable line, and shown without secrets.

use capbuf::{MAX_SOURCE_BYTES, Source, redact};

/// Runs one case.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let shown = redact(&text);
    match Source::new(&text) {
        Ok(source) => {
            assert!(!text.is_empty() && text.len() <= MAX_SOURCE_BYTES && !text.chars().any(char::is_control));
            assert_eq!((source.as_str(), source.to_string()), (&*text, shown.clone()));
        }
        Err(refused) => {
            let line = refused.to_string();
            assert!(line.len() < 1000 && !line.chars().any(char::is_control), "{line:?}");
        }
    }
    // A secret in every place where one may stand, with any text around it that does not itself make the whole a local name.
    let around: String = text.chars().filter(|letter| !letter.is_control()).take(60).collect();
    // Who makes up texts may come upon the secret itself, which is none then.
    if around.contains("sesame") {
        return;
    }
    for url in [
        format!("rtsp://me:sesame{around}@host/a"),
        format!("rtsp://me:{around}sesame@host/a"),
        format!("rtsp://host/a?{around}&password=sesame"),
        format!("http://host/{around}?token=sesame&x={around}"),
    ] {
        assert!(!redact(&url).contains("sesame"), "{url:?} is shown as {:?}", redact(&url));
    }
}
