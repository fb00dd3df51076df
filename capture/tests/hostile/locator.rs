//! One case of the test and of the fuzzer: a string is parsed, or refused in one printable line.

use capbuf_capture::Locator;

/// Runs one case.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Locator>() {
        Ok(Locator::Tone { frequency_hz }) => assert!(frequency_hz.is_finite() && frequency_hz > 0.0),
        Ok(Locator::Stream { url, .. }) => {
            assert!(!url.contains('#') && !url.contains(char::is_whitespace) && !url.starts_with('-'));
        }
        Ok(Locator::File { path, .. }) => assert!(!path.as_os_str().is_empty()),
        Ok(_) => {}
        Err(refused) => {
            let line = refused.to_string();
            assert!(line.len() < 3000 && !line.chars().any(char::is_control), "{line:?}");
        }
    }
}
