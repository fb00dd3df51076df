//! The calls of a case, one a step.

use std::ffi::{c_char, c_void};

use capbuf_ffi::*;

use super::memory::{Block, Padded};
use super::script::Script;
use super::{Handles, checked_call, handle, into_block, one};

fn spec(script: &mut Script) -> Padded<capbuf_spec> {
    let mut spec = Padded::new(capbuf_spec {
        struct_size: script.struct_size::<capbuf_spec>(),
        seconds: 0.0,
        length_frames: 1000,
        sample_rate_hz: 8000,
        channels: 1 + u32::from(script.byte() % 2),
        sample_format: 1 + u32::from(script.byte() % 4),
        lifetime: 0,
    });
    match script.byte() % 12 {
        0 => spec.value.length_frames = script.number(),
        1 => (spec.value.seconds, spec.value.length_frames) = (f64::from_bits(script.word()), 0),
        2 => spec.value.sample_rate_hz = script.number() as u32,
        3 => spec.value.channels = script.number() as u32,
        4 => spec.value.sample_format = script.number() as u32,
        5 => spec.value.lifetime = script.number() as u32,
        6 => spec.behind[0] = script.byte(),
        _ => {}
    }
    spec
}

pub(crate) fn step(script: &mut Script, handles: &mut Handles) {
    let registry = one(&handles.registry, script);
    let buffer = one(&handles.buffers, script);
    let text = script.text();
    // A length beyond the text would be undefined behaviour, so only its own is tried.
    let (source, len) = (script.pointer(text.as_ptr().cast_mut().cast::<c_char>()), text.len());
    let mut block = Block::new();
    match script.byte() % 20 {
        0..=2 => {
            let spec = spec(script);
            let spec = script.pointer((&raw const spec.value).cast_mut());
            let allocate = if script.byte() < 64 { capbuf_registry_allocate } else { capbuf_registry_get_or_allocate };
            handle(script, &mut handles.buffers, |out, error| call!(allocate(registry, source, len, spec, out, error)));
        }
        3 => handle(script, &mut handles.buffers, |out, error| {
            call!(capbuf_registry_get(registry, source, len, out, error))
        }),
        4 => drop(into_block(script, &mut block, |out, error| {
            call!(capbuf_registry_contains(registry, source, len, out.cast(), error))
        })),
        5 => {
            checked_call(script, |error| call!(capbuf_registry_remove(registry, source, len, error)));
        }
        6 => handle(script, &mut handles.writers, |out, error| call!(capbuf_buffer_writer(buffer, out, error))),
        7 => {
            let mut stats = Block::of_size(script.struct_size::<capbuf_registry_stats>());
            into_block(script, &mut stats, |out, error| call!(capbuf_registry_get_stats(registry, out.cast(), error)));
            checked_call(script, |error| call!(capbuf_registry_sweep(registry, error)));
        }
        8 => {
            let size = [0, 1, 5, 512][usize::from(script.byte() % 4)];
            let mut out = Block::new();
            let out = script.pointer(out.at::<c_char>());
            let (length, which) = (script.pointer(block.at::<usize>()), script.byte() % 4);
            checked_call(script, |error| match which {
                0 => call!(capbuf_registry_domain(registry, out, size, length, error)),
                1 => call!(capbuf_registry_path(registry, out, size, length, error)),
                2 => call!(capbuf_buffer_source(buffer, out, size, length, error)),
                _ => call!(capbuf_redact(source, len, out, size, length, error)),
            });
        }
        9 => {
            let mut status = Block::of_size(script.struct_size::<capbuf_buffer_status>());
            into_block(script, &mut status, |out, error| call!(capbuf_buffer_get_status(buffer, out.cast(), error)));
            let mut spec = Block::of_size(script.struct_size::<capbuf_spec>());
            into_block(script, &mut spec, |out, error| call!(capbuf_buffer_get_spec(buffer, out.cast(), error)));
            into_block(script, &mut block, |out, error| call!(capbuf_buffer_id(buffer, out.cast(), error)));
        }
        10 => handle(script, &mut handles.buffers, |out, error| call!(capbuf_buffer_clone(buffer, out, error))),
        11 => {
            let options = window_options(script);
            let options = script.pointer((&raw const options.value).cast_mut());
            handle(script, &mut handles.windows, |out, error| {
                call!(capbuf_buffer_windows(buffer, options, out, error))
            });
        }
        12 => {
            let windows = one(&handles.windows, script);
            let (room, format) = (script.number().min(1024) as usize, script.number() as u32 % 6);
            let samples = script.pointer(handles.samples.as_mut_ptr());
            let timeout_ns = script.number().min(1000) as i64;
            let mut window = Block::of_size(script.struct_size::<capbuf_window>());
            into_block(script, &mut window, |out, error| {
                call!(capbuf_windows_next(windows, samples.cast(), room, format, timeout_ns, out.cast(), error))
            });
        }
        13..=15 => read(script, handles, buffer),
        16 => segment(script, handles),
        _ => write(script, handles),
    }
}

fn window_options(script: &mut Script) -> Padded<capbuf_window_options> {
    Padded::new(capbuf_window_options {
        struct_size: script.struct_size::<capbuf_window_options>(),
        window_frames: script.number(),
        hop_frames: script.number(),
        start_frame: script.number(),
        join_gaps_ns: script.number() as i64,
        from_frame: u32::from(script.byte() % 3),
        reserved: u32::from(script.byte() < 8),
    })
}

fn read(script: &mut Script, handles: &mut Handles, buffer: *mut capbuf_buffer) {
    let mut span = capbuf_span {
        kind: script.number() as u32 % 5,
        reserved: u32::from(script.byte() < 4),
        first: script.number() as i64,
        end: script.number() as i64,
    };
    let span = script.pointer(&raw mut span);
    let mut options = Padded::new(capbuf_read_options {
        struct_size: script.struct_size::<capbuf_read_options>(),
        // Keeps the case short.
        wait_ns: (script.number() as i64).min(1000),
        available: u32::from(script.byte() % 3),
        silence: u32::from(script.byte() % 4),
        sample_format: u32::from(script.byte() % 6),
        reserved: 0,
    });
    let options = script.pointer(&raw mut options.value);
    if script.byte() < 128 {
        handle(script, &mut handles.segments, |out, error| {
            call!(capbuf_buffer_read_segment(buffer, span, options, out, error))
        });
        return;
    }
    let samples = script.pointer(handles.samples.as_mut_ptr());
    let room = [0, 1, 100, 1024][usize::from(script.byte() % 4)];
    let mut info = Block::of_size(script.struct_size::<capbuf_extracted>());
    into_block(script, &mut info, |out, error| {
        call!(capbuf_buffer_read(buffer, span, options, samples.cast(), room, out.cast(), error))
    });
}

fn segment(script: &mut Script, handles: &mut Handles) {
    let segment = one(&handles.segments, script);
    let mut block = Block::new();
    let (samples, count) =
        (script.pointer(block.at::<*const c_void>()), script.pointer(block.at::<usize>().wrapping_add(1)));
    checked_call(script, |error| call!(capbuf_segment_samples(segment, samples, count, error)));
    let mut info = Block::of_size(script.struct_size::<capbuf_extracted>());
    into_block(script, &mut info, |out, error| call!(capbuf_segment_info(segment, out.cast(), error)));
    let mut gap = Block::of_size(script.struct_size::<capbuf_gap>());
    let number = script.number() as usize;
    into_block(script, &mut gap, |out, error| call!(capbuf_segment_gap(segment, number, out.cast(), error)));
    // An unknown type of file: nothing is written.
    let mut path = *b"clip.mp3";
    let (length, path) = (path.len(), script.pointer(path.as_mut_ptr().cast::<c_char>()));
    let mut clip = Block::of_size(script.struct_size::<capbuf_clip_info>());
    let is_written = into_block(script, &mut clip, |out, error| {
        call!(capbuf_segment_write_clip(segment, path, length, out.cast(), error))
    });
    let is_overwritten = into_block(script, &mut clip, |out, error| {
        call!(capbuf_segment_overwrite_clip(segment, path, length, out.cast(), error))
    });
    assert!(!is_written && !is_overwritten, "a clip of an unknown type was written");
}

fn write(script: &mut Script, handles: &mut Handles) {
    let writer = one(&handles.writers, script);
    let utc_ns = script.number() as i64;
    match script.byte() % 5 {
        0 => {
            let (reason, duration_ns) = (script.number() as u32, script.number() as i64);
            checked_call(script, |error| call!(capbuf_writer_gap(writer, reason, duration_ns, error)));
        }
        1 => {
            let mut block = Block::new();
            into_block(script, &mut block, |out, error| call!(capbuf_writer_next_frame(writer, out.cast(), error)));
        }
        2 => {
            let (count, format) = (script.number().min(1024) as usize, script.number() as u32 % 6);
            let samples = script.pointer(handles.samples.as_mut_ptr());
            checked_call(script, |error| {
                call!(capbuf_writer_write(writer, samples.cast(), count, format, utc_ns, error))
            });
        }
        _ => {
            let count = script.number().min(4096) as usize;
            let bytes = script.pointer(handles.bytes.as_mut_ptr());
            checked_call(script, |error| call!(capbuf_writer_write_bytes(writer, bytes.cast(), count, utc_ns, error)));
        }
    }
}
