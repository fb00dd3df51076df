//! Measures what a station costs: a hundred sources of 48 kHz mono whose blocks of 10 ms are there already, beside the bare copies of as
//! many bytes; and ten cameras, with what their ffmpegs take.
//!
//! usage: `costs_of_a_station [SECONDS]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use capbuf::{Length, Registry, SampleFormat, Writer};
use capbuf_capture::{CaptureOptions, Format, RequestedFormat, Result, RunOutcome, Source, Stop, Supervised};
use capbuf_tests::{RtspOptions, RtspServer};

const SOURCES: u32 = 100;
const CAMERAS: u32 = 10;
const BLOCK: Duration = Duration::from_millis(10);
const BLOCK_FRAMES: usize = 480;

/// Gives a block of samples each 10 ms, as a sound card does.
struct Card;

impl Source for Card {
    fn open(&mut self, _: &RequestedFormat, _: &Stop) -> Result<Format> {
        Ok(Format { sample_rate_hz: 48_000, channels: 1, sample_format: SampleFormat::S16 })
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let block = [7_i16; BLOCK_FRAMES];
        let began = Instant::now();
        let mut due = BLOCK;
        while !stop.sleep(due.saturating_sub(began.elapsed())) {
            writer.write(&block)?;
            due += BLOCK;
        }
        Ok(RunOutcome::Stopped)
    }
}

/// How long a process has computed.
fn computed(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let of =
        |number: usize| fields.split_whitespace().nth(number).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime, in hundredths of a second.
    Duration::from_millis((of(11) + of(12)) * 10)
}

fn children() -> Vec<u32> {
    let own = std::process::id();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let all: Vec<u32> =
        lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
    let is_ffmpeg =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "ffmpeg");
    all.into_iter().filter(|pid| *pid != own && is_ffmpeg(pid)).collect()
}

/// Waits until all run, measures for so long, and tells how many percent of a processor this process took.
fn share(all: &[Supervised], seconds: u64) -> f64 {
    while all.iter().any(|one| one.buffer().is_none_or(|buffer| buffer.frames().is_empty())) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (before, began) = (computed(std::process::id()), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    (computed(std::process::id()) - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let seconds: u64 = std::env::args().nth(1).map_or(Ok(20), |given| given.parse())?;
    let registry = Registry::private();
    let options = CaptureOptions::new().length(Length::Seconds(60.0));
    let begin = |number| Supervised::begin_source(&registry, &format!("card {number}"), Box::new(Card), &options);
    let cards: Vec<_> = (0..SOURCES).map(begin).collect::<Result<_>>()?;
    let of_cards = share(&cards, seconds);
    cards.iter().for_each(Supervised::request_stop);
    drop(cards);

    // The copies of a second of those, into memory that is as cold.
    let mut rings = vec![vec![0_i16; 60 * 48_000]; SOURCES as usize];
    let block = [7_i16; BLOCK_FRAMES];
    let began = Instant::now();
    for number in 0..100 {
        for ring in &mut rings {
            ring[number * BLOCK_FRAMES..][..BLOCK_FRAMES].copy_from_slice(black_box(&block));
        }
    }
    black_box(&rings);
    let of_copies = began.elapsed().as_secs_f64() * 100.0;
    println!(
        "{SOURCES} sources of 48 kHz mono in blocks of 10 ms: {of_cards:.2} % of a processor; their copies alone {of_copies:.3} %"
    );

    let server = RtspServer::start(RtspOptions::default())?;
    let begin = |number| Supervised::begin(&registry, &format!("{}?{number}", server.url("aac")), &options);
    let cameras: Vec<_> = (0..CAMERAS).map(begin).collect::<Result<_>>()?;
    while children().len() < CAMERAS as usize {
        std::thread::sleep(Duration::from_millis(100));
    }
    share(&cameras, 1);
    let (ffmpegs, began) = (children(), Instant::now());
    let before: Duration = ffmpegs.iter().map(|pid| computed(*pid)).sum();
    let own = share(&cameras, seconds);
    let after: Duration = ffmpegs.iter().map(|pid| computed(*pid)).sum();
    let of_ffmpeg = (after - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    println!("{CAMERAS} cameras, AAC of 48 kHz mono: {own:.2} % here, {of_ffmpeg:.2} % in their ffmpegs");
    Ok(())
}
