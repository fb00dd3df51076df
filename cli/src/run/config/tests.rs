use std::time::Duration;

use capbuf::{Length, Lifetime, SampleFormat};
use capbuf_capture::{CaptureOptions, Condition, Locator, SourceConfig, TriggerOptions, Watchdog};

use super::{check_availability, parse};

fn diagnostic(text: &str) -> String {
    parse("x.toml", text).expect_err(text).to_string()
}

/// A file with one source, and more lines from the fifth on.
fn source(more: &str) -> String {
    format!("\n[[source]]\nname = \"a\"\nfrom = \"tone:440\"\n{more}\n")
}

/// A file with one stream that has a transport, and more lines from the third on.
fn camera(more: &str) -> String {
    format!("[[source]]\nfrom = \"rtsp://me:sesame@h/x#transport=udp\"\n{more}\n")
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
    let keys = "`domain`, `budget`, `allow_no_sources`, `remove_after`, `defaults`, `source`, `trigger`";
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
        (source("track = -1"), "x.toml:5: invalid value: integer `-1`"),
        (source("transport = \"pigeon\""), "x.toml:5: transport is \"pigeon\"; allowed: tcp, udp, multicast, http"),
        (source("times = \"gps\""), "x.toml:5: times is \"gps\"; allowed: auto, arrival, sender"),
        (source("times = \"sender\""), "x.toml:5: source tone:440: only streams have"),
        (source("tls = \"off\""), "x.toml:5: tls is \"off\"; allowed: verify, insecure"),
        (source("track = 1"), "x.toml:5: source tone:440: only streams have"),
        (camera("track = 1\nffmpeg_options = { protocol_whitelist = \"file\" }"), "x.toml:4: source rtsp://"),
        (camera("ffmpeg_options = { protocol_whitelist = \"file\" }"), "x.toml:3: source rtsp://"),
        (camera("transport = \"tcp\""), "x.toml:3: source rtsp://"),
        (source("lifetime = \"short\""), "x.toml:5: lifetime is \"short\"; allowed: until removed, while open"),
        (source("when_gone = \"burn\""), "x.toml:5: when_gone is \"burn\"; allowed: remove, keep"),
        (source("wrong_rate = \"ignore\""), "x.toml:5: wrong_rate is \"ignore\"; allowed: refuse, correct"),
        (source("latency = \"61s\""), "x.toml:5: latency is \"61s\"; allowed: -60s to 60s"),
        (source("latency = 44"), "x.toml:5: invalid type: integer `44`"),
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
    use capbuf_capture::{Backoff, CircuitBreaker, WrongRate};

    let text = source(
        "lifetime = \"while open\"\nopen_within = \"1s\"\nretry_after = \"2s\"\nretry_at_most_after = \"3s\"\n\
         give_up_after = 4\nthen_retry_every = \"5s\"\nnothing_for = \"6s\"\nsilence_for = \"never\"\n\
         wrong_rate = \"correct\"\nlatency = \"-44ms\"",
    );
    let config = parse("x.toml", &text).expect("it is valid");
    let seconds = Duration::from_secs;
    let options = CaptureOptions::new()
        .lifetime(Lifetime::WhileOpen)
        .open_deadline(seconds(1))
        .backoff(Backoff::default().first(seconds(2)).longest(seconds(3)))
        .circuit_breaker(CircuitBreaker::new(4, seconds(5)))
        .watchdog(Watchdog::new().nothing_for(seconds(6)).silence_for(None))
        .wrong_rate(WrongRate::Correct)
        .latency(-44_000_000);
    assert_eq!(config.sources, [SourceConfig::new("a", "tone:440").options(options)]);
}

#[test]
fn missing_files_and_devices_are_warnings_with_their_line() {
    let text = "[[source]]\nfrom = \"file:/nowhere/x.wav\"\n[[source]]\nfrom = \"device:alsa:none\"\n\
                [[source]]\nfrom = \"device:usb:0000:0000\"\n[[source]]\nfrom = \"device:alsa:hw:CARD=none,DEV=0\"\n\
                [[source]]\nfrom = \"tone:440\"\n";
    let warnings = warnings(text);
    assert!(warnings[0].starts_with("x.toml:2: can't read /nowhere/x.wav: No such file"), "{warnings:?}");
    for (warning, start) in warnings[1..].iter().zip(["x.toml:4: ", "x.toml:6: ", "x.toml:8: "]) {
        assert!(warning.starts_with(start), "{warnings:?}");
    }
    assert!(warnings[2].contains("\"usb:0000:0000\""), "{warnings:?}");
    assert_eq!(warnings.len(), 4, "{warnings:?}");
}

/// The warnings about what a valid file names.
fn warnings(text: &str) -> Vec<String> {
    let config = parse("x.toml", text).expect("it is valid");
    check_availability(&config, "no-such-domain").iter().map(ToString::to_string).collect()
}

#[test]
fn camera_that_refuses_and_pipe_are_warnings() {
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = refusing.local_addr().expect("it is bound");
    drop(refusing);
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    let fifo = fifo.display();
    let camera = format!("rtsp://me:sesame@{address}/audio");
    let warnings = warnings(&format!("[[source]]\nfrom = \"{camera}\"\n[[source]]\nfrom = \"file:{fifo}\"\n"));
    assert!(warnings[0].starts_with("x.toml:2: ") && !warnings[0].contains("sesame"), "{warnings:?}");
    assert_eq!(warnings[1..], [format!("x.toml:4: can't read {fifo}: not a regular file")]);
}

#[test]
fn file_without_a_source_is_refused_unless_it_says_so() {
    assert_diagnostic("", "x.toml: it has no [[source]]; allowed: one or more, or allow_no_sources = true");
    assert_diagnostic("[defaults]\nlength = \"5s\"", "x.toml: it has no [[source]]; allowed: ");
    assert_diagnostic("allow_no_sources = false", "x.toml: it has no [[source]]; allowed: ");
    assert!(parse("x.toml", "allow_no_sources = true").expect("it is valid").sources.is_empty());
}

#[test]
fn audio_of_a_source_that_is_gone_is_kept_for_the_configured_time() {
    for (text, seconds) in [("", 600), ("remove_after = \"0s\"", 0), ("remove_after = \"2h\"", 7200)] {
        let config = parse("x.toml", &format!("{text}\n[[source]]\nfrom = \"tone:1\"")).expect("it is valid");
        assert_eq!(config.remove_after, Duration::from_secs(seconds));
    }
    assert_diagnostic("remove_after = \"soon\"", "x.toml:1: \"soon\" is not a duration");
}

#[test]
fn names_that_the_daemon_can_not_use_are_refused() {
    assert_diagnostic("domain = \"two birds\"\n", "x.toml:1: domain is \"two birds\"; allowed: 1 to 64 letters");
    assert_diagnostic("domain = \"\"\n", "x.toml:1: domain is \"\"; allowed: 1 to 64 letters");
    let own = "[[source]]\nname = \"capbuf run\"\nfrom = \"tone:440\"";
    assert_diagnostic(own, "x.toml:2: the name \"capbuf run\" is the daemon's own; allowed: any other one");
}

#[test]
fn triggers_that_can_never_write_a_clip_of_their_source_are_refused() {
    let on = |settings: &str, more: &str| {
        let source = format!("[[source]]\nname = \"a\"\nfrom = \"tone:440\"\n{settings}\n");
        format!("{source}[[trigger]]\nsource = \"a\"\nfolder = \".\"\nabove = -9\n{more}\n")
    };
    for (settings, more, expected) in [
        ("format = \"s32\"", "type = \"flac\"", "x.toml:9: flac can't store s32; allowed: "),
        ("channels = 9", "type = \"flac\"", "x.toml:9: flac can't store 9 channels; allowed: up to 8"),
        (
            "length = \"10s\"",
            "before = \"11s\"",
            "x.toml:9: a clip of 16s, before and after together; allowed: up to the 10s",
        ),
        ("length = \"10s\"", "before = \"1s\"\nafter = \"10s\"", "x.toml:10: a clip of 11s"),
        ("length = \"5s\"", "", "x.toml:6: a clip of 8s"),
        ("sample_rate = 16000", "band = [2000, 9000]", "x.toml:9: the band is 2000 to 9000 Hz; allowed: up to 8000 Hz"),
    ] {
        assert_diagnostic(&on(settings, more), expected);
    }
    // Also by the defaults; and only if the file says so.
    let of_defaults = format!("[defaults]\nformat = \"s32\"\n{}", on("", "type = \"flac\""));
    assert_diagnostic(&of_defaults, "x.toml:11: flac can't store s32");
    for more in ["type = \"flac\"", "band = [2000, 24000]", "before = \"50s\"\nafter = \"10s\""] {
        parse("x.toml", &on("", more)).expect(more);
    }
    // The source itself says it when it is opened.
    let found = warnings(&on("", "band = [2000, 30000]"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("x.toml:7: trigger of a: the band is 2000 to 30000 Hz; allowed: up to 24000 Hz"),
        "{found:?}"
    );
}

#[test]
fn source_that_exceeds_the_budget_is_reported_with_its_line_and_both_sums() {
    let tone = |name: &str| format!("[[source]]\nname = \"{name}\"\nfrom = \"tone:440\"\nlength = \"10s\"\n");
    let text = format!("budget = \"2 MB\"\n{}{}{}", tone("a"), tone("b"), tone("c"));
    let reason = "x.toml:13: source c: 10 s";
    assert_diagnostic(&text, reason);
    let found = diagnostic(&text);
    assert!(
        found.contains("is 960000 bytes; with it all buffers have 2880000 bytes, the budget is 2000000"),
        "{found}"
    );
    let alone = format!("budget = \"1 MB\"\n{}", tone("a").replace("10s", "1h"));
    assert_diagnostic(&alone, "x.toml:5: source a: ");
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
