//! The configuration of one source of a station.

use std::ffi::c_char;

use ::capbuf_capture::{SourceConfig, WhenGone};

use crate::boundary::arguments::{optional_text, read_versioned, text, versioned_struct};
use crate::boundary::ffi_error::FfiError;
use crate::capture::options::capbuf_capture_options;

/// When the source is no longer configured, its buffer is removed from the registry.
pub const CAPBUF_WHEN_GONE_REMOVE: u32 = 0;
/// When the source is no longer configured, its buffer stays for its lifetime.
pub const CAPBUF_WHEN_GONE_KEEP: u32 = 1;

/// The configuration of a source.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_source_config {
    /// Set it to `sizeof(capbuf_source_config)` before the call.
    pub struct_size: usize,
    /// The name of the buffer, UTF-8; NULL: the locator.
    pub name: *const c_char,
    /// The bytes of `name`.
    pub name_len: usize,
    /// The source to capture, UTF-8: `device:default`, `rtsp://...`, `file:...`, `tone:440`.
    pub locator: *const c_char,
    /// The bytes of `locator`.
    pub locator_len: usize,
    /// The options of the capture; NULL: the defaults.
    pub options: *const capbuf_capture_options,
    /// The fate of the buffer when the source is no longer configured: one of the
    /// `CAPBUF_WHEN_GONE_` constants.
    pub when_gone: u32,
    /// Set it to 0.
    pub reserved: u32,
}

versioned_struct!(capbuf_source_config);

impl capbuf_source_config {
    pub(crate) fn checked(&self) -> Result<SourceConfig, FfiError> {
        let Self { name, name_len, locator, locator_len, options, when_gone, .. } = *self;
        let locator = text!(locator, locator_len);
        let name = optional_text!(name, name_len).unwrap_or(locator);
        let when_gone = match when_gone {
            CAPBUF_WHEN_GONE_REMOVE => WhenGone::Remove,
            CAPBUF_WHEN_GONE_KEEP => WhenGone::Keep,
            other => return Err(FfiError::invalid_argument("when_gone", other, "0 (remove), 1 (keep)")),
        };
        let options = read_versioned!(options).checked()?;
        Ok(SourceConfig::new(name, locator).options(options).when_gone(when_gone))
    }
}
