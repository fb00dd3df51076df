//! The dashboard and the alert rules of `docs/prometheus`: they use existing metrics, Grafana and
//! Prometheus accept them, and tests raise and do not raise each alert.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use capbuf::{Length, Registry, SampleFormat, Span, Spec, WindowOptions};
use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/prometheus").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(docs(name)).expect(name)
}

/// Returns all metrics: names, their labels, and the values of these.
fn exported() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let registry = Registry::private();
    // Durations of reads are known only then.
    registry.enable_allocation_tracking(true);
    let spec = Spec::new(Length::Seconds(10.0), 8000, 1, SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("tone:440", spec).expect("a buffer");
    buffer.writer().expect("a writer").write(&[1_i16; 16_000]).expect("it is written");
    buffer.read(Span::Last(Duration::from_millis(100))).expect("it is there");
    let mut windows = buffer.windows(WindowOptions::new(800, 800)).expect("windows");
    windows.next_into(&mut [0_i16; 800], Duration::from_secs(60)).expect("a window");
    let mut exported: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
    let text = registry.metrics_text() + &registry.domain_metrics_text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a value"));
        let labels = exported.entry(name.to_owned()).or_default();
        let inner = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        for pair in inner.map(|(inner, _)| inner.split(',')).into_iter().flatten() {
            let (label, value) = pair.split_once('=').expect("a label");
            labels.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    exported
}

/// A label matcher: name, operator and value.
type Matcher = (String, String, String);

/// Returns the metrics of an expression with their matchers.
fn selectors(expression: &str) -> Vec<(String, Vec<Matcher>)> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("capbuf_") {
        let end = rest[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(rest.len(), |end| at + end);
        let name = rest[at..end].to_owned();
        rest = &rest[end..];
        let inner = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inner, _)| inner);
        let pairs = inner.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
            let (label, rest) = pair.split_at(pair.find(['=', '!']).expect("an operator"));
            let (operator, value) = rest.split_at(rest.find('"').expect("a value"));
            (label.trim().to_owned(), operator.to_owned(), value.trim_matches('"').to_owned())
        });
        found.push((name, pairs.collect()));
    }
    found
}

/// Returns the metrics, labels and values of an expression that do not exist. Prometheus adds `job`
/// and `instance` to each metric.
fn missing(expression: &str) -> Vec<String> {
    let exported = exported();
    let mut missing = Vec::new();
    let mut known_labels = BTreeSet::from(["job".to_owned(), "instance".to_owned()]);
    for (name, pairs) in selectors(expression) {
        let Some(labels) = exported.get(&name) else {
            missing.push(name);
            continue;
        };
        known_labels.extend(labels.keys().cloned());
        for (label, operator, value) in pairs.iter().filter(|(label, ..)| label != "job" && label != "instance") {
            match labels.get(label) {
                None => missing.push(format!("{name}{{{label}}}")),
                Some(values) if operator == "=" && !values.contains(value) => missing.push(format!("{label}={value}")),
                Some(_) => {}
            }
        }
    }
    for by in expression.split("by (").skip(1).filter_map(|rest| rest.split_once(')')) {
        missing
            .extend(by.0.split(", ").filter(|label| !known_labels.contains(*label)).map(|label| format!("by {label}")));
    }
    missing
}

fn promtool(arguments: &[&str], file: &Path) -> (bool, String) {
    let mut command = Command::new("promtool");
    let ended = command.args(arguments).arg(file).output().expect("promtool, of Debian's package prometheus");
    let output = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    (ended.status.success(), output)
}

/// Returns the alerts: names and expressions.
fn alerts() -> Vec<(String, String)> {
    let rules = read("rules.yml");
    let rules = rules.split("- alert: ").skip(1).map(|rule| {
        let (name, rest) = rule.split_once('\n').expect("a line");
        let expression = rest.split_once("expr: ").and_then(|(_, rest)| rest.split_once('\n')).expect("an expression");
        (name.to_owned(), expression.0.to_owned())
    });
    rules.collect()
}

#[test]
fn alerts_use_existing_metrics() {
    let alerts = alerts();
    assert!(alerts.len() > 10, "{alerts:?}");
    for (name, expression) in alerts {
        assert_eq!(missing(&expression), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn each_alert_is_tested_raised_and_not_raised() {
    let tests = read("rules_test.yml");
    for (name, _) in alerts() {
        let of_it: Vec<_> =
            tests.split("\n      - ").filter(|test| test.contains(&format!("alertname: {name}"))).collect();
        let raised = of_it.iter().filter(|test| test.contains("exp_labels")).count();
        assert!(raised > 0 && raised < of_it.len(), "{name}: {raised} of {} tests raise it", of_it.len());
    }
    let (passes, output) = promtool(&["test", "rules"], &docs("rules_test.yml"));
    assert!(passes, "{output}");
    // The tests fail if an alert is never raised, or too soon.
    let rules = read("rules.yml");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rules_test.yml"), &tests).expect("it is written");
    for (name, expression) in alerts() {
        let sooner =
            expression.replace("> 0.9", "> 0.8").replace("> 10", "> 1").replace("> 3", "> 0").replace("> 5", "> -1");
        let never = format!("({expression}) and vector(0) == 1");
        for planted in [sooner, never].into_iter().filter(|planted| *planted != expression) {
            let changed = rules.replacen(&format!("expr: {expression}\n"), &format!("expr: {planted}\n"), 1);
            std::fs::write(folder.path().join("rules.yml"), changed).expect("it is written");
            let (passes, _) = promtool(&["test", "rules"], &folder.path().join("rules_test.yml"));
            assert!(!passes, "no test fails with {name} as {planted}");
        }
    }
}

/// Returns all values of a key, at any depth.
fn all<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    let inner: Vec<&Value> = match value {
        Value::Object(object) => object.values().collect(),
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    value.get(key).into_iter().chain(inner.into_iter().flat_map(|inner| all(inner, key))).collect()
}

fn strings(values: &[&Value]) -> Vec<String> {
    values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Returns the faults of a dashboard that Grafana would reject, or show.
fn faults(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, fault: String| faults.extend((!holds).then_some(fault));
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    check(text(&dashboard["title"]), "no title".to_owned());
    check(dashboard["uid"].as_str().is_some_and(|uid| (1..=40).contains(&uid.len())), "uid".to_owned());
    check(dashboard["schemaVersion"].is_u64(), "schemaVersion".to_owned());
    check(text(&dashboard["time"]["from"]) && text(&dashboard["time"]["to"]), "time".to_owned());
    let variables = dashboard["templating"]["list"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    check(names.iter().collect::<BTreeSet<_>>().len() == variables.len(), format!("variables {names:?}"));
    let panels = dashboard["panels"].as_array().cloned().unwrap_or_default();
    let ids: BTreeSet<_> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    check(ids.len() == panels.len() && !panels.is_empty(), format!("ids {ids:?}"));
    let mut covered = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().unwrap_or_default();
        check(!title.is_empty(), format!("panel {} has no title", panel["id"]));
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap_or(0));
        check(w > 0 && h > 0 && x + w <= 24, format!("{title} is too wide"));
        let places = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        let free = places.filter(|place| covered.insert(*place)).count() as u64;
        check(free == w * h, format!("{title} overlaps another panel"));
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        match panel["type"].as_str() {
            Some("row") => check(panel["panels"].is_array(), format!("{title} has no list of panels")),
            Some("stat" | "timeseries") => check(!targets.is_empty(), format!("{title} has no query")),
            other => check(false, format!("{title} is a {other:?}")),
        }
        let refs: BTreeSet<_> = targets.iter().filter_map(|target| target["refId"].as_str()).collect();
        check(refs.len() == targets.len(), format!("{title} has refIds {refs:?}"));
        let sources = targets.iter().map(|target| &target["datasource"]).chain(panel.get("datasource"));
        let is_ours = |source: &Value| source["type"] == "prometheus" && source["uid"] == "${datasource}";
        check(sources.clone().all(is_ours), format!("{title} uses another datasource"));
    }
    let mut expressions = strings(&all(dashboard, "expr"));
    for query in strings(&all(dashboard, "definition")) {
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let Some((metric, label)) = inner.and_then(|inner| inner.rsplit_once(", ")) else {
            check(false, format!("{query} is not a label_values query"));
            continue;
        };
        expressions.push(format!("count by ({label}) ({metric})"));
    }
    for expression in &expressions {
        let missing = missing(expression);
        check(missing.is_empty(), format!("{expression} uses {missing:?}"));
        for used in expression.split('$').skip(1) {
            let end = used.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(used.len());
            check(names.contains(&&used[..end]), format!("{expression} uses ${}", &used[..end]));
        }
    }
    check(names.contains(&"datasource"), "no variable datasource".to_owned());
    // Prometheus parses the expressions.
    let folder = tempfile::tempdir().expect("a folder");
    let mut rules = "groups:\n  - name: panels\n    rules:\n".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let filled = expression.replace("$job", ".*").replace("$instance", ".*").replace("$source", ".*");
        rules += &format!("      - {{record: 'panel:{number}', expr: '{filled}'}}\n");
    }
    std::fs::write(folder.path().join("panels.yml"), rules).expect("it is written");
    let (passes, output) = promtool(&["check", "rules"], &folder.path().join("panels.yml"));
    check(passes, output);
    faults
}

#[test]
fn the_dashboard_is_valid_and_uses_existing_metrics() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).expect("it is JSON");
    assert_eq!(faults(&dashboard), Vec::<String>::new());
    assert!(all(&dashboard, "expr").len() > 15);
    // Each planted fault is found.
    let planted: [(&str, Value); 9] = [
        ("/panels/1/id", 1.into()),
        ("/panels/1/gridPos/x", 4.into()),
        ("/panels/1/gridPos/w", 25.into()),
        ("/panels/1/type", "graph2".into()),
        ("/panels/1/targets/0/datasource/uid", "my own".into()),
        ("/panels/1/targets/0/expr", "sum(capbuf_live_buffers{place=~\"$job\"})".into()),
        ("/panels/1/targets/0/expr", "sum(capbuf_live_buffers{job=~\"$jobs\"})".into()),
        ("/panels/1/targets/0/expr", "sum(capbuf_live_buffers".into()),
        ("/templating/list/3/definition", "label_values(capbuf_source_frames, source)".into()),
    ];
    for (place, value) in planted {
        let mut changed = dashboard.clone();
        *changed.pointer_mut(place).expect(place) = value.clone();
        assert!(!faults(&changed).is_empty(), "{place} as {value} is not found");
    }
}
