//! Obeys commands on standard input with a domain, one line of output for each: a process that a
//! test can kill.
//!
//! Audio is the position signal by frame number, so each frame that is read is checked.
//!
//! | command | reply |
//! |---|---|
//! | `open DOMAIN [without-thread]` | `opened`: without the thread that commits memory ahead |
//! | `allocate SOURCE FRAMES [while-open]` | `ring ID` |
//! | `allocate-many COUNT FRAMES` | `made NUMBER rings ID...`: for the sources `many:0`... |
//! | `get SOURCE` | `ring ID`, or `none` |
//! | `writer`, `drop-writer` | `writer NEXT_FRAME`, `dropped` |
//! | `writers` | `writers NUMBER`: of all sources of `allocate-many` |
//! | `write FRAMES` | `written NEXT_FRAME` |
//! | `write-at FRAMES UTC_NS` | the same, with the capture time of the first frame |
//! | `write-forever` | none |
//! | `read FIRST END` | `right FRAMES` |
//! | `wait FIRST END` | the same, after waiting for the frames |
//! | `read-time FROM_NS TO_NS` | `frames FIRST END from NS to NS`: what that span of time has |
//! | `read-forever` | `read NUMBER refused NUMBER`, repeatedly |
//! | `witness-forever` | `checked FRAMES wrong READS times NUMBER changed NUMBER refused READS`, repeatedly: the same frames, and whether their times stay |
//! | `visit-forever DOMAIN SOURCE` | `visited NUMBER`, repeatedly: opens, reads, waits, closes |
//! | `claim-source-forever SOURCE` | `claimed NUMBER`, repeatedly: claims and releases |
//! | `capture SOURCE FRAMES` | `captures`: into a buffer of FRAMES |
//! | `remove SOURCE` | `removed` |
//! | `remake SOURCE COUNT` | `remade COUNT`: allocates and removes, COUNT times |
//! | `files` | the names in the domain's folder |
//! | `fill` | `filled BYTES`: all free memory of the domain's file system |
//! | `look` | `wrong` and the detector's anomalies, or `fine` |
//! | `close` | `closed`: everything above is dropped |
//!
//! A capbuf error is the reply `error KIND MESSAGE`. Any other failure, above all a wrong frame,
//! ends the process with a message on standard error.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use capbuf::{
    AllocateOptions, CaptureBuffer, Detector, Length, Lifetime, ReadOptions, Registry, SampleFormat, Span, Spec,
    WatchSettings, Writer,
};
use capbuf_capture::{Capture, CaptureOptions};
use capbuf_tests::position;

type Outcome<T = String> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut worker = Worker::default();
    for line in io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let reply = worker.obey(&words).or_else(|error| match error.downcast_ref::<capbuf::Error>() {
            Some(error) => Ok(format!("error {:?} {error}", error.code())),
            None => Err(error),
        })?;
        print(&reply)?;
    }
    Ok(())
}

fn print(reply: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{reply}")?;
    out.flush()
}

/// Declared in the order of dropping: captures, writers, handles, registry.
#[derive(Default)]
struct Worker {
    capture: Option<Capture>,
    writer: Option<Writer>,
    writers: Vec<Writer>,
    buffer: Option<CaptureBuffer>,
    many: Vec<CaptureBuffer>,
    registry: Option<Registry>,
}

impl Worker {
    fn obey(&mut self, words: &[&str]) -> Outcome {
        match *words {
            ["open", domain, "without-thread"] => {
                self.registry = Some(Registry::builder().commit_ahead(false).open(domain)?);
                Ok("opened".to_owned())
            }
            ["open", domain] => {
                self.registry = Some(Registry::open(domain)?);
                Ok("opened".to_owned())
            }
            ["allocate", source, frames] => self.allocate(source, frames, Lifetime::UntilRemoved),
            ["allocate", source, frames, "while-open"] => self.allocate(source, frames, Lifetime::WhileOpen),
            ["allocate-many", count, frames] => self.allocate_many(count.parse()?, &spec(frames)?),
            ["get", source] => {
                self.buffer = self.registry()?.get(source);
                Ok(self.buffer.as_ref().map_or("none".to_owned(), |buffer| format!("ring {}", buffer.id())))
            }
            ["writer"] => {
                let writer = self.buffer()?.writer()?;
                let next_frame = writer.next_frame();
                self.writer = Some(writer);
                Ok(format!("writer {next_frame}"))
            }
            ["writers"] => {
                let writers: capbuf::Result<_> = self.many.iter().map(CaptureBuffer::writer).collect();
                self.writers = writers?;
                Ok(format!("writers {}", self.writers.len()))
            }
            ["drop-writer"] => {
                self.writer = None;
                Ok("dropped".to_owned())
            }
            ["write", frames] => {
                let writer = self.writer.as_mut().ok_or("it has no writer")?;
                let next_frame = writer.next_frame();
                writer.write(&position::samples(next_frame..next_frame + frames.parse::<u64>()?))?;
                Ok(format!("written {}", writer.next_frame()))
            }
            ["write-at", frames, utc_ns] => {
                let writer = self.writer.as_mut().ok_or("it has no writer")?;
                let next_frame = writer.next_frame();
                let samples = position::samples(next_frame..next_frame + frames.parse::<u64>()?);
                writer.write_at(&samples, utc_ns.parse()?)?;
                Ok(format!("written {}", writer.next_frame()))
            }
            ["read-time", from_ns, to_ns] => read_time(self.buffer()?, from_ns.parse()?..to_ns.parse()?),
            ["write-forever"] => write_forever(self.writer.as_mut().ok_or("it has no writer")?),
            ["read", first, end] => read(self.buffer()?, first, end, &ReadOptions::new()),
            ["wait", first, end] => {
                read(self.buffer()?, first, end, &ReadOptions::new().wait(Duration::from_secs(600)))
            }
            ["read-forever"] => read_forever(self.buffer()?),
            ["witness-forever"] => witness_forever(self.buffer()?),
            ["visit-forever", domain, source] => visit_forever(domain, source),
            ["claim-source-forever", source] => claim_source_forever(self.registry()?, source),
            ["capture", source, frames] => {
                let options = CaptureOptions::new().length(Length::Frames(frames.parse()?));
                self.capture = Some(Capture::start(self.registry()?, source, &options)?);
                Ok("captures".to_owned())
            }
            ["remove", source] => {
                self.registry()?.remove(source)?;
                Ok("removed".to_owned())
            }
            ["remake", source, count] => {
                let (registry, count) = (self.registry()?, count.parse::<usize>()?);
                for _ in 0..count {
                    registry.get_or_allocate(source, spec("1000")?)?;
                    match registry.remove(source) {
                        // Another process removed it first.
                        Ok(()) | Err(capbuf::Error::NotFound { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(format!("remade {count}"))
            }
            ["files"] => {
                let entries = std::fs::read_dir(self.registry()?.path().ok_or("it is private")?)?;
                let names: io::Result<Vec<_>> =
                    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
                // Without the hidden key.
                let names: Vec<_> = names?.into_iter().filter(|name| !name.starts_with('.')).collect();
                Ok(names.join(" "))
            }
            ["fill"] => self.fill(),
            ["look"] => {
                let wrong = Detector::new(WatchSettings::default()).look(self.registry()?);
                let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
                Ok(if wrong.is_empty() { "fine".to_owned() } else { format!("wrong {}", wrong.join(" | ")) })
            }
            ["close"] => {
                *self = Self::default();
                Ok("closed".to_owned())
            }
            _ => Err(format!("{words:?} is no command").into()),
        }
    }

    fn registry(&self) -> Outcome<&Registry> {
        Ok(self.registry.as_ref().ok_or("it has no domain open")?)
    }

    fn buffer(&self) -> Outcome<&CaptureBuffer> {
        Ok(self.buffer.as_ref().ok_or("it has no buffer")?)
    }

    fn allocate(&mut self, source: &str, frames: &str, lifetime: Lifetime) -> Outcome {
        let options = AllocateOptions::new().lifetime(lifetime);
        let buffer = self.registry()?.get_or_allocate_with(source, spec(frames)?, &options)?;
        let id = buffer.id();
        self.buffer = Some(buffer);
        Ok(format!("ring {id}"))
    }

    fn allocate_many(&mut self, count: usize, spec: &Spec) -> Outcome {
        let registry = self.registry()?;
        let many: capbuf::Result<_> =
            (0..count).map(|number| registry.get_or_allocate(&format!("many:{number}"), *spec)).collect();
        let made = registry.stats().rings_allocated;
        self.many = many?;
        let ids: Vec<_> = self.many.iter().map(|buffer| buffer.id().to_string()).collect();
        Ok(format!("made {made} rings {}", ids.join(" ")))
    }

    fn fill(&self) -> Outcome {
        let domain = self.registry()?.path().ok_or("it is private")?;
        let mut file = File::create(domain.with_file_name("full"))?;
        let (mut filled, mut chunk) = (0, 4096);
        while chunk > 0 {
            match file.write(&[0; 4096][..chunk]) {
                Ok(written) => filled += written,
                Err(error) if error.kind() == io::ErrorKind::StorageFull => chunk /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(format!("filled {filled}"))
    }
}

fn spec(frames: &str) -> Outcome<Spec> {
    Ok(Spec::new(Length::Frames(frames.parse()?), 48_000, 1, SampleFormat::S16)?)
}

fn check(first: u64, samples: &[i16]) -> Outcome<()> {
    let Some(at) = position::first_wrong(first, samples) else { return Ok(()) };
    let (frame, found) = (first + at as u64, position::index(samples[at]));
    let expected = frame % position::PERIOD;
    Err(format!("WRONG: frame {frame} has position {found}, not {expected}").into())
}

fn read(buffer: &CaptureBuffer, first: &str, end: &str, options: &ReadOptions) -> Outcome {
    let (first, end): (u64, u64) = (first.parse()?, end.parse()?);
    let segment = buffer.read_with(Span::Frames(first..end), options)?;
    let samples = segment.samples().get::<i16>().ok_or("its samples are of another type")?;
    check(first, samples)?;
    Ok(format!("right {}", samples.len()))
}

/// Reads the frames of a time, which must follow one another.
fn read_time(buffer: &CaptureBuffer, range: std::ops::Range<i64>) -> Outcome {
    let segment = buffer.read(Span::Time(range))?;
    let samples = segment.samples().get::<i16>().ok_or("its samples are of another type")?;
    let (first, end) = (segment.first_frame(), segment.end_frame());
    check(first, samples)?;
    Ok(format!("frames {first} {end} from {} to {}", segment.start_utc_ns(), segment.end_utc_ns()))
}

/// Pseudo-random numbers, seeded by the process id.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        Self(u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Writes at full speed: small and large chunks, some longer than the buffer.
fn write_forever(writer: &mut Writer) -> Outcome {
    let signal = position::samples(0..2 * position::PERIOD);
    let longer_than_buffer = (writer.buffer().spec().length_frames() + 200).min(position::PERIOD);
    let sizes = [1, 7, 256, 480, 480, 4800, longer_than_buffer];
    let mut dice = Dice::new();
    loop {
        let size = sizes[dice.below(sizes.len() as u64) as usize] as usize;
        let first = (writer.next_frame() % position::PERIOD) as usize;
        writer.write(&signal[first..first + size])?;
    }
}

/// Reads at full speed: the oldest, the newest and all frames, by number and by time, and coming
/// frames.
fn read_forever(buffer: &CaptureBuffer) -> Outcome {
    let length = buffer.spec().length_frames();
    let mut out = vec![0_i16; length as usize];
    let (mut dice, mut reported) = (Dice::new(), Instant::now());
    let (mut right, mut refused) = (0_u64, 0_u64);
    let partial = ReadOptions::new().available();
    let waiting = ReadOptions::new().wait(Duration::from_millis(2));
    loop {
        let frames = buffer.frames();
        let limit = [100, length][dice.below(2) as usize];
        let size = 1 + dice.below(limit);
        let oldest = frames.start..frames.start + size;
        let newest = frames.end.saturating_sub(size)..frames.end.max(size);
        let (span, options) = match dice.below(6) {
            0 => (Span::Frames(oldest), ReadOptions::new()),
            1 => (Span::Frames(oldest), partial),
            2 => (Span::Last(Duration::from_micros(size * 20)), ReadOptions::new()),
            3 => (Span::Frames(frames.end..frames.end + size), waiting),
            _ => (Span::Frames(newest), ReadOptions::new()),
        };
        let read = buffer.read_into(span, &options.silence(false), &mut out);
        match read {
            Ok(extracted) => {
                check(extracted.first_frame, &out[..extracted.frames as usize])?;
                right += u64::from(extracted.frames > 0);
            }
            Err(capbuf::Error::Evicted { .. } | capbuf::Error::NotYet { .. } | capbuf::Error::TimedOut { .. }) => {
                refused += 1;
            }
            Err(error) => return Err(error.into()),
        }
        if reported.elapsed() > Duration::from_millis(20) {
            print(&format!("read {right} refused {refused}"))?;
            reported = Instant::now();
        }
    }
}

/// Reads spans anywhere in the buffer at full speed. Checks every frame, and reads the times of
/// frames again while they are in memory. Counts what is wrong.
fn witness_forever(buffer: &CaptureBuffer) -> Outcome {
    const REMEMBERED: usize = 256;
    let options = ReadOptions::new().silence(false);
    let mut out = vec![0_i16; 48_000];
    let (mut dice, mut reported) = (Dice::new(), Instant::now());
    let (mut checked, mut wrong, mut times, mut changed, mut refused) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    let mut remembered: Vec<(u64, i64)> = Vec::new();
    loop {
        let frames = buffer.frames();
        let size = 1 + dice.below(out.len() as u64);
        let anywhere = frames.start + dice.below(frames.end.saturating_sub(frames.start).max(1));
        let first = [frames.start, anywhere, frames.end.saturating_sub(size)][dice.below(3) as usize];
        match buffer.read_into(Span::Frames(first..first + size), &options, &mut out) {
            Ok(extracted) => {
                let samples = &out[..extracted.frames as usize];
                checked += extracted.frames;
                wrong += u64::from(check(extracted.first_frame, samples).is_err());
                if remembered.len() == REMEMBERED {
                    remembered.swap_remove(dice.below(REMEMBERED as u64) as usize);
                }
                remembered.push((extracted.first_frame, extracted.start_utc_ns));
            }
            Err(capbuf::Error::Evicted { .. } | capbuf::Error::NotYet { .. }) => refused += 1,
            Err(error) => return Err(error.into()),
        }
        if !remembered.is_empty() {
            let chosen = dice.below(remembered.len() as u64) as usize;
            let (frame, utc_ns) = remembered[chosen];
            match buffer.read_into(Span::Frames(frame..frame + 1), &options, &mut out) {
                Ok(extracted) => (times, changed) = (times + 1, changed + u64::from(extracted.start_utc_ns != utc_ns)),
                Err(capbuf::Error::Evicted { .. }) => drop(remembered.swap_remove(chosen)),
                Err(error) => return Err(error.into()),
            }
        }
        if reported.elapsed() > Duration::from_millis(20) {
            print(&format!("checked {checked} wrong {wrong} times {times} changed {changed} refused {refused}"))?;
            reported = Instant::now();
        }
    }
}

fn visit_forever(domain: &str, source: &str) -> Outcome {
    let mut visits = 0_u64;
    loop {
        let registry = Registry::open(domain)?;
        if let Some(buffer) = registry.get(source) {
            let frames = buffer.frames();
            let wait = ReadOptions::new().available().wait(Duration::from_millis(1));
            let segment = buffer.read_with(Span::Frames(frames.end.saturating_sub(100)..frames.end + 10), &wait)?;
            check(segment.first_frame(), segment.samples().get::<i16>().ok_or("its samples are of another type")?)?;
        }
        visits += 1;
        print(&format!("visited {visits}"))?;
    }
}

fn claim_source_forever(registry: &Registry, source: &str) -> Outcome {
    let (mut claims, mut reported) = (0_u64, Instant::now());
    loop {
        registry.claim_source(source)?;
        claims += 1;
        if reported.elapsed() > Duration::from_millis(20) {
            print(&format!("claimed {claims}"))?;
            reported = Instant::now();
        }
    }
}
