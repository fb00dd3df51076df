//! Sound cards in a made-up sysfs: a tree of folders and links as real systems have it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A sound card.
#[derive(Debug, Clone, Copy)]
pub struct SoundCard<'a> {
    /// The card number.
    pub number: u32,
    /// ALSA's name for it.
    pub id: &'a str,
    /// The folder of its bus device below `devices`: `pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0`.
    pub place: &'a str,
    /// Vendor, product and serial number of a USB card.
    pub usb: Option<(&'a str, &'a str, Option<&'a str>)>,
    /// The numbers of its capture devices.
    pub recording: &'a [u32],
}

/// Adds a card to the tree.
///
/// # Panics
/// If the tree cannot be written.
#[allow(clippy::unwrap_used)]
pub fn plug(root: &Path, card: &SoundCard<'_>) {
    let SoundCard { number, id, place, usb, recording } = *card;
    let mut folder = PathBuf::from("devices");
    for part in Path::new(place) {
        folder.push(part);
        fs::create_dir_all(root.join(&folder)).unwrap();
        if let Some(bus) = bus_of(part.to_str().unwrap()) {
            link(&up(&folder).join("bus").join(bus), &root.join(&folder).join("subsystem"));
        }
    }
    if let Some((vendor, product, serial)) = usb {
        // The device is the parent of the interface.
        let device = root.join(folder.parent().unwrap());
        let known = [
            ("idVendor", Some(vendor)),
            ("idProduct", Some(product)),
            ("serial", serial),
            ("manufacturer", Some("Maker")),
        ];
        for (name, value) in known.into_iter().chain([("product", Some("Thing"))]) {
            let Some(value) = value else { continue };
            fs::write(device.join(name), format!("{value}\n")).unwrap();
        }
    }
    let own = folder.join("sound").join(format!("card{number}"));
    fs::create_dir_all(root.join(&own)).unwrap();
    fs::write(root.join(&own).join("id"), format!("{id}\n")).unwrap();
    fs::write(root.join(&own).join("number"), format!("{number}\n")).unwrap();
    link(&up(&own).join("class/sound"), &root.join(&own).join("subsystem"));
    link(Path::new("../.."), &root.join(&own).join("device"));
    for device in recording {
        fs::create_dir_all(root.join(&own).join(format!("pcmC{number}D{device}c"))).unwrap();
    }
    // A playback device, too.
    fs::create_dir_all(root.join(&own).join(format!("pcmC{number}D0p"))).unwrap();
    fs::create_dir_all(root.join("class/sound")).unwrap();
    link(&Path::new("../..").join(&own), &root.join("class/sound").join(format!("card{number}")));
}

/// Removes a card from the tree.
///
/// # Panics
/// If there is no such card.
#[allow(clippy::unwrap_used)]
pub fn unplug(root: &Path, number: u32) {
    let entry = root.join("class/sound").join(format!("card{number}"));
    fs::remove_dir_all(fs::canonicalize(&entry).unwrap()).unwrap();
    fs::remove_file(entry).unwrap();
}

/// Returns the bus of a device with a folder of this name.
fn bus_of(name: &str) -> Option<&'static str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name {
        "platform" | "virtual" => None,
        _ if name.starts_with("pci") => None,
        _ if name.strip_prefix("usb").is_some_and(is_number) => Some("usb"),
        _ if name.split_once('-').is_some_and(|(bus, _)| is_number(bus)) => Some("usb"),
        _ if name.split_once(':').is_some_and(|(domain, _)| is_number(domain)) => Some("pci"),
        _ => Some("platform"),
    }
}

/// Returns the relative path from a folder to the root of the tree.
fn up(folder: &Path) -> PathBuf {
    folder.iter().map(|_| "..").collect()
}

#[allow(clippy::unwrap_used)]
fn link(to: &Path, at: &Path) {
    if fs::symlink_metadata(at).is_err() {
        symlink(to, at).unwrap();
    }
}
