//! Reads into the caller's memory: beside a writer at full speed, and with conversion.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use capbuf::{ReadOptions, Registry, Span};

use crate::Result;
use crate::report::{OURS, Row, Table, time};
use crate::rings::{Capbuf, PlainCopy, RATE_HZ, WaitingRing, signal, spec};
use crate::rounds::{Effort, Job, timed};
use crate::stop_on_drop::StopOnDrop;

/// Ten times the longest read, so that the writer does not overtake a read.
const SECONDS: usize = 600;
const CHUNK: usize = 480;

/// Measures successful reads while another thread writes at full speed.
fn beside_writer(calls: u64, mut write: impl FnMut() + Send, mut read: impl FnMut() -> bool) -> Duration {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        let (stop, writing) = (&stop, Arc::new(AtomicBool::new(false)));
        let begun = Arc::clone(&writing);
        let writer = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                (0..16).for_each(|_| write());
                begun.store(true, Ordering::Relaxed);
            }
        });
        while !writing.load(Ordering::Relaxed) && !writer.is_finished() {
            std::hint::spin_loop();
        }
        let (mut took, mut done) = (Duration::ZERO, 0);
        while done < calls {
            let begin = Instant::now();
            if read() {
                took += begin.elapsed();
                done += 1;
            }
        }
        took
    })
}

pub(crate) fn spans(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Read a span, the writer at full speed",
        "The newest seconds of a ring of ten minutes (48 kHz, mono, 16 bits), read into the caller's \
         memory while another thread writes 960 B at a time at full speed. The limit is a plain copy of \
         memory that another thread has just written, in a ring whose writer waits for its reader. Needs \
         two cores.",
    );
    let limit = "limit: memcpy";
    let waiting = WaitingRing::new(SECONDS);
    let (locked, chunk) = (Mutex::new(PlainCopy::new(SECONDS)), [7_i16; CHUNK]);
    let buffer = Registry::private().get_or_allocate("bench", spec(SECONDS)?)?;
    let mut ours = Capbuf::of(buffer.clone())?;
    // Touches each page and checks the result.
    for number in 0..(SECONDS * RATE_HZ / CHUNK) as u64 {
        let chunk: [i16; CHUNK] = std::array::from_fn(|at| signal(number * CHUNK as u64 + at as u64));
        ours.put(&chunk);
        waiting.put(&chunk);
    }
    let mut out = vec![0; 60 * RATE_HZ];
    let first = ((SECONDS - 60) * RATE_HZ) as u64;
    for ring in [OURS, limit] {
        out.fill(0);
        let read = if ring == OURS { ours.last(&mut out) } else { waiting.last(&mut out) };
        if !read || !out.iter().zip(first..).all(|(found, frame)| *found == signal(frame)) {
            return Err(format!("{ring} reads other samples than were written").into());
        }
    }
    for seconds in [3, 15, 60] {
        let frames = seconds * RATE_HZ;
        let (mut room, mut plain, mut other) = (vec![0_i16; frames], vec![0_i16; frames], vec![0_i16; frames]);
        let mut job = Job::default();
        let (writer, reader) = (&mut ours, &buffer);
        job.way(OURS, move |calls| {
            let read = || {
                let newest = reader.frames().end;
                let span = Span::Frames(newest - frames as u64..newest);
                reader.read_into(span, &ReadOptions::new(), &mut room).is_ok()
            };
            beside_writer(calls, || writer.put(&chunk), read)
        });
        job.way(limit, |calls| beside_writer(calls, || waiting.put(&chunk), || waiting.last(&mut plain)));
        job.way("Mutex ring", |calls| {
            let lock = || locked.lock().unwrap_or_else(PoisonError::into_inner);
            let read = || {
                lock().last(&mut other);
                true
            };
            beside_writer(calls, || lock().put(&chunk), read)
        });
        let measured = job.measure_rounds(effort.choose(9, 31), Duration::from_millis(2));
        let row = Row::of(format!("{seconds} s"), &measured, OURS, &[limit, "Mutex ring"]);
        table.push(row.aim("≤ 1.05 of memcpy", measured.ratio(OURS, limit), 1.05));
    }
    Ok(table)
}

pub(crate) fn converted(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "Read 3 s of 16-bit samples as floats",
        "Into the caller's memory, without a writer; beside reading 16 bits and then converting in a loop.",
    );
    let (copy, convert) = ("limit: read as 16 bits", "the loop alone");
    let mut ours = Capbuf::of(Registry::private().get_or_allocate("bench", spec(60)?)?)?;
    for number in 0..6500_u64 {
        let chunk: [i16; CHUNK] = std::array::from_fn(|at| signal(number * CHUNK as u64 + at as u64));
        ours.put(&chunk);
    }
    let frames = 3 * RATE_HZ;
    let (mut samples, mut floats) = (vec![0_i16; frames], vec![0_f32; frames]);
    let newest = ours.buffer.frames().end;
    let span = || Span::Frames(newest - frames as u64..newest);
    let (buffer, options) = (&ours.buffer, ReadOptions::new());
    buffer.read_into(span(), &options, &mut samples)?;
    buffer.read_into(span(), &options, &mut floats)?;
    let right = samples.iter().zip(newest - frames as u64..).all(|(found, frame)| *found == signal(frame));
    if !right || !samples.iter().zip(&floats).all(|(sample, float)| f32::from(*sample) / 32_768.0 == *float) {
        return Err("converted samples differ from those that were written".into());
    }
    let (source, mut into) = (samples.clone(), vec![0_f32; frames]);
    let mut job = Job::default();
    job.way(OURS, |calls| timed(calls, || buffer.read_into(span(), &options, &mut floats).is_ok()));
    job.way(copy, |calls| timed(calls, || buffer.read_into(span(), &options, &mut samples).is_ok()));
    job.way(convert, |calls| {
        timed(calls, || {
            for (from, to) in source.iter().zip(&mut into) {
                *to = f32::from(*from) * (1.0 / 32_768.0);
            }
            std::hint::black_box(&mut into);
        })
    });
    let measured = job.measure(effort);
    let both = measured.each_round(&[OURS, copy, convert], |ns| ns[0] / (ns[1] + ns[2]));
    let half = measured.each_round(&[OURS, copy, convert], |ns| ns[0] / (ns[1] + ns[2] / 2.0));
    let row = Row::of("3 s", &measured, OURS, &[copy]).other(convert, time(measured.ns(convert)), None).other(
        "both, one after the other",
        time(measured.ns(copy) + measured.ns(convert)),
        Some(both),
    );
    table.push(row.aim("≤ the copy + half the loop", half, 1.0));
    Ok(table)
}
