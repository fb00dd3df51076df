//! The tables of `BENCHMARKS.md`: figures, ratios, aims, and the list of losses.

use std::fmt::Write as _;

use crate::rounds::Measured;

/// The name of our column.
pub(crate) const OURS: &str = "capbuf";

/// The largest ratio to a peer that counts as a draw.
const DRAW: f64 = 1.03;

pub(crate) struct Table {
    title: &'static str,
    about: &'static str,
    rows: Vec<Row>,
}

pub(crate) struct Row {
    job: String,
    ours: String,
    /// Name, figure, and the ratio of ours to it.
    others: Vec<(String, String, Option<f64>)>,
    aims: Vec<Aim>,
}

struct Aim {
    what: String,
    found: String,
    met: bool,
}

impl Table {
    pub(crate) fn new(title: &'static str, about: &'static str) -> Self {
        println!("{title}");
        Self { title, about, rows: Vec::new() }
    }

    /// Replaces a table that could not be measured.
    pub(crate) fn failed(name: &'static str, reason: &str) -> Self {
        let mut table = Self::new(name, "Not measured in this run.");
        table.push(Row::new(name, reason).aim_of("measured", reason, false));
        table
    }

    pub(crate) fn push(&mut self, row: Row) {
        println!("  {}: {}", row.job, row.ours);
        for (name, figure, ratio) in &row.others {
            println!("      {name}: {figure}{}", ratio.map_or(String::new(), |ratio| format!(" ({ratio:.2})")));
        }
        for aim in &row.aims {
            println!("      {} {}: {}", mark(aim.met), aim.what, aim.found);
        }
        self.rows.push(row);
    }

    /// Lists the lost jobs, a line each: missed aims, then faster peers.
    fn losses(&self) -> Vec<String> {
        self.rows.iter().filter_map(Row::loss).collect()
    }

    fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.about);
        let mut names: Vec<&str> = Vec::new();
        for (name, ..) in self.rows.iter().flat_map(|row| &row.others) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let aims = self.rows.iter().any(|row| !row.aims.is_empty());
        let heads = ["job", OURS].into_iter().chain(names.iter().copied()).chain(aims.then_some("aim"));
        let heads: Vec<_> = heads.collect();
        let _ = writeln!(text, "| {} |\n|{}", heads.join(" | "), "---|".repeat(heads.len()));
        for row in &self.rows {
            let _ = write!(text, "| {} | {} |", row.job, row.ours);
            for name in &names {
                let cell = row.others.iter().find(|(other, ..)| other == name);
                let cell = cell.map_or_else(String::new, |(_, figure, ratio)| {
                    format!("{figure}{}", ratio.map_or(String::new(), |ratio| format!(" (**{ratio:.2}**)")))
                });
                let _ = write!(text, " {cell} |");
            }
            if aims {
                let aims = row.aims.iter().map(|aim| format!("{} {}: {}", mark(aim.met), aim.what, aim.found));
                let _ = write!(text, " {} |", aims.collect::<Vec<_>>().join("<br>"));
            }
            text.push('\n');
        }
        text.push('\n');
        text
    }
}

/// Limits are no peers: a larger figure than a limit is no loss.
fn is_limit(name: &str) -> bool {
    name.starts_with("limit: ")
}

fn mark(met: bool) -> &'static str {
    if met { "✓" } else { "✗" }
}

impl Row {
    pub(crate) fn new(job: impl Into<String>, ours: impl Into<String>) -> Self {
        Self { job: job.into(), ours: ours.into(), others: Vec::new(), aims: Vec::new() }
    }

    /// Makes a row of ours and of those others that were measured, each with the ratio.
    pub(crate) fn of(job: impl Into<String>, measured: &Measured, ours: &str, others: &[&str]) -> Self {
        let mut row = Self::new(job, time(measured.ns(ours)));
        for name in others.iter().filter(|name| measured.has(name)) {
            row.others.push(((*name).into(), time(measured.ns(name)), Some(measured.ratio(ours, name))));
        }
        row
    }

    pub(crate) fn other(mut self, name: impl Into<String>, figure: impl Into<String>, ratio: Option<f64>) -> Self {
        self.others.push((name.into(), figure.into(), ratio));
        self
    }

    /// Adds the aim that `found` is at most `limit`.
    pub(crate) fn aim(self, what: impl Into<String>, found: f64, limit: f64) -> Self {
        self.aim_of(what, format!("{found:.2}"), found <= limit)
    }

    pub(crate) fn aim_of(mut self, what: impl Into<String>, found: impl Into<String>, met: bool) -> Self {
        self.aims.push(Aim { what: what.into(), found: found.into(), met });
        self
    }

    /// Describes how the job was lost, if it was.
    fn loss(&self) -> Option<String> {
        let missed = self.aims.iter().filter(|aim| !aim.met);
        let missed: Vec<_> = missed.map(|aim| format!("aim {}, found {}", aim.what, aim.found)).collect();
        let faster = self.others.iter().filter_map(|(name, figure, ratio)| {
            let ratio = ratio.filter(|ratio| *ratio > DRAW && !is_limit(name))?;
            Some(format!("{name} {figure} (**{ratio:.2}**)"))
        });
        let faster: Vec<_> = faster.collect();
        let mut parts = missed;
        if !faster.is_empty() {
            parts.push(format!("faster: {}", faster.join(", ")));
        }
        (!parts.is_empty()).then(|| format!("{}: {}; {}", self.job, self.ours, parts.join("; ")))
    }
}

/// Formats a time with its unit.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        ns if ns.is_nan() => "not measured".into(),
        ns if ns < 100.0 => format!("{ns:.1} ns"),
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// Lists the losses of all tables, grouped by table.
pub(crate) fn losses(tables: &[Table]) -> String {
    let mut text = String::from("## Where we lose\n");
    let lost: Vec<_> =
        tables.iter().map(|table| (table, table.losses())).filter(|(_, lost)| !lost.is_empty()).collect();
    if lost.is_empty() {
        text.push_str("\nNowhere in this run.\n");
        return text;
    }
    text.push_str(
        "\nA line is a job that misses an aim or is slower than a peer by more than 3 %: our figure, each \
         missed aim, each faster peer with the ratio of ours to it.\n",
    );
    for (table, lost) in lost {
        let _ = write!(text, "\n### {}: {} of {} jobs\n\n", table.title, lost.len(), table.rows.len());
        for line in lost {
            let _ = writeln!(text, "- {line}");
        }
    }
    text
}

/// Writes the whole file.
pub(crate) fn markdown(head: &str, tables: &[Table], tail: &str) -> String {
    let mut text = format!("{head}\n{}\n", losses(tables));
    tables.iter().for_each(|table| text.push_str(&table.markdown()));
    text.push_str(tail);
    text
}
