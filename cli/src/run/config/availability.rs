//! Warnings about devices, files and folders that are missing now: they may come later.

use std::fs;
use std::path::Path;

use capbuf_capture::{DeviceHost, Locator, alsa_name, devices};
use toml::Spanned;

use super::diagnostic::{Diagnostic, Document};
use super::file::{Source, Trigger};

/// Checks that the source's device or file is there.
pub(super) fn check_source(document: &Document<'_>, source: &Source) -> Option<Diagnostic> {
    let message = match source.from.get_ref().parse().ok()? {
        Locator::File { path, .. } => unreadable(&path)?,
        Locator::Device { host, name } => missing_device(host, &name)?,
        _ => return None,
    };
    Some(document.diagnostic(Some(source.from.span()), &message))
}

/// Checks that the folder for the trigger's clips is there.
pub(super) fn check_folder(document: &Document<'_>, trigger: &Trigger) -> Option<Diagnostic> {
    let folder: &Spanned<String> = &trigger.folder;
    let path = Path::new(folder.get_ref());
    let message = format!("there is no folder {} to write clips to; create it", path.display());
    (!path.is_dir()).then(|| document.diagnostic(Some(folder.span()), &message))
}

fn unreadable(path: &Path) -> Option<String> {
    let error = fs::File::open(path).err()?;
    Some(format!("can't read {}: {error}", path.display()))
}

fn missing_device(host: DeviceHost, name: &str) -> Option<String> {
    if host == DeviceHost::Alsa && ["usb:", "path:"].iter().any(|stable| name.starts_with(stable)) {
        return alsa_name(name).err().map(|error| error.to_string());
    }
    let known = match devices(host) {
        Ok(known) => known,
        Err(error) => return Some(error.to_string()),
    };
    // ALSA opens more names than it lists.
    let is_card = host == DeviceHost::Alsa && name.contains(':');
    if is_card || known.iter().any(|device| device.name == name) {
        return None;
    }
    let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Some(format!("there is no {} device {name:?} now; available: {names}", host.name()))
}
