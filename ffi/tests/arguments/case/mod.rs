//! One case: a script of bytes chooses calls of the C interface and their arguments, among them
//! null and misaligned pointers, invalid texts, extreme numbers, and structures of other versions.
//!
//! Shared by the test, which generates scripts, and by the fuzzer, which searches for them. No call
//! may panic, and a failed call must leave its results unchanged. A pointer that is neither null
//! nor misaligned is valid: what the library cannot check would be undefined behaviour.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use capbuf_ffi::*;

/// Calls a function of the interface. The arguments come from [`Script::pointer`],
/// [`Script::struct_size`] and [`one`].
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: as the header requires. A pointer is null or misaligned, which the function
        // checks first, or points to enough memory of its type that lives through the call. A
        // handle came from the interface and was not freed. Only one thread calls.
        unsafe { $function($($argument),*) }
    };
}

mod memory;
mod script;
mod steps;

use memory::{Block, Padded};
use script::Script;
use steps::step;

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

/// Returns one of `handles`, or null.
fn one<T>(handles: &[*mut T], script: &mut Script) -> *mut T {
    if handles.is_empty() {
        return null_mut();
    }
    let good = handles[script.byte() as usize % handles.len()];
    script.pointer(good)
}

/// Copies a text that the interface returned.
fn text_at(text: *const c_char) -> String {
    // SAFETY: the interface terminates texts with a zero; an error they belong to is not freed yet.
    unsafe { CStr::from_ptr(text) }.to_str().expect("texts are UTF-8").to_owned()
}

/// Runs a call, with memory for an error or with NULL, and checks the error.
fn checked_call(script: &mut Script, call: impl FnOnce(*mut *mut capbuf_error) -> capbuf_status) -> capbuf_status {
    let mut error: *mut capbuf_error = null_mut();
    let place = if script.byte() < 128 { &raw mut error } else { null_mut() };
    let status = call(place);
    assert_ne!(status, CAPBUF_PANICKED, "the library panicked");
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
        assert!(error.is_null(), "a successful call stored an error");
    }
    text_at(capbuf_status_name(status));
    status
}

/// Runs a call whose result goes to `block`, which a failed call must leave unchanged. Returns
/// whether it succeeded.
fn into_block(
    script: &mut Script,
    block: &mut Block,
    call: impl FnOnce(*mut c_void, *mut *mut capbuf_error) -> capbuf_status,
) -> bool {
    let before = block.0;
    // All results are aligned to eight bytes or to one.
    let place = script.pointer(block.at::<u64>()).cast();
    let status = checked_call(script, |error| call(place, error));
    assert!(status == CAPBUF_OK || block.0 == before, "a call that failed with {status} wrote a result");
    status == CAPBUF_OK
}

/// The same for a call that returns a handle, which is added to `handles`.
fn handle<T>(
    script: &mut Script,
    handles: &mut Vec<*mut T>,
    call: impl FnOnce(*mut *mut T, *mut *mut capbuf_error) -> capbuf_status,
) {
    let mut block = Block::new();
    if into_block(script, &mut block, |place, error| call(place.cast(), error)) {
        // SAFETY: a successful call wrote a handle to the block, which is aligned for any.
        handles.push(unsafe { block.at::<*mut T>().read() });
    }
}

/// Runs one case.
pub fn run(script: &[u8]) {
    let script = &mut Script(script);
    let mut handles = Handles { samples: vec![0; 512], bytes: vec![7; 4096], ..Handles::default() };
    let options = options(1 << 20);
    let mut registry = null_mut();
    let made = call!(capbuf_registry_private(&raw const options.value, &raw mut registry, null_mut()));
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

fn options(max_buffer_bytes: u64) -> Padded<capbuf_registry_options> {
    Padded::new(capbuf_registry_options {
        struct_size: size_of::<capbuf_registry_options>(),
        budget_bytes: 8 << 20,
        max_buffer_bytes,
        domains_folder: null(),
        domains_folder_len: 0,
        pool_bytes: 0,
        pool_age_ns: 0,
        track_allocations: 0,
        reserved: 0,
        grace_ns: 0,
    })
}
