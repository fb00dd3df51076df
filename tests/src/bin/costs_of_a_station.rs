//! Measures the CPU time of a station: a hundred sources of 48 kHz mono in blocks of 10 ms, beside
//! bare copies of as many bytes; and ten cameras, with the CPU time of their ffmpegs.
//!
//! usage: `costs_of_a_station [SECONDS]`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use capbuf::{Length, Registry, SampleFormat, Writer};
use capbuf_capture::{CaptureOptions, Format, RequestedFormat, Result, RunOutcome, Source, Stop, Supervised};
use capbuf_tests::processes::{children_of, cpu_time};
use capbuf_tests::{RtspOptions, RtspServer};

const SOURCES: u32 = 100;
const CAMERAS: u32 = 10;
const BLOCK: Duration = Duration::from_millis(10);
const BLOCK_FRAMES: usize = 480;

/// Delivers a block of samples each 10 ms, as a sound card does.
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

/// Lists the ffmpegs of this process.
fn ffmpegs() -> Vec<u32> {
    let children = children_of(std::process::id()).into_iter();
    children.filter(|child| !child.is_zombie && child.command_line.contains("ffmpeg")).map(|child| child.pid).collect()
}

/// Waits until all sources run; returns the percentage of a processor that this process takes for
/// `seconds`.
fn percent_of_a_processor(all: &[Supervised], seconds: u64) -> f64 {
    while all.iter().any(|one| one.buffer().is_none_or(|buffer| buffer.frames().is_empty())) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (before, began) = (cpu_time(std::process::id()), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    (cpu_time(std::process::id()) - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let seconds: u64 = std::env::args().nth(1).map_or(Ok(20), |text| text.parse())?;
    let registry = Registry::private();
    let options = CaptureOptions::new().length(Length::Seconds(60.0));
    let begin = |number| Supervised::begin_source(&registry, &format!("card {number}"), Box::new(Card), &options);
    let cards: Vec<_> = (0..SOURCES).map(begin).collect::<Result<_>>()?;
    let cards_percent = percent_of_a_processor(&cards, seconds);
    cards.iter().for_each(Supervised::request_stop);
    drop(cards);

    // The copies of one second, into memory that is as cold.
    let mut rings = vec![vec![0_i16; 60 * 48_000]; SOURCES as usize];
    let block = [7_i16; BLOCK_FRAMES];
    let began = Instant::now();
    for number in 0..100 {
        for ring in &mut rings {
            ring[number * BLOCK_FRAMES..][..BLOCK_FRAMES].copy_from_slice(black_box(&block));
        }
    }
    black_box(&rings);
    let copies_percent = began.elapsed().as_secs_f64() * 100.0;
    println!(
        "{SOURCES} sources of 48 kHz mono in blocks of 10 ms: {cards_percent:.2} % of a processor, \
         their copies alone {copies_percent:.3} %"
    );

    let server = RtspServer::start(RtspOptions::default())?;
    let begin = |number| Supervised::begin(&registry, &format!("{}?{number}", server.url("aac")), &options);
    let cameras: Vec<_> = (0..CAMERAS).map(begin).collect::<Result<_>>()?;
    while ffmpegs().len() < CAMERAS as usize {
        std::thread::sleep(Duration::from_millis(100));
    }
    percent_of_a_processor(&cameras, 1);
    let (ffmpegs, began) = (ffmpegs(), Instant::now());
    let before: Duration = ffmpegs.iter().map(|pid| cpu_time(*pid)).sum();
    let own_percent = percent_of_a_processor(&cameras, seconds);
    let after: Duration = ffmpegs.iter().map(|pid| cpu_time(*pid)).sum();
    let ffmpegs_percent = (after - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    println!("{CAMERAS} cameras, AAC of 48 kHz mono: {own_percent:.2} % here, {ffmpegs_percent:.2} % in their ffmpegs");
    Ok(())
}
