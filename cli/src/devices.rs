//! `capbuf devices`: what can be recorded from, by the names to use.

use std::io::{self, Write};

use capbuf_capture::{DeviceHost, devices};

use crate::failure::Failure;

const EXAMPLES: &str = "\
Each line is the name to give to `capbuf record`, and after a tab what the device is.
A device that is plugged in has several names. `device:usb:...` is the same device
after a reboot, wherever it is plugged in, and `device:path:...` what is plugged in
there; numbers, and names like hw:CARD=..., change with the order in which devices
are found. What a sound server has open, only it can record from.

A host that is not there is told of on stderr. Fails only if none is.

Examples:
  capbuf devices
  capbuf record \"$(capbuf devices | head -1 | cut -f1)\" --for 10s --clip 10s";

/// List the sound devices that can be recorded from
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut unreached = Vec::new();
    for host in DeviceHost::ALL {
        match devices(host) {
            Ok(found) => {
                for device in found {
                    let default = if device.is_default { " (default)" } else { "" };
                    writeln!(out, "{}\t{}{default}", device.locator(), device.description)?;
                }
            }
            Err(error) => unreached.push(error.to_string()),
        }
    }
    out.flush()?;
    if unreached.len() == DeviceHost::ALL.len() {
        return Err(Failure::Run(unreached.join("; ")));
    }
    for error in unreached {
        crate::failure::complain(&error);
    }
    Ok(())
}
