//! Starts rigs, prints `ready`, and runs until a test kills it.

use std::io::{self, Write as _};

use capbuf_tests::{PulseServer, RtspOptions, RtspServer};

fn main() -> io::Result<()> {
    let mut pulse = PulseServer::start()?;
    pulse.play_position_signal()?;
    let rtsp = RtspServer::start(RtspOptions::default())?;
    writeln!(io::stdout(), "{pulse:?} and {rtsp:?} are ready")?;
    loop {
        std::thread::park();
    }
}
