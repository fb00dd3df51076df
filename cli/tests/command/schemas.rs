//! What commands tell in JSON is what the schemas in `docs/schema/` say: every key of the one in the other, both ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use capbuf::{
    AnomalyKind, GapReason, Language, Lifetime, Outcome, Registry, SampleFormat, Severity, SourceState, WatchSettings,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{Running, domains_of, json as told, wait_for, wait_for_audio};

/// Checks values against schemas, as far as ours go: a word that it doesn't know fails.
#[derive(Default)]
struct Checker {
    /// The places at which something other than null, and an item of each list, was seen.
    seen: BTreeSet<String>,
    /// The places there are.
    told: BTreeSet<String>,
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
        _ => unreachable!("{name} is no type"),
    }
}

impl Checker {
    fn check(&mut self, value: &Value, schema: &Value, at: &str) {
        if let Some(file) = schema["$ref"].as_str() {
            return self.check(value, &self::schema(file), at);
        }
        for (word, said) in schema.as_object().expect("an object") {
            let holds = match word.as_str() {
                "$schema" | "title" | "description" => true,
                "type" => match said {
                    Value::Array(names) => names.iter().any(|name| is_of_type(value, name.as_str().expect("a name"))),
                    name => is_of_type(value, name.as_str().expect("a name")),
                },
                "enum" => said.as_array().expect("a list").contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().expect("a number")),
                "format" => {
                    assert_eq!(said, "date-time");
                    value.as_str().is_none_or(|time| time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok())
                }
                // Both ways: no key is told that isn't named, none named that isn't told.
                "properties" => value.as_object().is_none_or(|object| object.keys().eq(sorted_keys(said).iter())),
                "required" => said.as_array().map(Vec::len) == schema["properties"].as_object().map(|keys| keys.len()),
                "additionalProperties" => said == false,
                "items" => true,
                _ => unreachable!("{word} is a word that this check doesn't know"),
            };
            assert!(holds, "{at}: {value} is not as {word} says: {said}");
        }
        self.told.extend(places(schema, at));
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

/// All places that a schema names.
fn places(schema: &Value, at: &str) -> Vec<String> {
    let mut places = vec![at.to_owned()];
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        places.extend(self::places(inner, &format!("{at}.{key}")));
    }
    if let Some(items) = schema.get("items").filter(|items| items.get("$ref").is_none()) {
        places.extend(self::places(items, &format!("{at}[]")));
    }
    places
}

#[test]
fn what_is_told_in_json_is_what_the_schemas_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut checker = Checker::default();
    let mut check = |name: &str, value: &Value| checker.check(value, &schema(&format!("{name}.json")), name);

    let recorder = Running::start(folder.path(), &["record", "tone:440", "--keep"]);
    wait_for_audio(folder.path(), "tone:440", 0.5);
    recorder.signal(Signal::TERM);
    assert_eq!(recorder.end().code, Some(0));
    let before = told(folder.path(), &["status", "tone:440"]);
    check("status", &before);
    // The next one leaves a gap.
    let _recorder = Running::start(folder.path(), &["record", "tone:440", "--keep"]);
    let recorded_s = before["newest_frame"].as_f64().expect("a number") / 48_000.0;
    wait_for_audio(folder.path(), "tone:440", recorded_s + 0.5);
    // A reader that waits for long.
    let mut reader =
        Running::start(folder.path(), &["clip", "tone:440", "--around", "now", "--before", "100ms", "--after", "59s"]);
    reader.wait_for_line("that it waits", |line| line.contains("waiting"));

    let status = wait_for("a reader", || {
        let status = told(folder.path(), &["status", "tone:440"]);
        (status["readers"][0]["pid"] == reader.id()).then_some(status)
    });
    check("status", &status);
    check("list", &told(folder.path(), &["list"]));
    let from = before["oldest_utc"].as_str().expect("a time");
    let clip = told(folder.path(), &["clip", "tone:440", "--from", from, "--to", "now", "--available"]);
    let gaps = clip["gaps"].as_array().expect("a list");
    assert!(gaps.iter().any(|gap| gap["reason"] == "writer changed"), "{gaps:?}");
    check("clip", &clip);
    let registry = Registry::builder().domains_folder(domains_of(folder.path())).track_allocations(true);
    let registry = registry.open("default").expect("the domain");
    let held = registry.get("tone:440").expect("it is recorded");
    assert!(registry.allocate("tone:440", *held.spec()).is_err());
    check("report", &told(folder.path(), &["report"]));
    let names = ["rtsp://cam/1", "rtsp://cam/1/"];
    let two = names.map(|name| registry.get_or_allocate(name, *held.spec()).expect("a buffer"));
    check("event", &told(folder.path(), &["events", "--for", "1ms"]));
    let watch = registry.watch(WatchSettings::default()).expect("a watch");
    watch.next_event(Duration::from_secs(60)).expect("the two names");
    check("report", &serde_json::from_str(&registry.allocation_report().to_json()).expect("JSON"));
    names.iter().for_each(|name| registry.remove(name).expect("it is there"));
    drop((two, watch, held, registry));
    check("domains", &told(folder.path(), &["domains"]));
    check("domains", &told(folder.path(), &["domains", "--sweep"]));
    check("remove", &told(folder.path(), &["remove", "tone:440"]));
    check("list", &told(folder.path(), &["list"]));

    let unseen: Vec<_> = checker.told.difference(&checker.seen).collect();
    assert_eq!(unseen, Vec::<&String>::new(), "never seen to be told");
}

#[test]
fn the_words_of_the_schemas_are_the_librarys() {
    let names = |value: &Value| -> Vec<String> { serde_json::from_value(value["enum"].clone()).expect("names") };
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
    let lifetimes = [Lifetime::UntilRemoved, Lifetime::WhileOpen].map(Lifetime::name);
    assert_eq!(names(&status["properties"]["lifetime"]), lifetimes);
}

#[test]
fn a_value_that_is_not_as_its_schema_says_is_found() {
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
