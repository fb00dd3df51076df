//! Names of sound cards that survive a reboot: by what is plugged in, or by where it is, as the kernel tells in sysfs.
//!
//! ALSA counts cards as they come, and names those that are alike by that count.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::locator::{DeviceHost, STABLE_PREFIXES, StableName};

use super::hosts::not_found;

/// Where sysfs is, if not where it always is, as for a container that has the machine's elsewhere.
const ROOT_VARIABLE: &str = "CAPBUF_SYSFS";

/// Tells what a device that has a stable name, as `usb:046d:082d` or `path:pci-0000:00:1f.3`, is called by ALSA now.
///
/// ```
/// let error = capbuf_capture::alsa_name("usb:0000:0000").expect_err("there is none");
/// assert!(error.to_string().contains("\"usb:0000:0000\""));
/// ```
///
/// # Errors
/// [`Error::DeviceNotFound`] with the stable names that there are; [`Error::Device`] where it is the name of several.
pub fn alsa_name(stable_name: &str) -> Result<String> {
    resolve(stable_name, &cards(&root()))
}

/// The stable names that there are, and what each one is.
pub(super) fn names() -> Vec<(String, String)> {
    names_of(&cards(&root()))
}

fn root() -> PathBuf {
    std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty()).unwrap_or_else(|| "/sys".into()).into()
}

/// A sound card that can be recorded from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Card {
    /// ALSA's name of it, which no other card has at the same time.
    id: String,
    /// The numbers of its devices that record.
    devices: Vec<u32>,
    usb: Option<Usb>,
    /// Where it is plugged in, as udev writes it.
    path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Usb {
    vendor: String,
    product: String,
    serial: Option<String>,
    /// What it says that it is.
    words: Option<String>,
}

/// The cards that sysfs knows, in the order of their names. What can't be read is not there.
fn cards(root: &Path) -> Vec<Card> {
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

    fn is(&self, name: &StableName<'_>) -> bool {
        match name {
            StableName::Path(path) => self.path.as_deref() == Some(path),
            StableName::Usb { vendor, product, serial } => self.usb.as_ref().is_some_and(|usb| {
                usb.vendor.eq_ignore_ascii_case(vendor)
                    && usb.product.eq_ignore_ascii_case(product)
                    && serial.is_none_or(|serial| usb.serial.as_deref() == Some(serial))
            }),
        }
    }

    /// Its names without that of a device on it: what it is, then where.
    fn names(&self) -> Vec<String> {
        let usb = self.usb.as_ref().map(|usb| {
            let serial = usb.serial.as_ref().map(|serial| format!(":{serial}")).unwrap_or_default();
            format!("usb:{}:{}{serial}", usb.vendor, usb.product)
        });
        usb.into_iter().chain(self.path.as_ref().map(|path| format!("path:{path}"))).collect()
    }

    fn alsa_name(&self, device: u32) -> String {
        format!("hw:CARD={},DEV={device}", self.id)
    }
}

/// The numbers of the devices of a card that record: its folder has one `pcmC1D0c` for each.
fn recording_devices(folder: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix("pcmC")?.strip_suffix('c')?.split_once('D')?.1.parse().ok();
    let mut devices: Vec<u32> = entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect();
    devices.sort_unstable();
    devices
}

impl Usb {
    /// What the folder of a USB device says; of others nothing.
    fn read(folder: &Path) -> Option<Self> {
        let (vendor, product) = (attribute(folder, "idVendor")?, attribute(folder, "idProduct")?);
        let words: Vec<_> = ["manufacturer", "product"].iter().filter_map(|name| attribute(folder, name)).collect();
        let words = (!words.is_empty()).then(|| words.join(" "));
        Some(Self { vendor, product, serial: attribute(folder, "serial"), words })
    }
}

/// A file of sysfs, on one line.
fn attribute(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name)).ok()?;
    let text = text.trim().replace(char::is_control, " ");
    (!text.is_empty()).then_some(text)
}

/// Where a card is, from what it is plugged into outwards, as udev's `path_id` puts it: the buses' numbers, which are given as
/// they are found, are not in it.
fn path_of(parents: &[&Path]) -> Option<String> {
    let name_of = |path: &Path| path.file_name().and_then(OsStr::to_str).map(str::to_owned);
    let (mut parts, mut last, mut is_placed) = (Vec::new(), String::new(), false);
    for parent in parents {
        let link = fs::read_link(parent.join("subsystem")).ok();
        let (Some(subsystem), Some(name)) = (link.and_then(|link| name_of(&link)), name_of(parent)) else { continue };
        // A hub behind a hub, a bridge behind a bridge: the innermost tells all.
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

/// What follows a card's name where not its first recording device is meant.
const DEVICE: &str = ",DEV=";

fn resolve(given: &str, cards: &[Card]) -> Result<String> {
    let (card, device) = match given.rsplit_once(DEVICE).map(|(card, device)| (card, device.parse::<u32>())) {
        Some((card, Ok(device))) => (card, Some(device)),
        _ => (given, None),
    };
    let Some(name) = StableName::parse(card) else { return Err(missing(given, cards)) };
    let found: Vec<_> = cards.iter().filter(|card| card.is(&name)).collect();
    match found[..] {
        [card] => {
            let device = device.or(card.devices.first().copied()).filter(|device| card.devices.contains(device));
            device.map(|device| card.alsa_name(device)).ok_or_else(|| missing(given, cards))
        }
        [] => Err(missing(given, cards)),
        _ => {
            let names: Vec<_> = found.iter().flat_map(|card| card.names()).filter(|name| name != given).collect();
            let reason = format!("several devices are that; name one of them: {}", names.join(", "));
            Err(Error::Device { name: given.to_owned(), reason })
        }
    }
}

fn missing(given: &str, cards: &[Card]) -> Error {
    let names: Vec<_> = names_of(cards).into_iter().map(|(name, _)| name).collect();
    not_found(DeviceHost::Alsa, Some(given), &names)
}

/// The names that mean one device, and what that is.
fn names_of(cards: &[Card]) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for card in cards {
        for (number, device) in card.devices.iter().enumerate() {
            let suffix = if number == 0 { String::new() } else { format!("{DEVICE}{device}") };
            let words = card.usb.as_ref().and_then(|usb| usb.words.as_ref()).unwrap_or(&card.id);
            let description = format!("{words}, now {}", card.alsa_name(*device));
            let its_names = card.names().into_iter().map(|name| (format!("{name}{suffix}"), description.clone()));
            names.extend(its_names.filter(|(name, _)| resolve(name, cards).is_ok()));
        }
    }
    names
}

/// Tells whether a name of ALSA's host is one of these.
pub(super) fn is_stable(name: &str) -> bool {
    STABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/src/sound_cards.rs"]
mod sound_cards;

#[cfg(test)]
mod tests {
    use super::sound_cards::{SoundCard, plug, unplug};
    use super::*;

    const SOCKET: &str = "pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0";

    fn webcam<'a>(number: u32, id: &'a str, place: &'a str, serial: Option<&'a str>) -> SoundCard<'a> {
        SoundCard { number, id, place, usb: Some(("046d", "082d", serial)), recording: &[0] }
    }

    fn found(root: &Path) -> Vec<String> {
        names_of(&cards(root)).into_iter().map(|(name, _)| name).collect()
    }

    fn resolved(root: &Path, name: &str) -> String {
        resolve(name, &cards(root)).expect(name)
    }

    #[test]
    fn a_card_has_a_name_by_what_it_is_and_one_by_where_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        plug(root, &webcam(1, "C920", SOCKET, Some("6B4E3E9F")));
        plug(
            root,
            &SoundCard {
                number: 0,
                id: "PCH",
                place: "pci0000:00/0000:00:1b.0/0000:00:1f.3",
                usb: None,
                recording: &[0, 2],
            },
        );
        // One that only plays, as HDMI does.
        let silent = SoundCard { number: 2, id: "HDMI", place: "pci0000:00/0000:01:00.1", usb: None, recording: &[] };
        plug(root, &silent);
        assert_eq!(
            names_of(&cards(root)),
            [
                ("usb:046d:082d:6B4E3E9F", "Maker Thing, now hw:CARD=C920,DEV=0"),
                ("path:pci-0000:00:14.0-usb-0:1.2:1.0", "Maker Thing, now hw:CARD=C920,DEV=0"),
                ("path:pci-0000:00:1f.3", "PCH, now hw:CARD=PCH,DEV=0"),
                ("path:pci-0000:00:1f.3,DEV=2", "PCH, now hw:CARD=PCH,DEV=2"),
            ]
            .map(|(name, what)| (name.to_owned(), what.to_owned()))
        );
        for (name, alsa) in [
            ("usb:046d:082d:6B4E3E9F", "hw:CARD=C920,DEV=0"),
            ("usb:046D:082D", "hw:CARD=C920,DEV=0"),
            ("path:pci-0000:00:1f.3,DEV=2", "hw:CARD=PCH,DEV=2"),
        ] {
            assert_eq!(resolved(root, name), alsa);
        }
    }

    #[test]
    fn what_is_found_in_another_order_after_a_reboot_keeps_its_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let other = SOCKET.replace("1-1.2", "1-1.4");
        plug(root, &webcam(1, "C920", SOCKET, Some("left")));
        plug(root, &webcam(2, "C920_1", &other, Some("right")));
        let before = found(root);
        assert_eq!(resolved(root, "usb:046d:082d:left"), "hw:CARD=C920,DEV=0");
        unplug(root, 1);
        unplug(root, 2);
        // The bus has another number, too.
        plug(root, &webcam(1, "C920", &other.replace("1-1", "3-1").replace("usb1", "usb3"), Some("right")));
        plug(root, &webcam(5, "C920_1", &SOCKET.replace("1-1", "3-1").replace("usb1", "usb3"), Some("left")));
        assert_eq!(resolved(root, "usb:046d:082d:left"), "hw:CARD=C920_1,DEV=0");
        assert_eq!(resolved(root, "path:pci-0000:00:14.0-usb-0:1.2:1.0"), "hw:CARD=C920_1,DEV=0");
        let (mut before, mut after) = (before, found(root));
        before.sort();
        after.sort();
        assert_eq!(before, after);
    }

    #[test]
    fn devices_that_are_alike_are_told_by_where_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        plug(root, &webcam(1, "C920", SOCKET, None));
        plug(root, &webcam(2, "C920_1", &SOCKET.replace("1-1.2", "1-1.4"), None));
        let paths = ["path:pci-0000:00:14.0-usb-0:1.2:1.0", "path:pci-0000:00:14.0-usb-0:1.4:1.0"];
        assert_eq!(found(root), paths);
        let error = resolve("usb:046d:082d", &cards(root)).expect_err("which one?").to_string();
        assert!(error.contains("\"usb:046d:082d\"") && error.ends_with(&paths.join(", ")), "{error}");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let missing = |name: &str| resolve(name, &cards(root)).expect_err(name).to_string();
        assert_eq!(
            missing("usb:046d:082d"),
            "there is no alsa device \"usb:046d:082d\" to record from; there is: none"
        );
        plug(root, &webcam(1, "C920", SOCKET, Some("left")));
        for name in
            ["usb:046d:082d:right", "usb:046d:0000", "usb:046d:082d,DEV=1", "path:pci-0000:00:14.0", "usb:", "path:x"]
        {
            let error = missing(name);
            assert!(error.contains(&format!("no alsa device {name:?}")), "{error}");
            assert!(error.contains("is: usb:046d:082d:left, path:pci-0000:00:14.0-usb-0:1.2:1.0"), "{error}");
        }
    }

    #[test]
    fn boards_without_a_pci_bus_have_paths_as_udev_writes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let pi4 = "platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1/1-1.3/1-1.3:1.0";
        plug(root, &webcam(1, "A", pi4, None));
        plug(root, &webcam(2, "B", "platform/soc/3f980000.usb/usb1/1-1/1-1.5/1-1.5:1.0", None));
        let hat = SoundCard { number: 3, id: "C", place: "platform/soc/soc:sound", usb: None, recording: &[0] };
        plug(root, &hat);
        // Of a bus that hangs on nothing known, there is no name that stays.
        plug(root, &webcam(4, "D", "virtual/usb9/9-1/9-1:1.0", None));
        let names = [
            "path:platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0",
            "path:platform-3f980000.usb-usb-0:1.5:1.0",
            "path:platform-soc:sound",
        ];
        assert_eq!(found(root), names);
    }

    #[test]
    fn a_tree_that_says_nonsense_has_no_cards() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        assert_eq!(found(&root.join("nowhere")), Vec::<String>::new());
        fs::create_dir_all(root.join("class/sound/card1")).expect("a folder");
        fs::create_dir_all(root.join("class/sound/cardX")).expect("a folder");
        fs::write(root.join("class/sound/card2"), "no folder").expect("a file");
        std::os::unix::fs::symlink("../../devices/gone", root.join("class/sound/card3")).expect("a link");
        assert_eq!(found(root), Vec::<String>::new());
        plug(root, &webcam(4, "C920", SOCKET, Some("with\na break")));
        assert_eq!(resolved(root, "usb:046d:082d:with a break"), "hw:CARD=C920,DEV=0");
    }

    #[test]
    fn the_cards_of_this_machine_are_found_by_all_their_names() {
        // On a machine without any, there is nothing to be found.
        let cards = cards(Path::new("/sys"));
        for (name, what) in names_of(&cards) {
            let alsa = resolve(&name, &cards).expect(&name);
            assert!(what.ends_with(&alsa), "{name}: {what}, {alsa}");
        }
    }
}
