//! Stable names of sound cards: by the device itself, or by the socket it is plugged into.
//!
//! ALSA numbers cards in the order in which they are found, and names equal models by that number.

use std::path::PathBuf;

use super::host::not_found;
use super::sound_card::{Card, cards};
use crate::error::{Error, Result};
use crate::source::locator::DeviceHost;
use crate::source::stable_name::StableName;

/// Names the mount point of sysfs, for containers that have it elsewhere.
const ROOT_VARIABLE: &str = "CAPBUF_SYSFS";

/// Resolves a stable name, such as `usb:046d:082d` or `path:pci-0000:00:1f.3`, to the current ALSA
/// name.
///
/// ```
/// let error = capbuf_capture::alsa_name("usb:0000:0000").expect_err("there is none");
/// assert!(error.to_string().contains("\"usb:0000:0000\""));
/// ```
///
/// # Errors
/// [`Error::DeviceNotFound`] with the stable names that exist; [`Error::Device`] if several devices
/// match.
pub fn alsa_name(stable_name: &str) -> Result<String> {
    resolve(stable_name, &cards(&root()))
}

/// Returns the stable names that exist, each with a description.
pub(super) fn names() -> Vec<(String, String)> {
    names_of(&cards(&root()))
}

fn root() -> PathBuf {
    std::env::var_os(ROOT_VARIABLE).filter(|root| !root.is_empty()).unwrap_or_else(|| "/sys".into()).into()
}

/// Precedes the number of a device that is not the first recording device of its card.
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

/// Returns the names that match exactly one device, each with a description.
fn names_of(cards: &[Card]) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for card in cards {
        for (number, device) in card.devices.iter().enumerate() {
            let suffix = if number == 0 { String::new() } else { format!("{DEVICE}{device}") };
            let model = card.usb.as_ref().and_then(|usb| usb.description.as_ref()).unwrap_or(&card.id);
            let description = format!("{model}, now {}", card.alsa_name(*device));
            let its_names = card.names().into_iter().map(|name| (format!("{name}{suffix}"), description.clone()));
            names.extend(its_names.filter(|(name, _)| resolve(name, cards).is_ok()));
        }
    }
    names
}

#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../../tests/src/sound_cards.rs"]
mod sound_cards;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

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
    fn card_has_a_name_by_model_and_one_by_path() {
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
        // A card without a recording device, such as HDMI.
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
    fn names_survive_another_order_of_cards() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let other = SOCKET.replace("1-1.2", "1-1.4");
        plug(root, &webcam(1, "C920", SOCKET, Some("left")));
        plug(root, &webcam(2, "C920_1", &other, Some("right")));
        let before = found(root);
        assert_eq!(resolved(root, "usb:046d:082d:left"), "hw:CARD=C920,DEV=0");
        unplug(root, 1);
        unplug(root, 2);
        // The number of the bus changes, too.
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
    fn equal_models_are_distinguished_by_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        plug(root, &webcam(1, "C920", SOCKET, None));
        plug(root, &webcam(2, "C920_1", &SOCKET.replace("1-1.2", "1-1.4"), None));
        let paths = ["path:pci-0000:00:14.0-usb-0:1.2:1.0", "path:pci-0000:00:14.0-usb-0:1.4:1.0"];
        assert_eq!(found(root), paths);
        let error = resolve("usb:046d:082d", &cards(root)).expect_err("ambiguous").to_string();
        assert!(error.contains("\"usb:046d:082d\"") && error.ends_with(&paths.join(", ")), "{error}");
    }

    #[test]
    fn missing_device_error_lists_the_names_that_exist() {
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
    fn platform_devices_have_the_paths_of_udev() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let pi4 = "platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1/1-1.3/1-1.3:1.0";
        plug(root, &webcam(1, "A", pi4, None));
        plug(root, &webcam(2, "B", "platform/soc/3f980000.usb/usb1/1-1/1-1.5/1-1.5:1.0", None));
        let hat = SoundCard { number: 3, id: "C", place: "platform/soc/soc:sound", usb: None, recording: &[0] };
        plug(root, &hat);
        // A bus without a known parent yields no stable name.
        plug(root, &webcam(4, "D", "virtual/usb9/9-1/9-1:1.0", None));
        let names = [
            "path:platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0",
            "path:platform-3f980000.usb-usb-0:1.5:1.0",
            "path:platform-soc:sound",
        ];
        assert_eq!(found(root), names);
    }

    #[test]
    fn malformed_sysfs_yields_no_cards() {
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
    fn cards_of_this_machine_resolve_by_all_their_names() {
        // A machine without cards passes.
        let cards = cards(Path::new("/sys"));
        for (name, what) in names_of(&cards) {
            let alsa = resolve(&name, &cards).expect(&name);
            assert!(what.ends_with(&alsa), "{name}: {what}, {alsa}");
        }
    }
}
