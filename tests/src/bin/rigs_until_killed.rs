//! Starts rigs, says so, and never ends: to be killed by a test, which then looks what became of the rigs.

use std::io::{self, Write as _};

use capbuf_tests::{PulseServer, RtspOptions, RtspServer};

fn main() -> io::Result<()> {
    let mut pulse = PulseServer::start()?;
    pulse.play_position_signal()?;
    let rtsp = RtspServer::start(RtspOptions::default())?;
    writeln!(io::stdout(), "rigs of {pulse:?} and {rtsp:?} stand")?;
    loop {
        std::thread::park();
    }
}
