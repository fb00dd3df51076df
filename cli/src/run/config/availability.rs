//! Warnings about devices, files, cameras and folders that are missing or refuse now: they may come
//! later.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use capbuf_capture::{Error, Format, RequestedFormat, SourceConfig, Stop};
use rustix::fs::{Access, access};

use super::diagnostic::Diagnostic;
use super::{Config, source};
use crate::domain;

/// Time to wait for the answers of sources that are opened at once, and for that of a folder.
const WITHIN: Duration = Duration::from_secs(10);
/// The number of sources that are opened at once.
const AT_ONCE: usize = 16;

/// Opens every source that is not being recorded in the domain, and looks for every folder. Waits a
/// bounded time for each.
pub(in super::super) fn check(config: &Config, domain: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut formats = HashMap::new();
    for (sources, places) in config.sources.chunks(AT_ONCE).zip(config.source_places.chunks(AT_ONCE)) {
        for ((source, place), opened) in sources.iter().zip(places).zip(open_all(sources, domain)) {
            match opened {
                Some(Ok(Some(format))) => drop(formats.insert(source.name(), format)),
                Some(Ok(None)) => {}
                Some(Err(reason)) => found.push(place.diagnostic(&reason)),
                None => {
                    let name = capbuf::redact(source.name());
                    found.push(place.diagnostic(&format!("{name} does not answer within {WITHIN:?}")));
                }
            }
        }
    }
    found.extend(format_warnings(config, &formats));
    found.extend(folder_warnings(config));
    found
}

/// The formats of sources that were opened show what the file does not.
fn format_warnings(config: &Config, formats: &HashMap<&str, Format>) -> Vec<Diagnostic> {
    let triggers = config.triggers.iter().zip(&config.folder_places);
    let warning = |(trigger, place): (&super::TriggerConfig, &super::Place)| {
        let format = *formats.get(trigger.source.as_str())?;
        let number = config.sources.iter().position(|source| source.name() == trigger.source)?;
        let table = config.parsed.sources.get(number)?;
        let spec = source::spec(table.get_ref(), &config.parsed.defaults, Some(format))?;
        let name = capbuf::redact(&trigger.source);
        trigger.options.check_spec(&spec).err().map(|reason| place.diagnostic(&format!("trigger of {name}: {reason}")))
    };
    triggers.filter_map(warning).collect()
}

/// Looks for the folders of the triggers, on another thread: a mount may hang.
pub(in super::super) fn folder_warnings(config: &Config) -> Vec<Diagnostic> {
    let folders: Vec<_> = config.parsed.triggers.iter().map(|trigger| trigger.folder.get_ref().clone()).collect();
    let (sender, looked) = channel();
    let look = move || folders.iter().try_for_each(|folder| sender.send(refusal(Path::new(folder))));
    // Without a thread there is no answer.
    let _ = thread::Builder::new().name("capbuf-folders".to_owned()).spawn(look);
    let deadline = Instant::now() + WITHIN;
    let mut found = Vec::new();
    for place in &config.folder_places {
        match looked.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(refusal) => found.extend(refusal.map(|message| place.diagnostic(&message))),
            Err(_) => found.push(place.diagnostic(&format!("the folder does not answer within {WITHIN:?}"))),
        }
    }
    found
}

fn refusal(folder: &Path) -> Option<String> {
    if !folder.is_dir() {
        return Some(format!("there is no folder {} to write clips to; create it", folder.display()));
    }
    let error = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(format!("can't write clips to {}: {error}", folder.display()))
}

/// The format of a source, `None` if it is being recorded; or why it can't be opened.
type Opened = Result<Option<Format>, String>;

/// Opens sources, each on its own thread. `None` is one that has not answered.
fn open_all(sources: &[SourceConfig], domain: &str) -> Vec<Option<Opened>> {
    /// Time for threads to end after the request, with their child processes.
    const ENDED_WITHIN: Duration = Duration::from_secs(1);
    let (sender, answers) = channel();
    let stop = Stop::new();
    for (number, source) in sources.iter().cloned().enumerate() {
        let (sender, stop, domain) = (sender.clone(), stop.clone(), domain.to_owned());
        let open = move || drop(sender.send((number, open(&source, &domain, &stop))));
        // Without a thread there is no answer.
        let _ = thread::Builder::new().name("capbuf-check".to_owned()).spawn(open);
    }
    drop(sender);
    let mut opened: Vec<Option<Opened>> = vec![None; sources.len()];
    let deadline = Instant::now() + WITHIN;
    while let Ok((number, answer)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Some(opened) = opened.get_mut(number) {
            *opened = Some(answer);
        }
    }
    stop.request();
    let deadline = Instant::now() + ENDED_WITHIN;
    while answers.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {}
    opened
}

fn open(config: &SourceConfig, domain: &str, stop: &Stop) -> Opened {
    // A second connection could disturb a camera; a sound card refuses it.
    let buffer = domain::open_existing(Some(domain)).ok().and_then(|registry| registry.get(config.name()));
    if buffer.is_some_and(|buffer| buffer.status().has_writer) {
        return Ok(None);
    }
    let described = |error: Error| match error {
        Error::Unreadable { path, reason } => format!("can't read {}: {reason}", path.display()),
        error => error.to_string(),
    };
    config.source().and_then(|mut source| source.open(&RequestedFormat::default(), stop)).map(Some).map_err(described)
}
