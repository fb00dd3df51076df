//! One writer and many readers, in processes of their own, on a ring so short that it is always about to be overwritten.

use std::time::{Duration, Instant};

use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, Folder, SOURCE, Worker, numbers};

#[test]
fn every_frame_that_eight_readers_get_beside_a_writer_at_full_speed_is_the_one_they_asked_for() {
    let seconds = if std::env::var_os("CAPBUF_LONG").is_some() { 60 } else { 10 };
    let folder = Folder::new();
    let mut writer = Worker::open(&folder);
    writer.ask(&format!("allocate {SOURCE} 4800"));
    writer.expect("writer", "writer 0");
    let mut readers: Vec<_> = (0..8).map(|_| Worker::get(&folder)).collect();
    writer.tell("write-forever");
    readers.iter_mut().for_each(|reader| reader.tell("read-forever"));
    let begun = Instant::now();
    // What each has read so far, and what it was refused.
    let mut progress = vec![(0, 0); readers.len()];
    let enough = wait_until(Duration::from_secs(seconds) + DEADLINE, || {
        for (reader, progress) in readers.iter_mut().zip(&mut progress) {
            if let Some(answer) = reader.newest_answer() {
                let [read, refused] = numbers(&answer)[..] else { panic!("{answer}") };
                *progress = (read, refused);
            }
        }
        let all_read = progress.iter().all(|(read, _)| *read > 100);
        let any_refused = progress.iter().map(|(_, refused)| refused).sum::<u64>() > 0;
        begun.elapsed() >= Duration::from_secs(seconds) && all_read && any_refused
    });
    assert!(enough, "(read, refused) by each reader: {progress:?}");
    assert!(writer.newest_answer().is_none(), "it writes still");
    writer.kill();
    readers.iter_mut().for_each(Worker::kill);
}
