//! Runs every job of the table and writes `BENCHMARKS.md`.
#![allow(missing_docs, clippy::print_stdout)]

mod children;
mod instructions;
mod lookup;
mod machine;
mod maps;
mod memory;
mod processes;
mod race;
mod read;
mod report;
mod rings;
mod rounds;
mod stop_on_drop;
mod tails;
mod throughput;
mod tracking;
mod windows;
mod write;

use std::path::Path;

use report::Table;
use rounds::Effort;

/// Any error fails a benchmark.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Returns the name of a source by number.
fn source(number: usize) -> String {
    format!("rtsp://camera-{number}.example/stream")
}

type Run = fn(Effort) -> Result<Table>;

/// The tables of the file, each with the name by which it is run alone.
const TABLES: &[(&str, Run)] = &[
    ("lookup", lookup::existing),
    ("get-or-allocate", lookup::get_or_allocate),
    ("tracking", tracking::attempts_and_reports),
    ("race", race::new_source),
    ("write", write::chunks),
    ("read", read::spans),
    ("read-converted", read::converted),
    ("writer-tail", tails::writer),
    ("lookup-tail", lookup::tails),
    ("first-lap", tails::first_lap),
    ("windows", windows::from_many),
    ("shared", processes::shared),
    ("latency", processes::latency),
    ("memory", memory::of_many),
    ("ten-thousand", memory::ten_thousand),
    ("domain", memory::domain),
    ("instructions", instructions::hot_paths),
    ("throughput", throughput::rates),
];

/// Tables left out of a quick run.
const SLOW: [&str; 3] = ["domain", "instructions", "throughput"];

/// Runs the tables that the command line names, or all; with `quick`, in fewer rounds.
///
/// Writes the file after a whole run of all tables, and prints the losses after each run.
///
/// # Errors
/// If a peer returns a wrong result or a system call fails.
fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let ["child", role, base, number] = words[..] {
        return child(role, Path::new(base), number.parse()?);
    }
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    let effort = Effort { quick: words.contains(&"quick") };
    let named: Vec<_> = words.into_iter().filter(|word| *word != "quick").collect();
    if let Some(unknown) = named.iter().find(|name| !TABLES.iter().any(|(table, _)| table == *name)) {
        let names: Vec<_> = TABLES.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no table {unknown}: quick, or any of {}", names.join(", ")).into());
    }
    let load_before = machine::load();
    let mut tables = Vec::new();
    for (name, run) in TABLES {
        if named.contains(name) || named.is_empty() && !(effort.quick && SLOW.contains(name)) {
            // A failure is reported in its table: it must not discard the other figures.
            tables.push(run(effort).unwrap_or_else(|error| Table::failed(name, &error.to_string())));
        }
    }
    println!("\n{}", report::losses(&tables));
    if named.is_empty() && !effort.quick {
        let machine = machine::describe("make bench", &load_before);
        let tried = std::fs::read_to_string("benches/tried.md")?;
        std::fs::write("BENCHMARKS.md", report::markdown(&machine, &tables, &tried))?;
        println!("written: BENCHMARKS.md");
    }
    Ok(())
}

/// Runs this program as another process.
fn child(role: &str, base: &Path, number: usize) -> Result<()> {
    match role.split_once(':') {
        Some(("listen", name)) => processes::child_listens(base, name, number),
        #[cfg(feature = "iceoryx2")]
        Some(("iceoryx2", name)) => processes::iceoryx::child_listens(name, number),
        _ if role == "hold" => memory::child_holds(base, number),
        _ if role == "fill" => memory::child_fills(number > 0),
        _ if role == "count" => instructions::child(&base.to_string_lossy(), number as u64),
        _ => Err(format!("there is no role {role}").into()),
    }
}
