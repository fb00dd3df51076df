//! The work of one thread in each phase.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use capbuf::{CaptureBuffer, Error, ReadOptions, Registry, Span, Writer};

use crate::support::{sample, signal};
use crate::{CHUNK, Handles, Phase, SOURCES, WRITES, is_removed, source, spec};

/// Runs `phase` through `registry`. Each thread visits the sources in an order of its own.
pub fn run(phase: Phase, thread: usize, registry: &Registry, handles: &mut Handles, reads: &AtomicU64) {
    let sources = (0..SOURCES).map(|step| (step * 5 + thread * 7) % SOURCES);
    handles.won.clear();
    match phase {
        Phase::Allocate | Phase::AllocateAgain => allocate(sources, registry, handles),
        Phase::Write => write(sources, registry, handles, reads),
        Phase::Remove => {
            for number in sources {
                if is_removed(number) {
                    remove(number, registry, handles);
                    assert!(!registry.contains(&source(number)));
                    assert!(registry.get(&source(number)).is_none());
                }
                for writer in &mut handles.writers {
                    match write_chunk(writer, 10) {
                        Ok(()) => {}
                        Err(Error::Removed { .. }) => assert!(is_removed(number_of(writer))),
                        Err(other) => panic!("{other}"),
                    }
                }
                read_newest(handles.buffers[number].as_ref().unwrap(), number);
            }
        }
        Phase::DropHandles => {
            handles.writers.clear();
            for number in (0..SOURCES).filter(|number| is_removed(*number)) {
                assert!(handles.buffers[number].as_ref().unwrap().is_removed());
                handles.buffers[number] = None;
                assert!(registry.get(&source(number)).is_none());
            }
        }
        Phase::RemoveAll => {
            handles.buffers.clear();
            sources.for_each(|number| remove(number, registry, handles));
        }
    }
}

fn allocate(sources: impl Iterator<Item = usize>, registry: &Registry, handles: &mut Handles) {
    handles.buffers.resize(SOURCES, None);
    for number in sources {
        let buffer = match registry.allocate(&source(number), spec()) {
            Ok(buffer) => {
                handles.won.push(number);
                buffer
            }
            Err(Error::AlreadyExists { .. }) => registry.get_or_allocate(&source(number), spec()).unwrap(),
            Err(other) => panic!("{other}"),
        };
        let held = handles.buffers[number].get_or_insert_with(|| buffer.clone());
        assert!(held.same_as(&buffer));
        assert!(registry.with(&source(number), |found| found.same_as(held)).unwrap());
    }
}

fn write(sources: impl Iterator<Item = usize> + Clone, registry: &Registry, handles: &mut Handles, reads: &AtomicU64) {
    for number in sources.clone() {
        let buffer = handles.buffers[number].as_ref().unwrap();
        match buffer.writer() {
            Ok(writer) => handles.writers.push(writer),
            Err(Error::WriterBusy { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    for _ in 0..WRITES {
        for writer in &mut handles.writers {
            write_chunk(writer, CHUNK).unwrap();
        }
        for number in sources.clone() {
            let read = registry.with(&source(number), |buffer| read_newest(buffer, number)).unwrap();
            reads.fetch_add(read, Ordering::Relaxed);
        }
    }
}

fn remove(number: usize, registry: &Registry, handles: &mut Handles) {
    match registry.remove(&source(number)) {
        Ok(()) => handles.won.push(number),
        Err(Error::NotFound { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

fn number_of(writer: &Writer) -> usize {
    writer.buffer().source().as_str()["storm ".len()..].parse().unwrap()
}

/// Writes the signal of the writer's source: that of frame numbers, shifted by the source's number.
fn write_chunk(writer: &mut Writer, frames: u64) -> capbuf::Result<()> {
    let next = writer.next_frame() + number_of(writer) as u64;
    writer.write(&signal(next..next + frames))
}

/// Checks up to 100 of the newest frames. Returns the number of frames read.
fn read_newest(buffer: &CaptureBuffer, source: usize) -> u64 {
    let Range { start, end } = buffer.frames();
    if start == end {
        return 0;
    }
    let from = end.saturating_sub(100).max(start);
    let mut out = [0_i16; 100];
    match buffer.read_into(Span::Frames(from..end), &ReadOptions::new(), &mut out) {
        Ok(extracted) => {
            for (frame, found) in (extracted.first_frame..).zip(&out[..extracted.frames as usize]) {
                assert_eq!(*found, sample(frame + source as u64), "frame {frame} of source {source}");
            }
            extracted.frames
        }
        Err(Error::Evicted { .. }) => 0,
        Err(other) => panic!("{other}"),
    }
}
