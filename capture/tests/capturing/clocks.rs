//! The clock of the times of each kind of source that needs no rig.

use capbuf::{ClockSource, SampleFormat, Span};
use capbuf_capture::CaptureOptions;

use crate::files::Simulated;
use crate::sounds::wav;

#[test]
fn files_and_test_signals_have_the_clock_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("second.wav");
    wav(&path, 16, 1, 48_000, 48_000);
    let file = format!("file:{}", path.display());
    let converted = CaptureOptions::new().sample_rate_hz(16_000).format(SampleFormat::F32);
    for locator in [file.as_str(), "position:"] {
        for options in [CaptureOptions::new(), converted.clone()] {
            let simulated = Simulated::new();
            let capture = simulated.start(locator, &options);
            simulated.run_until(&capture, 8000);
            let buffer = capture.buffer();
            let segment = buffer.read(Span::Frames(0..8000)).expect("half a second at most");
            assert_eq!(segment.timing().clock, ClockSource::File, "{locator}");
            let status = buffer.status().timing.expect("frames have come");
            assert_eq!(status.clock, ClockSource::File, "{locator}");
        }
    }
}
