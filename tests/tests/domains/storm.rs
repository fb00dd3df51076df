//! One writer and many readers, each a process, on a ring so short that reads are often overtaken.

use std::time::{Duration, Instant};

use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, Folder, SOURCE, Worker, numbers};

#[test]
fn eight_readers_beside_a_writer_at_full_speed_read_no_wrong_frame() {
    let seconds = if std::env::var_os("CAPBUF_LONG").is_some() { 60 } else { 10 };
    let folder = Folder::new();
    let mut writer = Worker::open(&folder);
    writer.request(&format!("allocate {SOURCE} 4800"));
    writer.expect("writer", "writer 0");
    let mut readers: Vec<_> = (0..8).map(|_| Worker::get(&folder)).collect();
    writer.send("write-forever");
    readers.iter_mut().for_each(|reader| reader.send("read-forever"));
    let begun = Instant::now();
    // Reads and refused reads of each reader.
    let mut progress = vec![(0, 0); readers.len()];
    let enough = wait_until(Duration::from_secs(seconds) + DEADLINE, || {
        for (reader, progress) in readers.iter_mut().zip(&mut progress) {
            if let Some(reply) = reader.newest_reply() {
                let [read, refused] = numbers(&reply)[..] else { panic!("{reply}") };
                *progress = (read, refused);
            }
        }
        let all_read = progress.iter().all(|(read, _)| *read > 100);
        let any_refused = progress.iter().map(|(_, refused)| refused).sum::<u64>() > 0;
        begun.elapsed() >= Duration::from_secs(seconds) && all_read && any_refused
    });
    assert!(enough, "(read, refused) by each reader: {progress:?}");
    assert!(writer.newest_reply().is_none(), "the writer stopped");
    writer.kill();
    readers.iter_mut().for_each(Worker::kill);
}
