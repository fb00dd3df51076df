use std::time::Duration;

use capbuf::{Length, Lifetime, SampleFormat};
use capbuf_capture::{CaptureOptions, Condition, Locator, SourceConfig, TriggerOptions, Watchdog};

use super::parse;

fn diagnostic(text: &str) -> String {
    parse("x.toml", text).expect_err(text).to_string()
}

/// A file with one source, and more lines from the fifth on.
fn source(more: &str) -> String {
    format!("\n[[source]]\nname = \"a\"\nfrom = \"tone:440\"\n{more}\n")
}

fn trigger(more: &str) -> String {
    source(&format!("[[trigger]]\nsource = \"a\"\nfolder = \".\"\n{more}"))
}

/// Asserts that a diagnostic begins as expected, on one line without secrets.
fn assert_diagnostic(text: &str, expected: &str) {
    let diagnostic = diagnostic(text);
    assert!(diagnostic.starts_with(expected), "{diagnostic}\nexpected: {expected}");
    assert!(!diagnostic.contains("sesame") && !diagnostic.contains('\n'), "{diagnostic}");
}

#[test]
fn invalid_files_are_reported_with_line_and_allowed_keys() {
    let keys = "`domain`, `budget`, `defaults`, `source`, `trigger`";
    assert_diagnostic("x", "x.toml:1: ");
    assert_diagnostic("a = 1", &format!("x.toml:1: unknown field `a`; allowed: {keys}"));
    assert_diagnostic("budget = 5", "x.toml:1: invalid type: integer `5`; allowed: a string");
    assert_diagnostic("[[source]]\nname = \"a\"", "x.toml:1: missing field `from`");
    assert_diagnostic(&source("secnds = 5"), "x.toml:5: unknown field `secnds`; allowed: `name`, `from`, `length`");
    assert_diagnostic(&source("name = \"b\""), "x.toml:5: duplicate key");
}

#[test]
fn invalid_values_are_reported_with_line_and_allowed_values() {
    for (text, expected) in [
        ("budget = \"much\"".to_owned(), "x.toml:1: \"much\" is not a size; allowed: a number with B, kB, MB or GB"),
        (source("length = 5"), "x.toml:5: invalid type: integer `5`"),
        (source("length = \"5 parsecs\""), "x.toml:5: \"5 parsecs\" is not a duration; allowed: a number"),
        (source("length = \"9999999999h\""), "x.toml:5: length is "),
        (source("sample_rate = 0"), "x.toml:5: sample_rate_hz is 0; allowed: 1 to 768000"),
        (source("sample_rate = -1"), "x.toml:5: invalid value: integer `-1`"),
        (source("channels = 65"), "x.toml:5: channels is 65; allowed: 1 to 64"),
        (source("format = \"s20\""), "x.toml:5: "),
        (source("mix = \"left\""), "x.toml:5: mix is \"left\"; allowed: auto, average, channel 0"),
        (source("gain = 1e9"), "x.toml:5: gain is 1000000000; allowed: -100 to 100"),
        (source("lifetime = \"short\""), "x.toml:5: lifetime is \"short\"; allowed: until removed, while open"),
        (source("when_gone = \"burn\""), "x.toml:5: when_gone is \"burn\"; allowed: remove, keep"),
        (source("silence_for = \"ever\""), "x.toml:5: \"ever\" is not a duration"),
        (trigger("above = -9\ntype = \"mp3\""), "x.toml:9: type is \"mp3\"; allowed: wav, flac"),
        ("[defaults]\nformat = \"s20\"\n[[source]]\nfrom = \"tone:1\"".to_owned(), "x.toml:2: "),
    ] {
        assert_diagnostic(&text, expected);
    }
}

#[test]
fn invalid_names_are_reported_with_their_line() {
    let twice = source("[[source]]\nname = \"a\"\nfrom = \"tone:1\"");
    assert_diagnostic(&twice, "x.toml:6: the name a is in use by another source of this file");
    let unknown = "mic:1".parse::<Locator>().expect_err("no such kind");
    assert_diagnostic(&source("[[source]]\nfrom = \"mic:1\""), &format!("x.toml:6: {unknown}"));
    assert_diagnostic(&source("[[source]]\nfrom = \"rtsp://me:sesame@\""), "x.toml:6: ");
    assert_diagnostic(
        &source("[[trigger]]\nsource = \"b\"\nabove = -9\nfolder = \".\""),
        "x.toml:6: there is no source \"b\" in this file; allowed: a",
    );
}

#[test]
fn a_triggers_options_are_reported_at_the_line_that_is_wrong() {
    let message = |options: TriggerOptions| options.check().expect_err("it is invalid");
    let loud = TriggerOptions::new(".").when(Condition::louder_than(9.0));
    assert_diagnostic(&trigger("above = 9"), &format!("x.toml:8: {}", message(loud)));
    assert_diagnostic(&trigger("above = -9\nband = [1, 2, 3]"), "x.toml:9: band has 3 numbers; allowed: 2, ");
    let reversed = TriggerOptions::new(".").when(Condition::louder_than(-9.0).between(9.0, 5.0));
    assert_diagnostic(&trigger("above = -9\nband = [9, 5]"), &format!("x.toml:9: {}", message(reversed)));
    let short = TriggerOptions::new(".").at_most(Duration::from_secs(1));
    assert_diagnostic(&trigger("above = -9\nat_most = \"1s\""), &format!("x.toml:9: {}", message(short)));
}

#[test]
fn missing_settings_come_from_defaults_then_from_the_library() {
    let text = "[defaults]\nlength = \"2m\"\nformat = \"f32\"\n[[source]]\nname = \"a\"\nfrom = \"tone:440\"\n\
                [[source]]\nname = \"b\"\nfrom = \"tone:440\"\nlength = \"5s\"\n";
    let config = parse("x.toml", text).expect("it is valid");
    let expected = [("a", 120.0), ("b", 5.0)].map(|(name, seconds)| {
        let watchdog = Watchdog::new().silence_for(Some(Duration::from_secs(300)));
        let options = CaptureOptions::new().format(SampleFormat::F32).length(Length::Seconds(seconds));
        SourceConfig::new(name, "tone:440").options(options.watchdog(watchdog))
    });
    assert_eq!(config.sources, expected);
}

#[test]
fn every_supervision_setting_reaches_the_capture_options() {
    use capbuf_capture::{Backoff, CircuitBreaker};

    let text = source(
        "lifetime = \"while open\"\nopen_within = \"1s\"\nretry_after = \"2s\"\nretry_at_most_after = \"3s\"\n\
         give_up_after = 4\nthen_retry_every = \"5s\"\nnothing_for = \"6s\"\nsilence_for = \"never\"",
    );
    let config = parse("x.toml", &text).expect("it is valid");
    let seconds = Duration::from_secs;
    let options = CaptureOptions::new()
        .lifetime(Lifetime::WhileOpen)
        .open_deadline(seconds(1))
        .backoff(Backoff::default().first(seconds(2)).longest(seconds(3)))
        .circuit_breaker(CircuitBreaker::new(4, seconds(5)))
        .watchdog(Watchdog::new().nothing_for(seconds(6)).silence_for(None));
    assert_eq!(config.sources, [SourceConfig::new("a", "tone:440").options(options)]);
}

#[test]
fn missing_files_and_devices_are_warnings_with_their_line() {
    let text = "[[source]]\nfrom = \"file:/nowhere/x.wav\"\n[[source]]\nfrom = \"device:alsa:none\"\n\
                [[source]]\nfrom = \"device:usb:0000:0000\"\n";
    let config = parse("x.toml", text).expect("it is valid");
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings[0].starts_with("x.toml:2: can't read /nowhere/x.wav: No such file"), "{warnings:?}");
    assert!(warnings[1].starts_with("x.toml:4: there is no alsa device \"none\" now; available: "), "{warnings:?}");
    assert!(warnings[2].starts_with("x.toml:6: ") && warnings[2].contains("\"usb:0000:0000\""), "{warnings:?}");
}

#[test]
fn no_diagnostic_uses_words_of_rust() {
    let texts = [
        "source = 5".to_owned(),
        "source = \"a\"".to_owned(),
        "source = [5]".to_owned(),
        "source = [[5]]".to_owned(),
        "trigger = true".to_owned(),
        "defaults = 5".to_owned(),
        "defaults = []".to_owned(),
        "[[defaults]]\nlength = \"5s\"".to_owned(),
        "domain = 5".to_owned(),
        "domain = {}".to_owned(),
        "domain = [1]".to_owned(),
        "budget = 1.5".to_owned(),
        "budget = 1979-05-27".to_owned(),
        "budget = nan".to_owned(),
        source("sample_rate = -1"),
        source("sample_rate = 1.5"),
        source("sample_rate = \"48k\""),
        source("sample_rate = 99999999999"),
        source("sample_rate = 99999999999999999999"),
        source("channels = 70000"),
        source("channels = [1]"),
        source("channels = {}"),
        source("channels = true"),
        source("give_up_after = -1"),
        source("gain = \"loud\""),
        source("gain = [1]"),
        source("length = 1979-05-27T07:32:00Z"),
        source("length = \"1e308h\""),
        source("from = 5"),
        source("= 5"),
        source("mix = \"channel 99999999\""),
        trigger("above = \"loud\""),
        trigger("above = -9\nband = 5"),
        trigger("above = -9\nband = [5]"),
        trigger("above = -9\nband = [1, 2, 3]"),
        trigger("above = -9\nband = []"),
        trigger("above = -9\nband = [\"a\", 2]"),
        trigger("above = -9\nat_most = \"1e308h\""),
        trigger("above = inf"),
    ];
    let mut wrong = Vec::new();
    for text in texts {
        let diagnostic = diagnostic(&text);
        let words: Vec<_> = diagnostic.split(|sign: char| !sign.is_alphanumeric() && sign != '_').collect();
        let of_rust = ["u8", "u16", "u32", "u64", "i64", "f32", "f64", "usize", "sequence", "map", "struct", "tuple"];
        let more = ["Some", "None", "Seconds", "Frames", "File", "Source", "digit", "literal", "floating", "elements"];
        let found: Vec<_> = words.iter().filter(|word| of_rust.contains(word) || more.contains(word)).collect();
        if !found.is_empty() {
            wrong.push(diagnostic);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
