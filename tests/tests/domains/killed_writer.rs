//! A writer killed during a write leaves a valid ring, in which the next writer continues.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use capbuf::{GapReason, Span};
use capbuf_tests::{position, wait_until};

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, Worker, numbers, spec};

const FRAMES: u64 = 24_000;
const KILLS: usize = 100;

/// Reads from the header: one past the newest frame, and the end of the writer's reservation.
fn head_and_reserve(folder: &Folder) -> (u64, u64) {
    let mut words = [0; 16];
    File::open(folder.ring()).unwrap().read_exact_at(&mut words, 128).unwrap();
    let [head, reserve] = *words.as_chunks().0 else { unreachable!() };
    (u64::from_le_bytes(head), u64::from_le_bytes(reserve))
}

#[test]
fn hundred_killed_writers_spoil_no_frame_and_release_the_lease() {
    let folder = Folder::new();
    let registry = folder.open();
    let buffer = registry.get_or_allocate(SOURCE, spec(FRAMES)).unwrap();
    let mut readers = [Worker::get(&folder), Worker::get(&folder)];
    readers.iter_mut().for_each(|reader| reader.send("read-forever"));
    let (mut kills, mut kills_during_write) = (0, 0);
    let mut next_writer = Worker::get(&folder);
    while kills < KILLS || kills_during_write < 10 {
        let mut writer = next_writer;
        // In turn, one that was open before its predecessor died, and one that opens afterwards.
        let (before, gaps) = (buffer.frames().end, buffer.status().gaps);
        let reply = writer.request("writer");
        assert_eq!(reply, format!("writer {before}"), "after {kills} kills");
        assert_eq!(buffer.status().writer.map(|holder| holder.pid), Some(writer.pid()));
        writer.expect("write 100", &format!("written {}", before + 100));
        if before > 0 {
            assert!(buffer.status().gaps > gaps, "after {kills} kills");
            let around = buffer.read(Span::Frames(before - 1..before + 1)).unwrap();
            let gap = around.gaps().iter().find(|found| found.gap.first_frame == before);
            assert_eq!(gap.map(|found| found.gap.reason), Some(GapReason::WriterChanged), "after {kills} kills");
        }
        writer.send("write-forever");
        next_writer = if kills % 2 == 0 { Worker::get(&folder) } else { Worker::start(&folder) };
        assert!(wait_until(DEADLINE, || buffer.frames().end > before + 2 * FRAMES));
        // Any moment of a write.
        std::thread::sleep(Duration::from_micros(kills as u64 * 7919 % 5000));
        writer.kill();
        kills += 1;
        let (head, reserve) = head_and_reserve(&folder);
        assert!(head <= reserve, "{head} {reserve}");
        kills_during_write += usize::from(reserve > head);
        assert!(kills < 20 * KILLS, "only {kills_during_write} kills during a write");
        assert!(!buffer.status().has_writer, "after {kills} kills");
        // Each readable frame is right, also beside those that the dead writer had begun to
        // overwrite.
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
        let progress = reader.newest_reply().expect("it reads");
        assert!(numbers(&progress)[0] > 0, "{progress}");
        reader.kill();
    }
    assert_eq!(registry.stats().rings_allocated, 1);
    assert_eq!(folder.files(&[".ring"]).len(), 1);
}

#[test]
fn leases_of_a_killed_writer_are_free_while_others_sweep() {
    let folder = Folder::new();
    let registry = folder.open();
    let mut sweepers: Vec<_> = (0..3).map(|_| Worker::start(&folder)).collect();
    sweepers.iter_mut().for_each(|sweeper| sweeper.send(&format!("visit-forever {DOMAIN} {SOURCE}")));
    for round in 1..=60 {
        let mut writer = Worker::open(&folder);
        writer.request("allocate-many 100 1000");
        writer.expect("writers", "writers 100");
        let buffers = registry.buffers();
        assert_eq!(buffers.len(), 100);
        writer.kill();
        for buffer in buffers {
            buffer.writer().unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }
    for sweeper in &mut sweepers {
        assert!(sweeper.newest_reply().is_some_and(|reply| numbers(&reply)[0] > 0));
        sweeper.kill();
    }
}
