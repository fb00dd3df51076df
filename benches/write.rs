//! Writes of chunks: into one ring, and into a hundred rings in turn, which no cache holds.

use std::hint::black_box;

use crate::Result;
use crate::report::{OURS, Row, Table};
use crate::rings::{Bcast, Capbuf, MutexRing, PhotonRing, PlainCopy, Ring, Ringbuf, Ringfire, Rtrb};
use crate::rounds::{Effort, Job, timed};

/// The sound peers, to which the aim applies.
const SOUND: [&str; 4] = ["photon-ring", "rtrb (queue)", "ringbuf (queue)", "Mutex ring"];
const ALL: [&str; 7] = [
    "limit: memcpy",
    "photon-ring",
    "bcast (unsound)",
    "ringfire (unsound)",
    "rtrb (queue)",
    "ringbuf (queue)",
    "Mutex ring",
];

fn way<R: Ring<N> + 'static, const N: usize>(job: &mut Job<'_>, rings: usize, seconds: usize) -> Result<()> {
    let mut rings = (0..rings).map(|_| R::checked(seconds)).collect::<Result<Vec<_>>>()?;
    let chunk = [7; N];
    let mut next = 0;
    job.bounded_way(R::NAME, R::CHUNKS, move |calls| {
        rings.iter_mut().for_each(R::make_room);
        let count = rings.len();
        timed(calls, || {
            rings[next].write(black_box(&chunk));
            next = if next + 1 == count { 0 } else { next + 1 };
        })
    });
    Ok(())
}

fn job<const N: usize>(table: &mut Table, effort: Effort) -> Result<()> {
    let mut job = Job::default();
    way::<Capbuf, N>(&mut job, 1, 5)?;
    way::<PlainCopy, N>(&mut job, 1, 5)?;
    way::<PhotonRing<N>, N>(&mut job, 1, 5)?;
    way::<Bcast, N>(&mut job, 1, 5)?;
    way::<Ringfire<N>, N>(&mut job, 1, 5)?;
    way::<Rtrb, N>(&mut job, 1, 5)?;
    way::<Ringbuf, N>(&mut job, 1, 5)?;
    way::<MutexRing, N>(&mut job, 1, 5)?;
    push(table, format!("{} B, 1 ring", N * 2), N, job, effort);

    let mut job = Job::default();
    way::<Capbuf, N>(&mut job, 100, 20)?;
    way::<PlainCopy, N>(&mut job, 100, 20)?;
    way::<PhotonRing<N>, N>(&mut job, 100, 20)?;
    way::<Bcast, N>(&mut job, 100, 20)?;
    way::<MutexRing, N>(&mut job, 100, 20)?;
    push(table, format!("{} B, 100 rings", N * 2), N, job, effort);
    Ok(())
}

fn push(table: &mut Table, name: String, frames: usize, job: Job<'_>, effort: Effort) {
    let measured = job.measure(effort);
    let mut row = Row::of(name, &measured, OURS, &ALL);
    let ratio = measured.ratio(OURS, "limit: memcpy");
    if frames >= 1920 {
        row = row.aim("≤ 1.10 of memcpy", ratio, 1.1);
    } else if frames == 480 {
        row = row.aim("≤ 1.5 of memcpy", ratio, 1.5);
    }
    if let Some(fastest) = measured.fastest(&SOUND) {
        row = row.aim(format!("≤ every sound peer ({fastest})"), measured.ratio(OURS, fastest), 1.0);
    }
    table.push(row);
}

pub(crate) fn chunks(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Write a chunk",
        "Samples of 16 bits; ours with capture time, timeline and counters. The limit is a plain copy into \
         a ring of the same size. One ring of 5 s fits into the core's own cache; a hundred rings of 20 s \
         in turn, 192 MB, fit into no cache. Queues hold 60 s and are emptied between samples: they \
         neither overwrite nor serve many readers. bcast writes through a shared reference, and ringfire's \
         readers make plain copies of memory that is being written: both are data races, so they do not \
         show what sound code can reach.",
    );
    job::<240>(&mut table, effort)?;
    job::<480>(&mut table, effort)?;
    job::<1920>(&mut table, effort)?;
    job::<19_200>(&mut table, effort)?;
    Ok(table)
}
