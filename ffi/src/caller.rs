//! The call site that allocation tracking records: of C, or of another language's binding.

use std::ffi::{c_char, c_void};

use capbuf::{Caller, CodePlace, Language, Registry};

use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::guard;
use crate::boundary::pointers::slice;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_in::text;

/// The language of a caller: Rust.
pub const CAPBUF_LANGUAGE_RUST: u32 = 1;
/// The language of a caller: C, or any language that calls this interface directly.
pub const CAPBUF_LANGUAGE_C: u32 = 2;
/// The language of a caller: Go.
pub const CAPBUF_LANGUAGE_GO: u32 = 3;
/// The language of a caller: Python.
pub const CAPBUF_LANGUAGE_PYTHON: u32 = 4;

/// A stack frame of the caller: a line of `file` or, if `file` is NULL, a return address.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_code_place {
    /// The path of the source file, UTF-8; NULL to use `address`.
    pub file: *const c_char,
    /// The bytes of `file`.
    pub file_len: usize,
    /// The name of the function, UTF-8; may be NULL.
    pub function: *const c_char,
    /// The bytes of `function`.
    pub function_len: usize,
    /// The line, from 1.
    pub line: u32,
    /// Set it to 0.
    pub reserved: u32,
    /// A return address in this process.
    pub address: usize,
}

/// Calls `call(context)` and records its allocation attempts with the stack `places`, in place of
/// this thread's native stack. For bindings of other languages.
///
/// `language` is one of the `CAPBUF_LANGUAGE_` constants. `places` has `count` elements, the
/// innermost, which is the call site, first; up to 23 are recorded. Call it only if
/// `capbuf_registry_is_allocation_tracking`: otherwise nothing is recorded. `call` must return.
///
/// Threads: any; affects only this thread, until it returns. Cost: allocates.
/// Errors: INVALID_ARGUMENT for an unknown language. After an error `call` was not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_call_as(
    language: u32,
    places: *const capbuf_code_place,
    count: usize,
    call: Option<extern "C" fn(*mut c_void)>,
    context: *mut c_void,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let call = call.ok_or_else(|| FfiError::null("call"))?;
        let known = Language::ALL.into_iter().find(|known| *known as u32 == language);
        let allowed = "1 to 4: CAPBUF_LANGUAGE_RUST, _C, _GO, _PYTHON";
        let language = known.ok_or_else(|| FfiError::invalid_argument("language", language, allowed))?;
        // SAFETY: the header requires of the caller what `slice` does.
        let places = unsafe { slice(places, count, "places") }?;
        let stack: Result<Vec<_>, FfiError> = places.iter().map(code_place).collect();
        Caller::new(language, stack?).scope(|| call(context));
        Ok(())
    })
}

fn code_place(place: &capbuf_code_place) -> Result<CodePlace, FfiError> {
    if place.file.is_null() {
        return Ok(CodePlace::Address(place.address));
    }
    // SAFETY: the header requires of the caller what `text` does.
    let file = unsafe { text(place.file, place.file_len, "file") }?.to_owned();
    let function = if place.function.is_null() {
        ""
    } else {
        // SAFETY: as above.
        unsafe { text(place.function, place.function_len, "function") }?
    };
    Ok(CodePlace::Line { file, line: place.line, function: function.to_owned() })
}

/// Runs `call`, recording the C caller of the function at address `entry` as its call site, if
/// attempts are tracked and no binding passed its own.
pub(crate) fn as_c<R>(registry: &Registry, entry: *const (), call: impl FnOnce() -> R) -> R {
    if !registry.is_allocation_tracking() || Caller::is_given() {
        return call();
    }
    Caller::native(Language::C, entry.addr()).scope(call)
}
