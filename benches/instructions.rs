//! Instructions of the hot paths, counted by callgrind: the same in each run, however busy the
//! machine.
//!
//! Runs each job under callgrind in a process of its own, with some calls and with twice as many;
//! the difference is that of the calls alone.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use capbuf::{ReadOptions, Registry, Span};

use crate::maps::Map;
use crate::report::{Row, Table};
use crate::rings::{Capbuf, PlainCopy, RATE_HZ, spec};
use crate::rounds::Effort;
use crate::{Result, source};

const CALLS: u64 = 2000;
const THREE_SECONDS: usize = 3 * RATE_HZ;

/// The job, our role, the other's role, and the other's name.
const JOBS: [(&str, &str, &str, &str); 6] = [
    ("look up, 64 sources", "with", "map", "limit: unprotected HashMap"),
    ("a handle, 64 sources", "get", "map-get", "limit: unprotected HashMap"),
    ("get or allocate, 64 sources", "get-or-allocate", "map-get", "limit: unprotected HashMap"),
    ("write 960 B", "write", "copy-write", "limit: memcpy"),
    ("read 960 B", "read", "copy-read", "limit: memcpy"),
    ("read 3 s of 16 bits as floats", "read-floats", "convert", "limit: conversion loop"),
];

/// Does a job `calls` times, under callgrind.
pub(crate) fn child(job: &str, calls: u64) -> Result<()> {
    let names: Vec<_> = (0..64).map(source).collect();
    let mut next = names.iter().cycle();
    let mut name = || next.next().map_or("", String::as_str);
    let repeat = |call: &mut dyn FnMut()| (0..calls).for_each(|_| call());
    match job {
        "with" => {
            let map = Registry::with_sources(64)?;
            repeat(&mut || {
                black_box(map.look(0, name()));
            });
        }
        "get" => {
            let map = Registry::with_sources(64)?;
            repeat(&mut || drop(black_box(map.get(name()))));
        }
        "get-or-allocate" => {
            let (map, spec) = (Registry::with_sources(64)?, crate::maps::small()?);
            repeat(&mut || drop(black_box(map.get_or_allocate(name(), spec))));
        }
        "map" => {
            let map = crate::maps::Unprotected::with_sources(64)?;
            repeat(&mut || {
                black_box(map.look(0, name()));
            });
        }
        "map-get" => {
            let map = crate::maps::Unprotected::with_sources(64)?;
            repeat(&mut || {
                black_box(map.get_or_add(name()));
            });
        }
        "copy-write" => {
            let mut ring = PlainCopy::new(60);
            repeat(&mut || ring.put(black_box(&[7; 480])));
        }
        "copy-read" => {
            let (ring, mut out) = (PlainCopy::new(60), [0; 480]);
            repeat(&mut || ring.last(black_box(&mut out)));
        }
        "convert" => {
            let (from, mut to) = (vec![7_i16; THREE_SECONDS], vec![0_f32; THREE_SECONDS]);
            repeat(&mut || {
                for (from, to) in black_box(&from).iter().zip(&mut to) {
                    *to = f32::from(*from) * (1.0 / 32_768.0);
                }
                black_box(&mut to);
            });
        }
        _ => {
            let registry = Registry::builder().commit_ahead(false).build();
            let mut ring = Capbuf::of(registry.get_or_allocate("bench", spec(60)?)?)?;
            (0..400).for_each(|_| ring.put(&[7; 480]));
            let newest = ring.buffer.frames().end;
            let (mut out, mut floats) = ([0_i16; 480], vec![0_f32; THREE_SECONDS]);
            match job {
                "write" => repeat(&mut || ring.put(black_box(&[7; 480]))),
                "read" => repeat(&mut || {
                    let span = Span::Frames(newest - 480..newest);
                    drop(black_box(ring.buffer.read_into(span, &ReadOptions::new(), &mut out)));
                }),
                "read-floats" => repeat(&mut || {
                    let span = Span::Frames(newest - THREE_SECONDS as u64..newest);
                    drop(black_box(ring.buffer.read_into(span, &ReadOptions::new(), &mut floats)));
                }),
                _ => return Err(format!("there is no job {job}").into()),
            }
        }
    }
    Ok(())
}

fn total(job: &str, calls: u64, folder: &Path) -> Result<u64> {
    let out = folder.join(job);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "-q"]).arg(format!("--callgrind-out-file={}", out.display()));
    let status =
        valgrind.arg(std::env::current_exe()?).args(["child", "count"]).arg(job).arg(calls.to_string()).status()?;
    if !status.success() {
        return Err(format!("{job} under callgrind: {status}").into());
    }
    let text = std::fs::read_to_string(out)?;
    let line = text.lines().rev().find_map(|line| line.strip_prefix("summary:").or(line.strip_prefix("totals:")));
    Ok(line.ok_or("callgrind's output has no total")?.trim().parse()?)
}

fn of_one_call(job: &str, folder: &Path) -> Result<f64> {
    let calls = if job.ends_with("floats") || job == "convert" { CALLS / 100 } else { CALLS };
    Ok((total(job, 2 * calls, folder)? - total(job, calls, folder)?) as f64 / calls as f64)
}

pub(crate) fn hot_paths(_: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Instructions of the hot paths",
        "Instructions a call, counted by callgrind. They depend on the compiler and the C library only, so \
         each run counts the same.",
    );
    if Command::new("valgrind").arg("--version").output().is_err() {
        table.push(Row::new("not counted: valgrind is not installed", ""));
        return Ok(table);
    }
    let folder = tempfile::tempdir()?;
    for (job, ours, other, name) in JOBS {
        let (ours, other) = (of_one_call(ours, folder.path())?, of_one_call(other, folder.path())?);
        table.push(Row::new(job, format!("{ours:.0}")).other(name, format!("{other:.0}"), Some(ours / other)));
    }
    Ok(table)
}
