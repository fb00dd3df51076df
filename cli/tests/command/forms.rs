//! Every form of URL with a secret in `tests/forms/urls.txt`, over all outputs of the command: the
//! secret is nowhere, and the source is shown as the table says.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use capbuf::{CaptureBuffer, Length, Registry, SampleFormat, Span, Spec};
use capbuf_capture::{ClipTags, IfExists, Locator, clip_name, write_clip_with};
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Running, capbuf, domains_of, json, run};

/// Returns the forms: as shown, and as passed.
fn forms() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/forms/urls.txt");
    let text = fs::read_to_string(path).expect("the forms");
    let lines = text.lines().filter(|line| !line.starts_with("# ")).filter_map(|line| line.split_once('\t'));
    let forms: Vec<_> = lines.map(|(shown, url)| (shown.to_owned(), url.to_owned())).collect();
    assert!(forms.len() >= 100, "{}", forms.len());
    forms
}

/// Asserts that a text shows no secret, also not in percent-escapes.
fn assert_hidden(what: &str, text: &str) {
    let lower = text.to_lowercase();
    let place = lower.find("esame").or_else(|| lower.find("%65%73%61"));
    let around = place.map(|at| text.get(at.saturating_sub(200)..(at + 50).min(text.len())));
    assert_eq!(around, None, "{what}");
}

/// Allocates a buffer with audio for each form, in the domain of `folder`.
fn allocated(folder: &Path, forms: &[(String, String)]) -> (Registry, Vec<CaptureBuffer>) {
    let domains = domains_of(folder);
    fs::create_dir_all(&domains).expect("a folder");
    let builder = Registry::builder().domains_folder(domains).track_allocations(true);
    let registry = builder.open("default").expect("a domain");
    let spec = Spec::new(Length::Seconds(0.1), 8000, 1, SampleFormat::S16).expect("a spec");
    let allocate = |(_, url): &(String, String)| registry.allocate(url, spec).expect("a buffer");
    let buffers: Vec<_> = forms.iter().map(allocate).collect();
    for buffer in &buffers {
        buffer.writer().expect("a writer").write(&[1_i16; 400]).expect("it is written");
    }
    (registry, buffers)
}

#[test]
fn lists_metrics_and_reports_show_no_secret_of_any_form() {
    let (folder, forms) = (tempfile::tempdir().expect("a folder"), forms());
    let (registry, buffers) = allocated(folder.path(), &forms);
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["top", "--once"],
        &["report"],
        &["report", "--json"],
        &["metrics"],
        &["events", "--for", "1s"],
        &["events", "--for", "1s", "--json"],
        &["domains"],
        &["domains", "--json"],
        &["track"],
    ] {
        let ended = run(folder.path(), arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        assert_hidden(&format!("{arguments:?}"), &(ended.out + &ended.err));
    }
    let names = |report: &Value, list: &str| -> Vec<String> {
        let sources = if list.is_empty() { report } else { &report[list] };
        let sources = sources.as_array().expect("a list").iter();
        let mut names: Vec<_> = sources.map(|source| source["source"].as_str().expect("a name").to_owned()).collect();
        names.sort_unstable();
        names
    };
    let mut shown: Vec<_> = forms.iter().map(|(shown, _)| shown.clone()).collect();
    shown.sort_unstable();
    assert_eq!(names(&json(folder.path(), &["list"]), ""), shown);
    assert_eq!(names(&json(folder.path(), &["report"]), "sources"), shown);
    assert_hidden("objects", &format!("{registry:?} {buffers:?} {:?}", registry.sources()));
    // Labels of sources with one shown name differ.
    let metrics = run(folder.path(), &["metrics"]).out;
    let labels = metrics.lines().filter(|line| line.starts_with("capbuf_source_frames_total{"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    labels.for_each(|line| *counts.entry(line).or_default() += 1);
    assert!(counts.len() > 10 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn each_form_is_found_by_its_name_and_by_its_shown_name() {
    let (folder, forms) = (tempfile::tempdir().expect("a folder"), forms());
    let (_registry, buffers) = allocated(folder.path(), &forms);
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sorted: Vec<_> = forms.iter().zip(&buffers).collect();
    // The order of the list.
    sorted.sort_by(|one, other| one.0.1.cmp(&other.0.1));
    for ((shown, url), buffer) in sorted {
        let number = numbers.entry(shown).or_default();
        *number += 1;
        fs::write(folder.path().join("url"), url).expect("a file");
        for name in ["@url", &format!("{shown} #{number}")] {
            let status = json(folder.path(), &["status", name]);
            assert_eq!(status["source"], *shown, "{url}");
            assert_eq!(status["id"], format!("{:016x}", buffer.id()), "{url}: {name}");
        }
    }
}

#[test]
fn clips_hide_the_secret_in_name_and_tags() {
    let (folder, forms) = (tempfile::tempdir().expect("a folder"), forms());
    let (_registry, buffers) = allocated(folder.path(), &forms);
    let mut paths = Vec::new();
    for ((shown, url), buffer) in forms.iter().zip(&buffers) {
        let segment = buffer.read(Span::Frames(0..400)).expect("audio");
        for extension in ["wav", "flac"] {
            let path = folder.path().join(clip_name(url, 0, extension));
            let clip = write_clip_with(&segment, &path, &ClipTags::new(url), IfExists::Number).expect("a clip");
            let content = fs::read(&clip.path).expect("a file");
            let content = String::from_utf8_lossy(&content);
            assert_hidden(url, &format!("{} {content} {clip:?}", clip.path.display()));
            assert!(content.contains(shown.as_str()), "{url}");
            paths.push(clip.path);
        }
    }
    let count = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), count, "each clip has a file of its own");
}

#[test]
fn errors_of_the_command_quote_no_secret() {
    let (folder, forms) = (tempfile::tempdir().expect("a folder"), forms());
    for (number, (_, url)) in forms.iter().enumerate() {
        // An argument of each kind for a part of the forms: a process takes time.
        let arguments = match number % 6 {
            0 => vec!["record", url, "--out", "/nowhere"],
            1 => vec!["record", "tone:440", "--for", url],
            2 => vec!["record", url, url, "--out", "/nowhere"],
            3 => vec!["status", url],
            4 => vec!["clip", url, "--last", "1s"],
            _ => vec!["remove", url],
        };
        let ended = run(folder.path(), &arguments);
        assert!(matches!(ended.code, Some(1 | 2)), "{arguments:?}: {}", ended.err);
        assert_hidden(&format!("{arguments:?}"), &(ended.out + &ended.err));
        if let Err(error) = url.parse::<Locator>() {
            assert_hidden(url, &format!("{error} {error:?}"));
        }
    }
}

#[test]
fn log_of_the_daemon_shows_no_secret_of_a_form_that_can_not_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let host = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let local = |url: &str| url.replace("cam.lan:554", &host).replace("cam.lan", &host);
    let is_opened = |url: &String| url.starts_with("http://") && url.contains(&host) && url.parse::<Locator>().is_ok();
    // Each needs a process of ffmpeg.
    let urls: Vec<_> = forms().iter().map(|(_, url)| local(url)).filter(is_opened).collect();
    assert!(urls.len() >= 20, "{urls:#?}");
    let source = |url: &String| format!("[[source]]\nfrom = {url:?}\n");
    let config = format!("[defaults]\nretry_after = \"1h\"\n{}", urls.iter().map(source).collect::<String>());
    fs::write(folder.path().join("capbuf.toml"), config).expect("a file");
    let mut command = capbuf(folder.path(), &["run", "-c", "capbuf.toml", "--log", "json"]);
    command.env("RUST_LOG", "trace");
    let mut daemon = Running::of(command);
    for _ in &urls {
        daemon.wait_for_line("a source that backs off", |line| line.contains("backing off"));
    }
    let listed = run(folder.path(), &["list"]);
    assert!(listed.out.matches(&host).count() >= urls.len(), "{}", listed.out);
    assert_hidden("capbuf list", &(listed.out + &listed.err));
    for command in [&["list", "--json"][..], &["top", "--once"], &["metrics"], &["events", "--for", "1s"]] {
        let ended = run(folder.path(), command);
        assert_hidden(&format!("{command:?}"), &(ended.out + &ended.err));
    }
    daemon.signal(Signal::TERM);
    let ended = daemon.end();
    assert!(ended.err.contains(&host), "{}", ended.err);
    assert_hidden("capbuf run", &(ended.out + &ended.err));
}
