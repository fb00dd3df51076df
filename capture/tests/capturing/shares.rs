//! The share of the memory that a source may take by a format of its own choice.

use capbuf::{Length, Registry, SampleFormat, Writer};
use capbuf_capture::{Capture, CaptureOptions, Error, Format, RequestedFormat, Result, RunOutcome, Source, Stop};

/// A camera with 64 channels.
struct Greedy;

impl Source for Greedy {
    fn open(&mut self, requested: &RequestedFormat, _: &Stop) -> Result<Format> {
        Ok(Format {
            sample_rate_hz: requested.sample_rate_hz.unwrap_or(48_000),
            channels: requested.channels.unwrap_or(64),
            sample_format: requested.sample_format.unwrap_or(SampleFormat::F32),
        })
    }

    fn run(&mut self, _: Writer, stop: &Stop) -> Result<RunOutcome> {
        stop.sleep(std::time::Duration::MAX);
        Ok(RunOutcome::Stopped)
    }
}

#[test]
fn source_takes_more_than_half_of_the_budget_only_if_its_format_is_requested() {
    // One second is 12 288 000 bytes.
    let registry = Registry::builder().budget_bytes(20_000_000).build();
    let options = CaptureOptions::new().length(Length::Seconds(1.0));
    let start = |options: &CaptureOptions| Capture::start_source(&registry, "camera", Box::new(Greedy), options);
    for unasked in [options.clone(), options.clone().channels(64), options.clone().sample_rate_hz(48_000).channels(64)]
    {
        let error = start(&unasked).expect_err("more than half");
        assert!(error.is_permanent() && matches!(error, Error::Config { .. }), "{error}");
        let shown = error.to_string();
        assert!(shown.contains("12288000 bytes: more than half of the budget of 20000000"), "{shown}");
        assert_eq!(registry.stats().rings_mapped, 0);
    }
    drop(start(&options.clone().channels(8)).expect("a sixth of it"));
    registry.remove("camera").expect("it is removed");
    let asked = options.sample_rate_hz(48_000).channels(64).format(SampleFormat::F32);
    drop(start(&asked).expect("it is requested"));
}

#[test]
fn length_of_a_usual_format_may_take_more_than_half_of_the_budget() {
    let registry = Registry::builder().budget_bytes(1_500_000).build();
    // 960 000 bytes.
    let options = CaptureOptions::new().length(Length::Seconds(10.0));
    drop(Capture::start(&registry, "tone:440", &options).expect("it fits"));
}
