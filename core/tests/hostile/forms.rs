//! Every form of URL with a secret in `tests/forms/urls.txt`: the secret is hidden, also a random
//! one, and the host is shown.

use std::path::Path;

use capbuf::{Source, redact};
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::prop_assert;
use proptest::test_runner::RngSeed;

/// Returns the forms: as shown, and as passed.
fn forms() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/forms/urls.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    let split = |line: &str| line.split_once('\t').map(|(shown, url)| (shown.to_owned(), url.to_owned()));
    lines.map(|line| split(line).unwrap_or_else(|| panic!("{line:?} has no tab"))).collect()
}

#[test]
fn every_form_is_shown_as_the_table_says() {
    let forms = forms();
    assert!(forms.len() >= 100, "{}", forms.len());
    for (shown, url) in forms {
        assert!(url.to_lowercase().contains("esame") && !shown.to_lowercase().contains("esame"), "{url}");
        assert_eq!(redact(&url), shown, "{url}");
        assert_eq!(redact(&shown), shown, "redacted twice: {url}");
        assert!(!format!("{:?}", Source::new(&url).unwrap()).to_lowercase().contains("sesame"), "{url}");
    }
}

#[test]
fn source_without_secrets_is_shown_as_it_is() {
    for name in [
        "tone:440",
        "nest",
        "Wald 3 – Nord",
        "birds/north",
        "who?",
        "mic #2",
        "hw:CARD=1,DEV=0",
        "left; right",
        "nest @ garden",
        "file:/a@b?loop",
        "file:rtsp://me:sesame@cam/live",
        "device:pulseaudio:mic@home",
        "rtsp://cam",
        "rtsp://cam:554/a?channel=1&subtype=0",
        "rtsp://10.0.0.7/Streaming/Channels/101#audio=1",
        "rtsp://cam.lan/live#transport=udp&tls=insecure",
        "rtsp://cam/nest//",
        "http://radio.lan:8000/nest.mp3",
        "udp://@239.0.0.1:5004",
        "http://nest.lan/live?",
    ] {
        assert_eq!(redact(name), name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_password_is_hidden_in_every_form(
        before in "[ -~]{0,12}", after in "[ -~]{0,12}", letters in "[a-z]{1,3}", number in any::<proptest::sample::Index>(),
    ) {
        let forms = forms();
        let (_, form) = number.get(&forms);
        // A word that no form holds, with a digit inside: a piece of a password need not be a word.
        let marker = format!("zq{letters}7xw");
        let password = format!("{before}{marker}{after}");
        let shown = redact(&form.replace("sesame", &password));
        // Behind an `@` it may be a host: `me:a@zq.org/?x=y@cam` has two readings.
        if !password.contains('@') {
            prop_assert!(!shown.contains(&marker), "{form} {password:?}: {shown}");
        }
        prop_assert!(!shown.contains(&password), "{form} {password:?}: {shown}");
        let again = redact(&shown);
        prop_assert!(again == shown, "{shown:?} redacted twice is {again:?}");
    }

    #[test]
    fn redacting_any_text_twice_changes_nothing(text in "([ -~ü]|://|\\*\\*\\*|rtsp|cam|%40|[@/?#&=;:.]){0,30}") {
        let shown = redact(&text);
        prop_assert!(redact(&shown) == shown, "{text:?}: {shown:?}, then {:?}", redact(&shown));
    }
}
