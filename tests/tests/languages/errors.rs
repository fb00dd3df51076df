//! Error codes: core, header, C names, Go sentinels, Python classes.

use std::collections::BTreeMap;

use crate::scrape::{between, by_number, camel, defined, numbered};
use crate::tree::Tree;

/// The first status that belongs to C alone; smaller ones are the core's error codes.
const FIRST_OF_C: i64 = 100;

impl Tree {
    pub(crate) fn compare_errors(&mut self) {
        let core = numbered(between(&self.text("core/src/error.rs"), "pub enum ErrorCode {", "\n}"), " = ");
        let header = self.text("include/capbuf.h");
        let statuses = defined(between(&header, "#define CAPBUF_OK 0", "#define CAPBUF_FORMAT_OWN"), "");
        assert!(core.len() >= 22, "only {} error codes were found", core.len());
        assert!(statuses.len() >= 26, "only {} statuses were found", statuses.len());
        let of_core: BTreeMap<_, _> = statuses
            .iter()
            .filter(|(_, number)| **number < FIRST_OF_C)
            .map(|(name, number)| (camel(name), *number))
            .collect();
        self.same("error codes of the core and the header", &core, &of_core);

        let in_ffi = named_statuses(&self.text("ffi/src/error.rs"));
        let names: Vec<_> = std::iter::once("OK".to_owned()).chain(by_number(&statuses)).collect();
        self.same("statuses of the header and their names", &names, &in_ffi);

        let in_go = sentinels(&self.text("go/error.go"));
        let wanted: Vec<_> = by_number(&statuses).into_iter().map(|name| (camel(&name), name)).collect();
        self.same("statuses of the header and sentinels of Go", &wanted, &in_go);

        let in_python = classes(&self.text("python/python/capbuf/_errors.py"));
        self.same("error codes of the core and classes of Python", &core, &in_python);
    }
}

/// Lists the names in rows `(CAPBUF_NAME, c"NAME")` whose two names are equal.
fn named_statuses(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix("(CAPBUF_")?.split_once(", c\""));
    rows.filter(|(name, rest)| rest.split('"').next() == Some(*name)).map(|(name, _)| name.to_owned()).collect()
}

/// Lists the sentinels in Go's rows `ErrName error = Code(C.CAPBUF_NAME)`.
fn sentinels(text: &str) -> Vec<(String, String)> {
    let rows = text.lines().filter_map(|line| line.trim().strip_prefix("Err")?.split_once(" error = Code(C.CAPBUF_"));
    rows.map(|(name, rest)| (name.to_owned(), rest.trim_end_matches(')').to_owned())).collect()
}

/// Finds Python's classes that have a code.
fn classes(text: &str) -> BTreeMap<String, i64> {
    let bodies = text.split("\nclass ").skip(1);
    let coded = bodies.filter_map(|body| {
        let code = body.lines().find_map(|line| line.strip_prefix("    code = "))?.parse().ok()?;
        Some((body.split('(').next()?.to_owned(), code))
    });
    coded.collect()
}
