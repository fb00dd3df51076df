//! The origin of an attempt: its call site and stack, in the terms of a log.

use std::panic::Location;

use xxhash_rust::xxh3::xxh3_64;

use super::caller::{Caller, CodePlace, Language};
use super::log::Log;
use super::log_layout::{FRAME_OF_SITE, FRAME_PLACE_BITS, FRAME_UNKNOWN};
use super::modules;
use super::stack::{self, FRAMES};

/// The origin of an attempt: its call site and stack, in the terms of a log.
pub(super) struct Origin {
    pub(super) site_key: u64,
    pub(super) frames: [u64; FRAMES],
    pub(super) count: usize,
}

impl Origin {
    #[inline(never)]
    pub(super) fn of(log: &Log, location: Option<&'static Location<'static>>) -> Self {
        let caller = Caller::current();
        let site_key = Self::site(log, caller.as_deref(), location);
        let mut origin = Self { site_key, frames: [0; FRAMES], count: 0 };
        match caller {
            Some(caller) => {
                let places = caller.stack.iter().take(FRAMES);
                for (frame, place) in origin.frames.iter_mut().zip(places) {
                    *frame = match place {
                        CodePlace::Address(address) => frame_of(log, *address),
                        CodePlace::Line { .. } => {
                            let (_, row) = Self::site_of(log, caller.language, place);
                            row.map_or(FRAME_UNKNOWN << FRAME_PLACE_BITS, |row| {
                                FRAME_OF_SITE << FRAME_PLACE_BITS | row as u64
                            })
                        }
                    };
                    origin.count += 1;
                }
            }
            None => {
                let (addresses, count) = stack::capture();
                let loaded = modules::loaded(&addresses[..count]);
                for (frame, address) in origin.frames.iter_mut().zip(&addresses[..count]) {
                    *frame = framed(log, &loaded, *address);
                }
                origin.count = count;
            }
        }
        origin
    }

    /// The origin of an event of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self { site_key: 0, frames: [0; FRAMES], count: 0 }
    }

    pub(super) fn site(log: &Log, caller: Option<&Caller>, location: Option<&'static Location<'static>>) -> u64 {
        if let Some((language, place)) = caller.and_then(|caller| Some((caller.language, caller.stack.first()?))) {
            return Self::site_of(log, language, place).0;
        }
        let Some(location) = location else { return 0 };
        let key = xxh3_64(location.file().as_bytes()) ^ u64::from(location.line()) << 1;
        log.site(key, Language::Rust as u64, 0, location.file(), location.line(), "").0
    }

    fn site_of(log: &Log, language: Language, place: &CodePlace) -> (u64, Option<usize>) {
        match place {
            CodePlace::Line { file, line, function } => {
                let key =
                    xxh3_64(file.as_bytes()) ^ u64::from(*line) << 1 ^ xxh3_64(function.as_bytes()).rotate_left(7);
                log.site(key, language as u64, 0, file, *line, function)
            }
            CodePlace::Address(address) => {
                let frame = frame_of(log, *address);
                log.site(xxh3_64(&frame.to_ne_bytes()), language as u64, frame, "", 0, "")
            }
        }
    }
}

fn frame_of(log: &Log, address: usize) -> u64 {
    framed(log, &modules::loaded(&[address]), address)
}

fn framed(log: &Log, loaded: &modules::Modules, address: usize) -> u64 {
    let in_place = |place: u64| place & ((1 << FRAME_PLACE_BITS) - 1);
    match loaded.find(address) {
        Some((module, place)) => {
            log.module(module, loaded.path(module));
            (module as u64) << FRAME_PLACE_BITS | in_place(place)
        }
        None => FRAME_UNKNOWN << FRAME_PLACE_BITS | in_place(address as u64),
    }
}
