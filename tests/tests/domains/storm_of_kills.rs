//! Writers and readers that are killed and frozen at any moment, beside readers that check every
//! frame and its time.
//!
//! It lasts `CAPBUF_SOAK_SECONDS`, five by default; `make soak` sets ten minutes.

use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Error};
use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, Folder, SOURCE, Worker, numbers, spec};

const READERS: usize = 3;
/// Long enough for times to be read again, short enough to be overwritten all the time.
const FRAMES: u64 = 480_000;
/// The fewest kills and freezes of writers, and the fewest of readers, in a run of any length.
const FEWEST: u64 = 5;

/// The counts of readers: frames checked, wrong reads, times read again, changed times, refusals.
type Seen = [u64; 5];

/// A reader, with its counts so far.
struct Reader {
    worker: Worker,
    seen: Seen,
}

impl Reader {
    fn start(folder: &Folder) -> Self {
        let mut worker = Worker::get(folder);
        worker.send("witness-forever");
        Self { worker, seen: Seen::default() }
    }

    fn look(&mut self) {
        if let Some(reply) = self.worker.newest_reply() {
            self.seen = numbers(&reply).try_into().unwrap_or_else(|_| panic!("{reply}"));
        }
    }
}

/// Kills and freezes, and the times from the kill of a writer to the lease of the next.
#[derive(Debug, Default)]
struct Counts {
    writer_kills: u64,
    reader_kills: u64,
    writer_freezes: u64,
    reader_freezes: u64,
    new_writer_after: Vec<Duration>,
}

impl Counts {
    fn is_enough(&self) -> bool {
        [self.writer_kills, self.reader_kills, self.writer_freezes, self.reader_freezes].iter().all(|n| *n >= FEWEST)
    }
}

/// Pseudo-random numbers below a bound, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn start_writing(writer: &mut Worker) {
    let reply = writer.request("writer");
    assert!(reply.starts_with("writer "), "{reply}");
    writer.send("write-forever");
}

/// Waits until a running writer has written more frames.
fn wait_for_progress(buffer: &CaptureBuffer) {
    let before = buffer.frames().end;
    assert!(wait_until(DEADLINE, || buffer.frames().end > before + 4800), "nothing is written");
}

#[test]
fn kills_and_freezes_at_any_moment_spoil_no_frame_and_move_no_time() {
    let seconds = std::env::var("CAPBUF_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let folder = Folder::new();
    let registry = folder.open();
    let buffer = registry.get_or_allocate(SOURCE, spec(FRAMES)).unwrap();
    let mut readers: Vec<_> = (0..READERS).map(|_| Reader::start(&folder)).collect();
    let (mut writer, mut next_writer) = (Worker::get(&folder), Worker::get(&folder));
    start_writing(&mut writer);
    let (mut counts, mut dice, mut ended) = (Counts::default(), Dice(1), Seen::default());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) || !counts.is_enough() {
        wait_for_progress(&buffer);
        std::thread::sleep(Duration::from_micros(dice.below(5000)));
        match dice.below(6) {
            0..3 => {
                let killed = Instant::now();
                writer.kill();
                start_writing(&mut next_writer);
                counts.new_writer_after.push(killed.elapsed());
                writer = std::mem::replace(&mut next_writer, Worker::get(&folder));
                counts.writer_kills += 1;
            }
            3 => {
                writer.freeze();
                std::thread::sleep(Duration::from_micros(dice.below(20_000)));
                // It holds its lease, however long it stands still.
                assert!(matches!(buffer.writer(), Err(Error::WriterBusy { .. })), "two writers");
                writer.thaw();
                counts.writer_freezes += 1;
            }
            4 => {
                let chosen = dice.below(READERS as u64) as usize;
                readers[chosen].worker.freeze();
                std::thread::sleep(Duration::from_micros(dice.below(20_000)));
                readers[chosen].worker.thaw();
                counts.reader_freezes += 1;
            }
            _ => {
                let chosen = dice.below(READERS as u64) as usize;
                let mut killed = std::mem::replace(&mut readers[chosen], Reader::start(&folder));
                killed.look();
                killed.worker.kill();
                ended = std::array::from_fn(|i| ended[i] + killed.seen[i]);
                counts.reader_kills += 1;
            }
        }
        readers.iter_mut().for_each(Reader::look);
    }
    // Frozen or killed, each of them reads on: none waits for a writer that is gone.
    for reader in &mut readers {
        let before = reader.seen[0];
        assert!(wait_until(DEADLINE, || {
            reader.look();
            reader.seen[0] > before
        }));
    }
    let total: Seen = readers.iter().fold(ended, |sum, reader| std::array::from_fn(|i| sum[i] + reader.seen[i]));
    let [checked, wrong, times, changed, refused] = total;
    counts.new_writer_after.sort();
    let after = &counts.new_writer_after;
    println!(
        "{} writers and {} readers killed, {} writers and {} readers frozen in {:.0} s; {checked} frames checked, \
         {wrong} reads wrong, {times} times read again, {changed} changed, {refused} reads refused; a new writer after \
         {:.1?} to {:.1?}, {:.1?} in the middle",
        counts.writer_kills,
        counts.reader_kills,
        counts.writer_freezes,
        counts.reader_freezes,
        begun.elapsed().as_secs_f64(),
        after[0],
        after[after.len() - 1],
        after[after.len() / 2],
    );
    assert!(checked > 1_000_000 && times > 100, "{total:?}");
    assert_eq!((wrong, changed), (0, 0));
    assert_eq!(registry.stats().rings_allocated, 1);
    writer.kill();
    readers.iter_mut().for_each(|reader| reader.worker.kill());
}
