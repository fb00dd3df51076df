use std::time::Duration;

use capbuf::{Length, ReadOptions, Registry, Span, WindowOptions};
use capbuf_capture::{Capture, CaptureOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A registry allocates one buffer per source, however many callers request it.
    let registry = Registry::private();
    let capture = Capture::start(&registry, "tone:440", &CaptureOptions::new().length(Length::Seconds(60.0)))?;
    let buffer = capture.buffer();

    // Read overlapping windows: 0.5 s long, one every 0.25 s.
    let mut windows = buffer.windows(WindowOptions::new(24_000, 12_000))?;
    let mut samples = vec![0.0_f32; 24_000];
    let window = windows.next_into(&mut samples, Duration::from_secs(10))?;

    // Clips are cut by frame number: exact, however late the detection is.
    let options = ReadOptions::new().wait(Duration::from_secs(10));
    let clip = buffer.read_with(window.around(0, 24_000), &options)?;
    assert_eq!(clip.frames(), 48_000);

    // Read the newest half second. `Span::Time` reads by wall-clock time.
    let newest = buffer.read(Span::Last(Duration::from_millis(500)))?;
    println!("{} frames, ending at {} ns UTC", newest.frames(), newest.end_utc_ns());
    Ok(())
}
