//! Every allocation attempt is reported with its outcome and its call site.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod callers;
mod counts;
mod domain_logs;
mod findings;
mod holders;
mod paths;
mod printed;
mod source_down;
#[path = "../support/mod.rs"]
mod support;
mod switching;

use capbuf::{Registry, Spec};
use support::mono;

fn tracking() -> Registry {
    Registry::builder().track_allocations(true).commit_ahead(false).build()
}

fn small() -> Spec {
    mono(0.1, 1000)
}
