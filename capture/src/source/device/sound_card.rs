//! The sound cards listed in sysfs.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::source::stable_name::StableName;

/// A sound card that can be recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    /// The ALSA name, unique at any one time.
    pub(super) id: String,
    /// The numbers of its recording devices.
    pub(super) devices: Vec<u32>,
    pub(super) usb: Option<Usb>,
    /// The path of its socket, in the notation of udev.
    path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Usb {
    vendor: String,
    product: String,
    serial: Option<String>,
    /// Manufacturer and product, as reported by the device.
    pub(super) description: Option<String>,
}

/// Returns the cards that can be recorded from, ordered by name. Unreadable entries are skipped.
pub(super) fn cards(root: &Path) -> Vec<Card> {
    let Ok(entries) = fs::read_dir(root.join("class/sound")) else { return Vec::new() };
    let is_card = |name: &str| name.strip_prefix("card").is_some_and(|number| number.parse::<u32>().is_ok());
    let named = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_card));
    let mut cards: Vec<_> = named.filter_map(|entry| Card::read(root, &entry.path())).collect();
    cards.sort_by(|a, b| a.id.cmp(&b.id));
    cards
}

impl Card {
    fn read(root: &Path, entry: &Path) -> Option<Self> {
        let folder = fs::canonicalize(entry).ok()?;
        let devices = recording_devices(&folder);
        let above = fs::canonicalize(root.join("devices")).ok()?;
        let parents: Vec<_> = folder.ancestors().skip(1).take_while(|parent| **parent != above).collect();
        let usb = parents.iter().find_map(|parent| Usb::read(parent));
        let card = Self { id: attribute(&folder, "id")?, devices, usb, path: path_of(&parents) };
        (!card.devices.is_empty()).then_some(card)
    }

    pub(super) fn is(&self, name: &StableName<'_>) -> bool {
        match name {
            StableName::Path(path) => self.path.as_deref() == Some(path),
            StableName::Usb { vendor, product, serial } => self.usb.as_ref().is_some_and(|usb| {
                usb.vendor.eq_ignore_ascii_case(vendor)
                    && usb.product.eq_ignore_ascii_case(product)
                    && serial.is_none_or(|serial| usb.serial.as_deref() == Some(serial))
            }),
        }
    }

    /// Returns its stable names, by model and by path, without the number of a device.
    pub(super) fn names(&self) -> Vec<String> {
        let usb = self.usb.as_ref().map(|usb| {
            let serial = usb.serial.as_ref().map(|serial| format!(":{serial}")).unwrap_or_default();
            format!("usb:{}:{}{serial}", usb.vendor, usb.product)
        });
        usb.into_iter().chain(self.path.as_ref().map(|path| format!("path:{path}"))).collect()
    }

    pub(super) fn alsa_name(&self, device: u32) -> String {
        format!("hw:CARD={},DEV={device}", self.id)
    }
}

/// Returns the numbers of the recording devices of a card: its folder has a `pcmC1D0c` for each.
fn recording_devices(folder: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix("pcmC")?.strip_suffix('c')?.split_once('D')?.1.parse().ok();
    let mut devices: Vec<u32> = entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect();
    devices.sort_unstable();
    devices
}

impl Usb {
    /// Reads the folder of a USB device; `None` for any other folder.
    fn read(folder: &Path) -> Option<Self> {
        let (vendor, product) = (attribute(folder, "idVendor")?, attribute(folder, "idProduct")?);
        let names: Vec<_> = ["manufacturer", "product"].iter().filter_map(|name| attribute(folder, name)).collect();
        let description = (!names.is_empty()).then(|| names.join(" "));
        Some(Self { vendor, product, serial: attribute(folder, "serial"), description })
    }
}

/// Reads a file of sysfs as one line.
fn attribute(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name)).ok()?;
    let text = text.trim().replace(char::is_control, " ");
    (!text.is_empty()).then_some(text)
}

/// Returns the path of a card, as udev's `path_id`: without the numbers of buses, which depend on
/// the order in which they are found. `parents` starts at the innermost.
fn path_of(parents: &[&Path]) -> Option<String> {
    let name_of = |path: &Path| path.file_name().and_then(OsStr::to_str).map(str::to_owned);
    let (mut parts, mut last, mut is_placed) = (Vec::new(), String::new(), false);
    for parent in parents {
        let link = fs::read_link(parent.join("subsystem")).ok();
        let (Some(subsystem), Some(name)) = (link.and_then(|link| name_of(&link)), name_of(parent)) else { continue };
        // Of nested hubs or bridges, the innermost determines the path.
        if subsystem == last {
            continue;
        }
        match subsystem.as_str() {
            "usb" => parts.push(format!("usb-0:{}", name.split_once('-')?.1)),
            "pci" | "platform" => {
                is_placed = true;
                parts.push(format!("{subsystem}-{name}"));
            }
            _ => continue,
        }
        last = subsystem;
    }
    parts.reverse();
    is_placed.then(|| parts.join("-"))
}
