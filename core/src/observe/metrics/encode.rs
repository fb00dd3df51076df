//! Encodes metrics in Prometheus's text format.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// A number with its labels, or a histogram: counts by upper bound, and the sum.
#[derive(Debug)]
pub(super) enum Value {
    Number(Vec<(&'static str, String)>, f64),
    Histogram(Vec<(f64, u64)>, f64),
}

/// All values of one metric name.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) is_counter: bool,
    pub(super) values: Vec<Value>,
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for family in &self.0 {
            let is_histogram = matches!(family.values.first(), Some(Value::Histogram(..)));
            let kind = match (is_histogram, family.is_counter) {
                (true, _) => MetricType::Histogram,
                (_, true) => MetricType::Counter,
                (_, false) => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for value in &family.values {
                match value {
                    Value::Histogram(buckets, sum) => {
                        let count = buckets.iter().map(|(_, count)| count).sum();
                        metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)?;
                    }
                    Value::Number(labels, number) if labels.is_empty() => {
                        encode(&mut metric, family.is_counter, *number)?;
                    }
                    Value::Number(labels, number) => {
                        encode(&mut metric.encode_family(labels)?, family.is_counter, *number)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn encode(metric: &mut MetricEncoder<'_>, is_counter: bool, number: f64) -> Result<(), std::fmt::Error> {
    if is_counter { metric.encode_counter::<NoLabelSet, _, f64>(&number, None) } else { metric.encode_gauge(&number) }
}

/// Encodes families in Prometheus's own text format. Unlike in OpenMetrics, the name of a counter
/// ends with `_total` in its HELP and TYPE lines, too.
pub(super) fn text(families: Vec<Family>) -> String {
    let families = Families(families);
    let counters: Vec<_> = families.0.iter().filter(|family| family.is_counter).map(|family| family.name).collect();
    let mut metrics = prometheus_client::registry::Registry::default();
    metrics.register_collector(Box::new(families));
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = prometheus_client::encoding::text::encode_registry(&mut text, &metrics);
    let mut encoded = String::with_capacity(text.len());
    for line in text.lines() {
        let described = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
        let name = described.and_then(|rest| rest.split(' ').next()).filter(|name| counters.contains(name));
        match (name, line.split_once('{')) {
            (Some(name), _) => encoded.push_str(&line.replacen(name, &format!("{name}_total"), 1)),
            // No labels, no braces.
            (None, Some((name, rest))) if rest.starts_with("} ") => encoded.extend([name, &rest[1..]]),
            (None, _) => encoded.push_str(line),
        }
        encoded.push('\n');
    }
    encoded
}

pub(super) fn number(value: f64) -> Vec<Value> {
    vec![Value::Number(Vec::new(), value)]
}

pub(super) fn labelled<'a>(name: &'static str, values: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<Value> {
    // Our own names contain spaces; label values have underscores instead.
    let shown = |value: &str| if name == "source" { value.to_owned() } else { value.replace(' ', "_") };
    values.into_iter().map(|(value, number)| Value::Number(vec![(name, shown(value))], number)).collect()
}
