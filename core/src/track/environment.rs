//! The environment variable `DEBUG_BUFFER_ALLOC`, and messages to stderr for users who set it.

use crate::source::redact;
use crate::sync::Ordering;
use crate::sync::descriptors;
use crate::sync::process::AtomicU32;

const NAME: &str = "DEBUG_BUFFER_ALLOC";
const ON: [&str; 4] = ["true", "1", "yes", "on"];
const OFF: [&str; 4] = ["false", "0", "no", "off"];

/// True if `DEBUG_BUFFER_ALLOC` switches tracking on. A value that is not allowed is reported on
/// stderr, once in a process, and switches nothing.
pub(crate) fn asked_by_environment() -> bool {
    /// 1 once a wrong value was reported.
    static REPORTED: AtomicU32 = AtomicU32::new(0);
    if !cfg!(feature = "observe") {
        return false;
    }
    let Some(value) = std::env::var_os(NAME) else { return false };
    let value = value.to_string_lossy();
    meaning(&value).unwrap_or_else(|| {
        // SYNC none: the first one reports.
        if REPORTED.swap(1, Ordering::Relaxed) == 0 {
            let given: String = redact(&value).escape_debug().take(80).collect();
            let allowed = [ON, OFF].map(|words| words.join(", ")).join("; or ");
            say(&format!("{NAME}=\"{given}\" switches nothing: allowed are {allowed}"));
        }
        false
    })
}

/// Returns true for a value that switches tracking on; `None` if it is not allowed.
fn meaning(value: &str) -> Option<bool> {
    let value = value.trim();
    let is_among = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is_among(&ON) {
        return Some(true);
    }
    (value.is_empty() || is_among(&OFF)).then_some(false)
}

/// Writes a message to stderr, after the library's name. What can't be written is lost.
pub(crate) fn say(message: &str) {
    descriptors::write_stderr(format!("capbuf: {message}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_case_switch_and_others_do_not() {
        for (value, expected) in [
            ("true", Some(true)),
            (" ON\n", Some(true)),
            ("Yes", Some(true)),
            ("1", Some(true)),
            ("", Some(false)),
            ("0", Some(false)),
            ("FALSE", Some(false)),
            ("maybe", None),
            ("2", None),
            ("tru", None),
        ] {
            assert_eq!(meaning(value), expected, "{value:?}");
        }
    }
}
