//! `capbuf devices`: lists the sound devices, by the names to record from.

use std::io::{self, Write};

use capbuf_capture::{DeviceHost, devices};

use crate::failure::Failure;

const EXAMPLES: &str = "\
Each line is the name for `capbuf record`, a tab, and a description. A device can have
several names: `device:usb:...` stays with the device, wherever it is plugged in;
`device:path:...` stays with the port. Card numbers, and names like hw:CARD=..., can
change at a reboot. A device that a sound server has open can be recorded from through
that server only.

A host that is missing is reported on stderr. The command fails if all are.

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
    for &host in DeviceHost::ALL {
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
