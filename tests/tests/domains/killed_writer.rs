//! A writer that is killed in the middle of a write leaves a ring that is right, and that the next writer goes on in.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use capbuf::{GapReason, Span};
use capbuf_tests::{position, wait_until};

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, Worker, numbers, spec};

const FRAMES: u64 = 24_000;
const KILLS: usize = 100;

/// What a header says: one past the newest frame, and how far the writer had announced to write.
fn head_and_reserve(folder: &Folder) -> (u64, u64) {
    let mut words = [0; 16];
    File::open(folder.ring()).unwrap().read_exact_at(&mut words, 128).unwrap();
    let [head, reserve] = *words.as_chunks().0 else { unreachable!() };
    (u64::from_le_bytes(head), u64::from_le_bytes(reserve))
}

#[test]
fn a_writer_killed_a_hundred_times_in_the_middle_of_a_write_never_spoils_a_frame_nor_keeps_its_lease() {
    let folder = Folder::new();
    let registry = folder.open();
    let buffer = registry.get_or_allocate(SOURCE, spec(FRAMES)).unwrap();
    let mut readers = [Worker::get(&folder), Worker::get(&folder)];
    readers.iter_mut().for_each(|reader| reader.tell("read-forever"));
    let (mut kills, mut amid) = (0, 0);
    let mut next_writer = Worker::get(&folder);
    while kills < KILLS || amid < 10 {
        let mut writer = next_writer;
        // One that was there before its predecessor died, and one that comes after, turn by turn.
        let (before, gaps) = (buffer.frames().end, buffer.status().gaps);
        let answer = writer.ask("writer");
        assert_eq!(answer, format!("writer {before}"), "after {kills} kills");
        assert_eq!(buffer.status().writer.map(|holder| holder.pid), Some(writer.pid()));
        writer.expect("write 100", &format!("written {}", before + 100));
        if before > 0 {
            assert!(buffer.status().gaps > gaps, "after {kills} kills");
            let around = buffer.read(Span::Frames(before - 1..before + 1)).unwrap();
            let gap = around.gaps().iter().find(|found| found.gap.first_frame == before);
            assert_eq!(gap.map(|found| found.gap.reason), Some(GapReason::WriterChanged), "after {kills} kills");
        }
        writer.tell("write-forever");
        next_writer = if kills % 2 == 0 { Worker::get(&folder) } else { Worker::start(&folder) };
        assert!(wait_until(DEADLINE, || buffer.frames().end > before + 2 * FRAMES));
        std::thread::sleep(Duration::from_micros(kills as u64 * 7919 % 5000));
        writer.kill();
        kills += 1;
        let (head, reserve) = head_and_reserve(&folder);
        assert!(head <= reserve, "{head} {reserve}");
        amid += usize::from(reserve > head);
        assert!(!buffer.status().has_writer, "after {kills} kills");
        // Everything that is said to be there is right, also what the dead one had half overwritten around it.
        let frames = buffer.frames();
        assert_eq!(frames.end, head);
        let segment = buffer.read_with(Span::Frames(frames), &capbuf::ReadOptions::new().available()).unwrap();
        let samples = segment.samples().get::<i16>().unwrap();
        assert_eq!(position::first_wrong(segment.first_frame(), samples), None, "after {kills} kills");
        if kills % 2 == 0 {
            next_writer.expect(&format!("open {DOMAIN}"), "opened");
            next_writer.expect(&format!("get {SOURCE}"), &format!("ring {}", buffer.id()));
        }
    }
    for reader in &mut readers {
        let progress = reader.newest_answer().expect("it reads");
        assert!(numbers(&progress)[0] > 0, "{progress}");
        reader.kill();
    }
    assert_eq!((registry.stats().rings_allocated, folder.files(&[".ring"]).len()), (1, 1));
}

#[test]
fn the_leases_of_a_killed_writer_are_free_at_once_also_while_others_sweep_its_traces() {
    let folder = Folder::new();
    let registry = folder.open();
    let mut sweepers: Vec<_> = (0..3).map(|_| Worker::start(&folder)).collect();
    sweepers.iter_mut().for_each(|sweeper| sweeper.tell(&format!("visit-forever {DOMAIN} {SOURCE}")));
    for round in 1..=60 {
        let mut writer = Worker::open(&folder);
        writer.ask("allocate-many 100 1000");
        writer.expect("writers", "writers 100");
        let buffers = registry.buffers();
        assert_eq!(buffers.len(), 100);
        writer.kill();
        for buffer in buffers {
            buffer.writer().unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }
    for sweeper in &mut sweepers {
        assert!(sweeper.newest_answer().is_some_and(|answer| numbers(&answer)[0] > 0));
        sweeper.kill();
    }
}
