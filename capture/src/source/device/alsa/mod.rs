//! The devices of ALSA: the kernel's sound cards and the devices that `asoundrc` defines.
//!
//! Samples are taken as the hardware delivers them, and converted here: ALSA's own conversion would
//! lose bits of floats, and is not installed everywhere.

mod formats;
mod offer;
mod stream;

use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use alsa::device_name::HintIter;
use alsa::pcm::PCM;
use alsa::{Direction, config};
use rustix::io::Errno;

use super::choose::{Choice, Offer};
use super::host::{Device, DeviceInfo, HostResult, Started, not_found};
use super::{callback, stable};
use crate::error::{Error, Result};
use crate::source::locator::DeviceHost;
use crate::source::stable_name;
use stream::{Stream, describe, errno};

const HOST: DeviceHost = DeviceHost::Alsa;
/// The name of the default device.
const DEFAULT: &str = "default";
/// Held while a device is opened.
static OPENING: Mutex<()> = Mutex::new(());
/// Time to wait for the end of another opening.
const TURN_WITHIN: Duration = Duration::from_secs(2);

/// Lists the devices that can be recorded from, unordered.
///
/// # Errors
/// [`Error::HostUnavailable`] if ALSA's configuration cannot be read.
pub(super) fn devices() -> Result<Vec<DeviceInfo>> {
    let infos = inputs()?.into_iter().map(|(name, description)| {
        let is_default = name == DEFAULT;
        DeviceInfo { host: HOST, name, description, is_default }
    });
    let stable = stable::names().into_iter().map(|(name, description)| DeviceInfo {
        host: HOST,
        name,
        description,
        is_default: false,
    });
    Ok(infos.chain(stable).collect())
}

/// Finds and opens a device by its name; `None` for the default one.
///
/// # Errors
/// [`Error::DeviceNotFound`] with the names of the devices that exist, [`Error::Device`] if it
/// cannot be opened, [`Error::HostUnavailable`] if ALSA's configuration cannot be read.
pub(super) fn find(name: Option<&str>) -> Result<Box<dyn Device>> {
    let name = name.unwrap_or(DEFAULT);
    // Resolved each time it is opened: the card may be plugged in elsewhere by then.
    let resolved = stable_name::is_stable(name).then(|| stable::alsa_name(name)).transpose()?;
    let alsa_name = resolved.as_deref().unwrap_or(name);
    if !is_plain(alsa_name) && !inputs()?.iter().any(|(known, _)| known == alsa_name) {
        return Err(missing(name)?);
    }
    let error = match open(alsa_name) {
        Ok(pcm) => return Ok(Box::new(Card { name: name.to_owned(), alsa_name: alsa_name.to_owned(), pcm })),
        Err(error) => error,
    };
    let is_known = resolved.is_some() || inputs()?.iter().any(|(known, _)| known == name);
    match errno(&error) {
        Errno::NOENT | Errno::NODEV | Errno::NXIO if !is_known => Err(missing(name)?),
        _ => Err(Error::Device { name: name.to_owned(), reason: describe(&error) }),
    }
}

fn missing(name: &str) -> Result<Error> {
    let names: Vec<_> = inputs()?.into_iter().map(|(name, _)| name).collect();
    Ok(not_found(HOST, Some(name), &names))
}

/// Returns whether a name can only open a device, listed or not, in any of its spellings: ALSA also
/// takes names that contain a configuration, write into files or run programs.
fn is_plain(name: &str) -> bool {
    const WITH_ARGUMENTS: [&str; 6] = ["hw", "plughw", "plug", "sysdefault", "front", "dsnoop"];
    let is_word = |text: &str, also: &[u8]| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) || also.contains(&byte))
    };
    match name.split_once(':') {
        None => is_word(name, b""),
        Some((definition, arguments)) => WITH_ARGUMENTS.contains(&definition) && is_word(arguments, b"=,"),
    }
}

fn open(name: &str) -> alsa::Result<PCM> {
    let _turn = turn();
    // No name has a zero byte.
    let name = CString::new(name).map_err(|_| alsa::Error::new("snd_pcm_open", Errno::NOENT.raw_os_error()))?;
    PCM::open(&name, Direction::Capture, true)
}

/// Takes a turn to open a device: not every plugin can be opened by two threads at once. `None` if
/// another thread hangs in a driver, or did when this process was forked.
fn turn() -> Option<MutexGuard<'static, ()>> {
    let began = Instant::now();
    loop {
        match OPENING.try_lock() {
            Ok(turn) => return Some(turn),
            Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) if began.elapsed() > TURN_WITHIN => return None,
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Returns the name of a device with its channels interleaved by ALSA, which changes nothing else
/// in a format that the device offers.
fn interleaving(name: &str) -> String {
    format!("plug:'{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Returns the names and descriptions of the devices in ALSA's configuration.
fn inputs() -> Result<Vec<(String, String)>> {
    let unavailable = |error: alsa::Error| Error::HostUnavailable { host: HOST.name(), reason: error.to_string() };
    config::update_ref().map_err(unavailable)?;
    // Without any device there is no list.
    let Ok(hints) = HintIter::new(None, c"pcm") else { return Ok(Vec::new()) };
    let inputs = hints.filter(|hint| hint.direction != Some(Direction::Playback)).filter_map(|hint| {
        let name = hint.name?;
        let description = hint.desc.as_ref().and_then(|text| text.lines().next()).unwrap_or(&name);
        Some((name.clone(), description.replace(char::is_control, " ")))
    });
    Ok(inputs.collect())
}

/// An open device of ALSA.
struct Card {
    name: String,
    /// The name in ALSA, which differs from a stable one.
    alsa_name: String,
    pcm: PCM,
}

impl Device for Card {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn offer(&self) -> HostResult<Offer> {
        offer::offer(&self.pcm).map_err(|error| describe(&error))
    }

    fn start(self: Box<Self>, choice: &Choice) -> HostResult<Started> {
        let Self { alsa_name, mut pcm, .. } = *self;
        if !offer::is_interleaved(&pcm).map_err(|error| describe(&error))? {
            // The hardware can be open once only.
            drop(pcm);
            let refused =
                |error| format!("it delivers each channel on its own, and ALSA's plug does not open: {error}");
            pcm = open(&interleaving(&alsa_name)).map_err(refused)?;
        }
        let (writer_slot, callback) = callback::make(choice);
        let status = callback.status();
        let stream = Stream::start(pcm, choice, callback)?;
        Ok(Started { writer_slot, status, _stream: Box::new(stream) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_configuration_or_a_program_are_not_plain() {
        for plain in ["default", "my_mic.2", "hw:0", "hw:CARD=C920,DEV=0", "plughw:1,0", "plug:mic", "sysdefault:PCH"] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            "",
            "hw:",
            "file:x,raw",
            "file:'|touch x',raw",
            "tee:hw,x,raw",
            "plug:{type file file x}",
            "plug:'mic'",
            "hw:CARD=\"x\"",
            "{type hw}",
            "a b",
            "hw:0\0",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn opening_that_hangs_does_not_hold_up_the_others() {
        let hanging = turn().expect("no other test opens a device");
        assert!(open("there is none").is_err());
        drop(hanging);
        assert!(turn().is_some());
    }

    #[test]
    fn name_in_quotes_reaches_alsa_whole() {
        assert_eq!(interleaving("hw:CARD=it's,DEV=0"), "plug:'hw:CARD=it\\'s,DEV=0'");
    }
}
