//! One case: a script of bytes chooses calls of the C interface and what they are given: null and misaligned pointers, text
//! that is none, numbers from everywhere, structs of other versions.
//!
//! The same for the test, which makes up scripts, and for the fuzzer, which finds them. No call may panic, and one that fails leaves
//! its results as they were. Pointers are null, misaligned, or what the header demands: what can't be checked isn't tried.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use capbuf_ffi::*;

/// Calls a function of the interface. Its arguments are chosen by [`Script::pointer`], [`Script::struct_size`] and [`one`].
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: as the header demands. A pointer is null or misaligned, which the function tells before it looks there, or leads to
        // memory of its type, as large as is said, that lives through the call. A handle was made by the interface and not freed yet.
        // There is one thread.
        unsafe { $function($($argument),*) }
    };
}

/// Choices, read from bytes; zeros when they are used up.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    /// A number, mostly one that means something.
    fn number(&mut self) -> u64 {
        match self.byte() % 12 {
            0 => 0,
            1 => u64::MAX,
            2 => i64::MAX as u64,
            3 => i64::MIN as u64,
            4 => 1_u64 << (self.byte() % 64),
            5 => self.word(),
            6 => 1_790_000_000_000_000_000 + (self.word() >> 34),
            7..=9 => u64::from(self.byte() % 8),
            _ => u64::from(self.byte()) * 10,
        }
    }

    /// A pointer to what is given, or to nothing, or to where nothing of its type can be.
    fn pointer<T>(&mut self, good: *mut T) -> *mut T {
        match self.byte() {
            0..8 => null_mut(),
            8..16 if align_of::<T>() > 1 => good.wrapping_byte_add(1),
            _ => good,
        }
    }

    /// How large a struct is said to be: no larger than the memory there is.
    fn struct_size<T>(&mut self) -> usize {
        match self.byte() % 16 {
            0 => 0,
            1 => usize::from(self.byte()),
            2 => size_of::<T>() + 8,
            3 => size_of::<T>() - 1,
            _ => size_of::<T>(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        match self.byte() % 8 {
            0 => (0..self.byte() % 40).map(|_| self.byte()).collect(),
            1 => vec![b'x'; 1025],
            2 => Vec::new(),
            3 => b"rtsp://me:sesame@host/live?token=sesame".to_vec(),
            number => format!("tone:{number}").into_bytes(),
        }
    }
}

/// Memory for any result, with room behind it.
#[repr(C, align(16))]
struct Block([u8; 512]);

impl Block {
    const MARK: u8 = 0xa5;

    fn of_size(struct_size: usize) -> Self {
        let mut block = Self([Self::MARK; 512]);
        block.0[..8].copy_from_slice(&struct_size.to_ne_bytes());
        block
    }

    fn new() -> Self {
        Self([Self::MARK; 512])
    }

    fn at<T>(&mut self) -> *mut T {
        (&raw mut self.0).cast()
    }
}

/// Memory for a struct that is passed in: with zeros behind it, as a later version would have.
#[repr(C)]
struct Given<T> {
    it: T,
    behind: [u8; 256],
}

impl<T> Given<T> {
    fn new(it: T) -> Self {
        Self { it, behind: [0; 256] }
    }
}

#[derive(Default)]
struct Handles {
    registry: Vec<*mut capbuf_registry>,
    buffers: Vec<*mut capbuf_buffer>,
    writers: Vec<*mut capbuf_writer>,
    windows: Vec<*mut capbuf_windows>,
    segments: Vec<*mut capbuf_segment>,
    samples: Vec<u64>,
    bytes: Vec<u8>,
}

/// One of the handles, or none.
fn one<T>(handles: &[*mut T], script: &mut Script) -> *mut T {
    if handles.is_empty() {
        return null_mut();
    }
    let good = handles[script.byte() as usize % handles.len()];
    script.pointer(good)
}

/// The text that the interface gave.
fn text_at(text: *const c_char) -> String {
    // SAFETY: what it gives as text ends with a zero, and its error, if it is of one, is not freed yet.
    unsafe { CStr::from_ptr(text) }.to_str().expect("it is text").to_owned()
}

/// Calls, with an error to fill in or none, and looks at it.
fn called(script: &mut Script, call: impl FnOnce(*mut *mut capbuf_error) -> capbuf_status) -> capbuf_status {
    let mut error: *mut capbuf_error = null_mut();
    let place = if script.byte() < 128 { &raw mut error } else { null_mut() };
    let status = call(place);
    assert_ne!(status, CAPBUF_PANICKED, "a panic came to the boundary");
    if !error.is_null() {
        assert_eq!(call!(capbuf_error_code(error)), status);
        let message = text_at(call!(capbuf_error_message(error)));
        assert!(!message.is_empty() && !message.contains("sesame"), "{message}");
        let mut detail = Block::of_size(script.struct_size::<capbuf_error_detail>());
        let detail = script.pointer(detail.at());
        call!(capbuf_error_numbers(error, detail));
        call!(capbuf_error_free(error));
    }
    if status == CAPBUF_OK {
        assert!(error.is_null(), "an error though all went well");
    }
    text_at(capbuf_status_name(status));
    status
}

/// Calls something that has one result in a block; on failure the block stays as it was.
fn into_block(
    script: &mut Script,
    block: &mut Block,
    call: impl FnOnce(*mut c_void, *mut *mut capbuf_error) -> capbuf_status,
) -> bool {
    let before = block.0;
    // The types behind the pointers are aligned to eight bytes, or to one.
    let place = script.pointer(block.at::<u64>()).cast();
    let status = called(script, |error| call(place, error));
    assert!(status == CAPBUF_OK || block.0 == before, "a call that failed with {status} wrote a result");
    status == CAPBUF_OK
}

/// The same for a result that is a handle, which is kept.
fn handle<T>(
    script: &mut Script,
    kept: &mut Vec<*mut T>,
    call: impl FnOnce(*mut *mut T, *mut *mut capbuf_error) -> capbuf_status,
) {
    let mut block = Block::new();
    if into_block(script, &mut block, |place, error| call(place.cast(), error)) {
        // SAFETY: the call went well, so a handle was written there, and the block is aligned for any.
        kept.push(unsafe { block.at::<*mut T>().read() });
    }
}

/// Runs one case.
pub fn run(script: &[u8]) {
    let script = &mut Script(script);
    let mut handles = Handles { samples: vec![0; 512], bytes: vec![7; 4096], ..Handles::default() };
    let options = options(1 << 20);
    let mut registry = null_mut();
    let made = call!(capbuf_registry_private(&raw const options.it, &raw mut registry, null_mut()));
    assert_eq!(made, CAPBUF_OK);
    handles.registry.push(registry);
    for _ in 0..64 {
        if script.0.is_empty() {
            break;
        }
        step(script, &mut handles);
    }
    handles.windows.into_iter().for_each(|handle| call!(capbuf_windows_free(handle)));
    handles.segments.into_iter().for_each(|handle| call!(capbuf_segment_free(handle)));
    handles.writers.into_iter().for_each(|handle| call!(capbuf_writer_free(handle)));
    handles.buffers.into_iter().for_each(|handle| call!(capbuf_buffer_free(handle)));
    handles.registry.into_iter().for_each(|handle| call!(capbuf_registry_free(handle)));
    call!(capbuf_buffer_free(null_mut()));
}

fn options(max_buffer_bytes: u64) -> Given<capbuf_registry_options> {
    Given::new(capbuf_registry_options {
        struct_size: size_of::<capbuf_registry_options>(),
        budget_bytes: 8 << 20,
        max_buffer_bytes,
        domains_folder: null(),
        domains_folder_len: 0,
        pool_bytes: 0,
        pool_age_ns: 0,
        track_allocations: 0,
        reserved: 0,
    })
}

fn spec(script: &mut Script) -> Given<capbuf_spec> {
    let mut spec = Given::new(capbuf_spec {
        struct_size: script.struct_size::<capbuf_spec>(),
        seconds: 0.0,
        length_frames: 1000,
        sample_rate_hz: 8000,
        channels: 1 + u32::from(script.byte() % 2),
        sample_format: 1 + u32::from(script.byte() % 4),
        lifetime: 0,
    });
    match script.byte() % 12 {
        0 => spec.it.length_frames = script.number(),
        1 => (spec.it.seconds, spec.it.length_frames) = (f64::from_bits(script.word()), 0),
        2 => spec.it.sample_rate_hz = script.number() as u32,
        3 => spec.it.channels = script.number() as u32,
        4 => spec.it.sample_format = script.number() as u32,
        5 => spec.it.lifetime = script.number() as u32,
        6 => spec.behind[0] = script.byte(),
        _ => {}
    }
    spec
}

fn step(script: &mut Script, handles: &mut Handles) {
    let registry = one(&handles.registry, script);
    let buffer = one(&handles.buffers, script);
    let text = script.text();
    // Text of another length than it has is not tried, but for none.
    let (source, len) = (script.pointer(text.as_ptr().cast_mut().cast::<c_char>()), text.len());
    let mut block = Block::new();
    match script.byte() % 20 {
        0..=2 => {
            let spec = spec(script);
            let spec = script.pointer((&raw const spec.it).cast_mut());
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
            called(script, |error| call!(capbuf_registry_remove(registry, source, len, error)));
        }
        6 => handle(script, &mut handles.writers, |out, error| call!(capbuf_buffer_writer(buffer, out, error))),
        7 => {
            let mut stats = Block::of_size(script.struct_size::<capbuf_registry_stats>());
            into_block(script, &mut stats, |out, error| call!(capbuf_registry_get_stats(registry, out.cast(), error)));
            called(script, |error| call!(capbuf_registry_sweep(registry, error)));
        }
        8 => {
            let size = [0, 1, 5, 512][usize::from(script.byte() % 4)];
            let mut out = Block::new();
            let out = script.pointer(out.at::<c_char>());
            let (length, which) = (script.pointer(block.at::<usize>()), script.byte() % 4);
            called(script, |error| match which {
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
            let options = script.pointer((&raw const options.it).cast_mut());
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

fn window_options(script: &mut Script) -> Given<capbuf_window_options> {
    Given::new(capbuf_window_options {
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
    let mut options = Given::new(capbuf_read_options {
        struct_size: script.struct_size::<capbuf_read_options>(),
        // Nobody waits for long.
        wait_ns: (script.number() as i64).min(1000),
        available: u32::from(script.byte() % 3),
        silence: u32::from(script.byte() % 4),
        sample_format: u32::from(script.byte() % 6),
        reserved: 0,
    });
    let options = script.pointer(&raw mut options.it);
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
    called(script, |error| call!(capbuf_segment_samples(segment, samples, count, error)));
    let mut info = Block::of_size(script.struct_size::<capbuf_extracted>());
    into_block(script, &mut info, |out, error| call!(capbuf_segment_info(segment, out.cast(), error)));
    let mut gap = Block::of_size(script.struct_size::<capbuf_gap>());
    let number = script.number() as usize;
    into_block(script, &mut gap, |out, error| call!(capbuf_segment_gap(segment, number, out.cast(), error)));
    // A type of file that there is not: nothing is written.
    let mut path = *b"clip.mp3";
    let (length, path) = (path.len(), script.pointer(path.as_mut_ptr().cast::<c_char>()));
    let mut clip = Block::of_size(script.struct_size::<capbuf_clip_info>());
    let is_written = into_block(script, &mut clip, |out, error| {
        call!(capbuf_segment_write_clip(segment, path, length, out.cast(), error))
    });
    assert!(!is_written, "a clip of no type was written");
}

fn write(script: &mut Script, handles: &mut Handles) {
    let writer = one(&handles.writers, script);
    let utc_ns = script.number() as i64;
    match script.byte() % 5 {
        0 => {
            let (reason, duration_ns) = (script.number() as u32, script.number() as i64);
            called(script, |error| call!(capbuf_writer_gap(writer, reason, duration_ns, error)));
        }
        1 => {
            let mut block = Block::new();
            into_block(script, &mut block, |out, error| call!(capbuf_writer_next_frame(writer, out.cast(), error)));
        }
        2 => {
            let (count, format) = (script.number().min(1024) as usize, script.number() as u32 % 6);
            let samples = script.pointer(handles.samples.as_mut_ptr());
            called(script, |error| call!(capbuf_writer_write(writer, samples.cast(), count, format, utc_ns, error)));
        }
        _ => {
            let count = script.number().min(4096) as usize;
            let bytes = script.pointer(handles.bytes.as_mut_ptr());
            called(script, |error| call!(capbuf_writer_write_bytes(writer, bytes.cast(), count, utc_ns, error)));
        }
    }
}
