//! Resolves return addresses to functions, files and lines: slow, only for a report.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use addr2line::Loader;
use object::{Object as _, ObjectSegment as _, ReadCache};

use super::contents::{Contents, SiteText};
use super::log_layout::{FRAME_OF_SITE, FRAME_PLACE_BITS, FRAME_UNKNOWN};

/// A place in a program, as far as it could be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Place {
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// Resolves addresses. Reads each file once, and caches the results.
#[derive(Default)]
pub(crate) struct Resolver {
    modules: HashMap<String, Option<Module>>,
    known: HashMap<(String, u64), Vec<Place>>,
}

struct Module {
    loader: Loader,
    /// Segments of the file: file offset, bytes, address.
    segments: Vec<(u64, u64, u64)>,
}

impl Module {
    fn open(path: &str) -> Option<Self> {
        let path = Path::new(path);
        // Opening anything but a regular file may block.
        let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        const LARGEST: u64 = 4 << 30;
        if metadata.len() > LARGEST {
            return None;
        }
        let cache = ReadCache::new(File::open(path).ok()?);
        let object = object::File::parse(&cache).ok()?;
        let segments = object.segments().map(|segment| {
            let (offset, bytes) = segment.file_range();
            (offset, bytes, segment.address())
        });
        Some(Self { segments: segments.collect(), loader: Loader::new(path).ok()? })
    }

    fn places(&self, offset: u64) -> Option<Vec<Place>> {
        let inside = |(first, bytes, _): &&(u64, u64, u64)| offset >= *first && offset - first < *bytes;
        let (first, _, address) = self.segments.iter().find(inside)?;
        // A return address is that of the next instruction, which may belong to another line.
        let address = (address + (offset - first)).checked_sub(1)?;
        let mut places = Vec::new();
        if let Ok(mut frames) = self.loader.find_frames(address) {
            while let Ok(Some(frame)) = frames.next() {
                let function =
                    frame.function.as_ref().and_then(|function| Some(function.demangle().ok()?.into_owned()));
                let location = frame.location.as_ref();
                places.push(Place {
                    function: function.unwrap_or_default(),
                    file: location.and_then(|location| location.file).unwrap_or_default().to_owned(),
                    line: location.and_then(|location| location.line).unwrap_or_default(),
                });
            }
        }
        if places.iter().all(|place| place.function.is_empty()) {
            let symbol = self.loader.find_symbol(address)?;
            let function = addr2line::demangle_auto(symbol.into(), None).into_owned();
            match places.first_mut() {
                Some(place) => place.function = function,
                None => places.push(Place { function, ..Place::default() }),
            }
        }
        Some(places)
    }
}

impl Resolver {
    /// The places of a frame, innermost first: several if functions were inlined.
    pub(crate) fn frame(&mut self, contents: &Contents, frame: u64) -> Vec<Place> {
        let place = frame & ((1 << FRAME_PLACE_BITS) - 1);
        match frame >> FRAME_PLACE_BITS {
            FRAME_OF_SITE => {
                let key = usize::try_from(place).ok().and_then(|row| contents.site_rows.get(row));
                let site = key.and_then(|key| contents.sites.get(key));
                site.map(|site| {
                    vec![Place { function: site.function.clone(), file: site.file.clone(), line: site.line }]
                })
                .unwrap_or_default()
            }
            FRAME_UNKNOWN => vec![Place { function: format!("{place:#x}"), ..Place::default() }],
            module => {
                let path = usize::try_from(module).ok().and_then(|module| contents.modules.get(module));
                self.address(path.map_or("", String::as_str), place)
            }
        }
    }

    fn address(&mut self, path: &str, offset: u64) -> Vec<Place> {
        let key = (path.to_owned(), offset);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let module = self.modules.entry(path.to_owned()).or_insert_with(|| Module::open(path));
        let places = module.as_ref().and_then(|module| module.places(offset)).filter(|places| !places.is_empty());
        let places = places.unwrap_or_else(|| {
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            vec![Place { function: format!("{name}+{offset:#x}"), ..Place::default() }]
        });
        self.known.insert(key, places.clone());
        places
    }

    /// The place of a call site.
    pub(crate) fn site(&mut self, contents: &Contents, site: &SiteText) -> Place {
        if site.frame == 0 {
            return Place { function: site.function.clone(), file: site.file.clone(), line: site.line };
        }
        // Of inlined functions the innermost holds the call.
        self.frame(contents, site.frame).into_iter().next().unwrap_or_default()
    }
}
