//! The JSON output of commands has exactly the keys of the schemas in `docs/schema/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use capbuf::{
    AnomalyKind, CaptureBuffer, ClockSource, GapReason, Language, Lifetime, Outcome, Registry, SampleFormat, Severity,
    SourceHealth, SourceState, WatchSettings,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{Running, domains_of, json as run_json, run, wait_for, wait_for_audio};

/// Checks values against schemas. Fails at a keyword that our schemas do not use.
#[derive(Default)]
struct Checker {
    /// Paths with a value other than null, or an item of a list.
    seen: BTreeSet<String>,
    /// All paths of the schemas.
    known: BTreeSet<String>,
}

fn schema(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(file);
    serde_json::from_str(&fs::read_to_string(path).expect("a schema")).expect("JSON")
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => unreachable!("unknown type {name}"),
    }
}

impl Checker {
    fn check(&mut self, value: &Value, schema: &Value, at: &str) {
        if let Some(file) = schema["$ref"].as_str() {
            return self.check(value, &self::schema(file), at);
        }
        for (keyword, rule) in schema.as_object().expect("an object") {
            let holds = match keyword.as_str() {
                "$schema" | "title" | "description" => true,
                "type" => match rule {
                    Value::Array(names) => names.iter().any(|name| is_of_type(value, name.as_str().expect("a name"))),
                    name => is_of_type(value, name.as_str().expect("a name")),
                },
                "enum" => rule.as_array().expect("a list").contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
                "format" => {
                    assert_eq!(rule, "date-time");
                    value.as_str().is_none_or(|time| time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok())
                }
                // Both ways: the value has all keys of the schema, and no other.
                "properties" => value.as_object().is_none_or(|object| object.keys().eq(sorted_keys(rule).iter())),
                "required" => rule.as_array().map(Vec::len) == schema["properties"].as_object().map(|keys| keys.len()),
                "additionalProperties" => rule == false,
                "items" => true,
                _ => unreachable!("unknown keyword {keyword}"),
            };
            assert!(holds, "{at}: {value} breaks {keyword}: {rule}");
        }
        self.known.extend(paths(schema, at));
        if !value.is_null() {
            self.seen.insert(at.to_owned());
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            self.check(value, &schema["properties"][key], &format!("{at}.{key}"));
        }
        for item in value.as_array().into_iter().flatten() {
            self.check(item, &schema["items"], &format!("{at}[]"));
        }
    }
}

fn sorted_keys(object: &Value) -> BTreeSet<String> {
    object.as_object().expect("an object").keys().cloned().collect()
}

/// Returns all paths of a schema.
fn paths(schema: &Value, at: &str) -> Vec<String> {
    let mut paths = vec![at.to_owned()];
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        paths.extend(self::paths(inner, &format!("{at}.{key}")));
    }
    if let Some(items) = schema.get("items").filter(|items| items.get("$ref").is_none()) {
        paths.extend(self::paths(items, &format!("{at}[]")));
    }
    paths
}

#[inline(never)]
fn refused(registry: &Registry, held: &CaptureBuffer) {
    assert!(registry.allocate(held.source().as_str(), *held.spec()).is_err());
}

#[inline(never)]
fn first_path(registry: &Registry, held: &CaptureBuffer) {
    refused(registry, held);
    std::hint::black_box(());
}

#[inline(never)]
fn second_path(registry: &Registry, held: &CaptureBuffer) {
    refused(registry, held);
    std::hint::black_box(());
}

#[test]
fn json_output_matches_the_schemas() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut checker = Checker::default();
    let mut check = |name: &str, value: &Value| checker.check(value, &schema(&format!("{name}.json")), name);

    let recorder = Running::start(folder.path(), &["record", "tone:440", "--keep"]);
    wait_for_audio(folder.path(), "tone:440", 0.5);
    recorder.signal(Signal::TERM);
    assert_eq!(recorder.end().code, Some(0));
    let before = run_json(folder.path(), &["status", "tone:440"]);
    check("status", &before);
    // The next recorder leaves a gap.
    let _recorder = Running::start(folder.path(), &["record", "tone:440", "--keep"]);
    let recorded_s = before["newest_frame"].as_f64().expect("a number") / 48_000.0;
    wait_for_audio(folder.path(), "tone:440", recorded_s + 0.5);
    // A reader that stays for a while.
    let mut reader =
        Running::start(folder.path(), &["clip", "tone:440", "--around", "now", "--before", "100ms", "--after", "59s"]);
    reader.wait_for_line("waiting", |line| line.contains("waiting"));

    let status = wait_for("a reader", || {
        let status = run_json(folder.path(), &["status", "tone:440"]);
        (status["readers"][0]["pid"] == reader.id()).then_some(status)
    });
    check("status", &status);
    check("list", &run_json(folder.path(), &["list"]));
    let from = before["oldest_utc"].as_str().expect("a time");
    let clip = run_json(folder.path(), &["clip", "tone:440", "--from", from, "--to", "now", "--available"]);
    let gaps = clip["gaps"].as_array().expect("a list");
    assert!(gaps.iter().any(|gap| gap["reason"] == "writer changed"), "{gaps:?}");
    check("clip", &clip);
    let registry = Registry::builder().domains_folder(domains_of(folder.path())).track_allocations(true);
    let registry = registry.open("default").expect("the domain");
    let held = registry.get("tone:440").expect("it is recorded");
    // Refused twice at one place, which two paths lead to.
    first_path(&registry, &held);
    second_path(&registry, &held);
    let stray = domains_of(folder.path()).join("default/notes.txt");
    fs::write(&stray, "no buffer").expect("a stray file");
    check("report", &run_json(folder.path(), &["report"]));
    assert_eq!(run(folder.path(), &["report", "--reset"]).code, Some(0));
    check("report", &run_json(folder.path(), &["report"]));
    let names = ["rtsp://cam/1", "rtsp://cam/1/"];
    let two = names.map(|name| registry.get_or_allocate(name, *held.spec()).expect("a buffer"));
    check("event", &run_json(folder.path(), &["events", "--for", "1ms"]));
    // As a daemon publishes that it refused its configuration.
    let daemon = registry.claim_source("capbuf run").expect("no daemon");
    daemon.publish(None, &SourceHealth::new(SourceState::Failed, 0, 0, "no sources")).expect("published");
    // Two writers, of which the second one's clock is behind.
    for seconds in [10, 0] {
        let utc_ns = two[0].clock().utc_ns() + seconds * 1_000_000_000;
        two[0].writer().expect("no writer").write_at(&[0_i16; 480], utc_ns).expect("writable");
    }
    check("status", &run_json(folder.path(), &["status", names[0]]));
    check("list", &run_json(folder.path(), &["list"]));
    let watch = registry.watch(WatchSettings::default()).expect("a watch");
    watch.next_event(Duration::from_secs(60)).expect("the two names");
    check("report", &serde_json::from_str(&registry.allocation_report().to_json()).expect("JSON"));
    names.iter().for_each(|name| registry.remove(name).expect("it is there"));
    drop((two, watch, held, daemon, registry));
    check("domains", &run_json(folder.path(), &["domains"]));
    check("domains", &run_json(folder.path(), &["domains", "--sweep"]));
    // One that is killed leaves an orphaned buffer.
    let killed = Running::start(folder.path(), &["record", "tone:880"]);
    wait_for_audio(folder.path(), "tone:880", 0.1);
    killed.kill();
    check("status", &run_json(folder.path(), &["status", "tone:880"]));
    check("list", &run_json(folder.path(), &["list"]));
    check("remove", &run_json(folder.path(), &["remove", "tone:440", "--force"]));
    check("list", &run_json(folder.path(), &["list"]));

    let unseen: Vec<_> = checker.known.difference(&checker.seen).collect();
    assert_eq!(unseen, Vec::<&String>::new(), "paths that no output had");
}

#[test]
fn enumerations_in_the_schemas_match_the_library() {
    // Without null, which a source without a buffer has.
    let names = |value: &Value| -> Vec<String> {
        let names: Vec<Option<String>> = serde_json::from_value(value["enum"].clone()).expect("names");
        names.into_iter().flatten().collect()
    };
    let (status, clip) = (schema("status.json"), schema("clip.json"));
    let formats = SampleFormat::ALL.map(SampleFormat::name);
    assert_eq!(names(&status["properties"]["format"]), formats);
    assert_eq!(names(&clip["properties"]["format"]), formats);
    let reasons = &clip["properties"]["gaps"]["items"]["properties"]["reason"];
    assert_eq!(names(reasons), GapReason::ALL.map(GapReason::name));
    let report = schema("report.json");
    let source = &report["properties"]["sources"]["items"]["properties"];
    let outcome = &source["stacks"]["items"]["properties"]["outcome"];
    assert_eq!(names(outcome), Outcome::ALL.map(Outcome::name));
    let event = schema("event.json");
    assert_eq!(names(&event["properties"]["kind"]), AnomalyKind::ALL.map(AnomalyKind::name));
    assert_eq!(names(&event["properties"]["severity"]), Severity::ALL.map(Severity::name));
    let mut languages: Vec<_> = Language::ALL.map(|language| json!(language.name())).into();
    languages.push(Value::Null);
    assert_eq!(source["call_sites"]["items"]["properties"]["language"]["enum"], Value::Array(languages));
    assert_eq!(names(&status["properties"]["health"]["properties"]["state"]), SourceState::ALL.map(SourceState::name));
    let clip = &schema("clip.json")["properties"]["clock"];
    assert_eq!(names(clip), ClockSource::ALL.map(ClockSource::name));
    assert_eq!(names(&status["properties"]["clock"]), ClockSource::ALL.map(ClockSource::name));
    let lifetimes = [Lifetime::UntilRemoved, Lifetime::WhileOpen].map(Lifetime::name);
    assert_eq!(names(&status["properties"]["lifetime"]), lifetimes);
}

#[test]
fn the_checker_finds_values_that_break_a_schema() {
    let right = json!({"source": "x", "domain": "d", "id": "0", "had_writer": true, "bytes": 1});
    let fails = |key: &str, value: Option<Value>| {
        let mut wrong = right.clone();
        match value {
            Some(value) => wrong[key] = value,
            None => drop(wrong.as_object_mut().and_then(|object| object.remove(key))),
        }
        let check = move || Checker::default().check(&wrong, &schema("remove.json"), "remove");
        std::panic::catch_unwind(check).is_err()
    };
    assert!(!fails("bytes", Some(2.into())));
    for (key, value) in [("bytes", Some(json!(-1))), ("bytes", Some(json!("1"))), ("new", Some(json!(1))), ("id", None)]
    {
        assert!(fails(key, value.clone()), "{key}: {value:?}");
    }
}
