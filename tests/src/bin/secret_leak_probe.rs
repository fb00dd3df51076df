//! Prints each text that Rust shows of sources whose URLs hold secrets, for `tests/secrets`.
//!
//! usage: `secret_leak_probe FOLDER CLIPS`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fmt::{Debug, Display};
use std::io::BufRead as _;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread::sleep;
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, SampleFormat, Span, Spec, WatchSettings, Writer};
use capbuf_capture::{
    Capture, CaptureOptions, ClipTags, IfExists, Locator, SourceConfig, SourceStatus, Station, Trigger, TriggerOptions,
    clip_name, cut_clip, write_clip_with,
};

type Done = Result<(), Box<dyn Error>>;

/// Prints a text under a heading.
fn show(heading: &str, text: impl Display) {
    println!("## {heading}\n{text}");
}

/// Prints an error and its sources, as `Display` and `Debug` show them.
fn failed<T: Debug, E: Error + 'static>(heading: &str, outcome: Result<T, E>) -> Done {
    let error = outcome.err().ok_or_else(|| format!("{heading}: it did not fail"))?;
    show(heading, format!("{error} {error:?} {error:#?}"));
    let mut source = error.source();
    while let Some(error) = source {
        show(heading, format!("{error} {error:?}"));
        source = error.source();
    }
    Ok(())
}

fn main() -> Done {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).init();
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [folder, clips] = &folders[..] else { return Err("usage: secret_leak_probe FOLDER CLIPS".into()) };
    let mut lines = std::io::stdin().lock().lines();
    let camera = lines.next().ok_or("no camera")??;
    let sources: Vec<String> =
        lines.by_ref().take_while(|line| !matches!(line, Ok(line) if line.is_empty())).collect::<Result<_, _>>()?;
    let builder = || Registry::builder().domains_folder(folder).track_allocations(true);
    let registry = builder().open("cameras")?;
    let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16)?;
    let buffers = show_all(&registry, &sources, spec)?;
    failed("invalid argument", builder().open(&sources[0]))?;
    show_one(&registry, &buffers[0], Path::new(clips))?;
    let (removed, others) = (&buffers[1], format!("{}{}", sources[0], 2));
    let mut writer = removed.writer()?;
    registry.remove(&sources[1])?;
    failed("removed", writer.write(&[1_i16; 10]))?;
    failed("not found", registry.remove(&others))?;
    failed(
        "over budget",
        registry.get_or_allocate(&others, Spec::new(Length::Seconds(1e8), 8000, 1, SampleFormat::S16)?),
    )?;
    let capture = Capture::start(&registry, &camera, &CaptureOptions::new().open_deadline(Duration::from_secs(10)));
    failed("capture failed", capture)?;
    show_station(&registry, &camera)?;
    let mut settings = WatchSettings::default();
    (settings.every, settings.removed_held) = (Duration::from_millis(5), Duration::from_millis(1));
    let watch = registry.watch(settings)?;
    let mut kinds = Vec::new();
    while !["removed and held", "source under two names"].iter().all(|kind| kinds.contains(kind)) {
        let event = watch.next_event(Duration::from_secs(60)).ok_or("no event")?;
        show("events", format!("{event} {event:?} {}", event.to_json()));
        kinds.push(event.kind.name());
    }
    let report = registry.allocation_report();
    show("report", format!("{report} {report:?}"));
    show("report as json", report.to_json());
    show("metrics", registry.metrics_text());
    show("metrics of the domain", registry.domain_metrics_text());
    show("objects", format!("{registry:?} {buffers:?} {writer:?} {watch:?} {:?}", buffers[0].status()));
    println!("## done");
    // Waits while the test looks at the process from outside.
    lines.for_each(drop);
    Ok(())
}

fn show_all(registry: &Registry, sources: &[String], spec: Spec) -> Result<Vec<CaptureBuffer>, Box<dyn Error>> {
    let mut buffers = Vec::new();
    for source in sources {
        buffers.push(registry.get_or_allocate(source, spec)?);
        failed("already exists", registry.allocate(source, spec))?;
        let stereo = Spec::new(Length::Seconds(1.0), 8000, 2, SampleFormat::S16)?;
        failed("spec mismatch", registry.get_or_allocate(source, stereo))?;
        failed("invalid source", registry.get_or_allocate(&format!("{source}\t"), spec))?;
        show("redacted", capbuf::redact(source));
        show("clip", clip_name(source, 0, "wav"));
    }
    Ok(buffers)
}

/// Shows a station whose source is named by its URL, as a source without a name is.
fn show_station(registry: &Registry, camera: &str) -> Done {
    let config = SourceConfig::new(camera, camera);
    let station = Station::new(registry);
    show("configuration", format!("{config:?}"));
    failed("configuration", station.check(&[config.clone(), config.clone()]))?;
    show("station", format!("{:?}", station.reconfigure(&[config])?));
    let is_refused = |source: &SourceStatus| source.state.to_string().contains(", attempt ");
    while !station.sources().iter().any(is_refused) {
        sleep(Duration::from_millis(10));
    }
    show("station", format!("{station:?} {:?} {:?}", station.sources(), camera.parse::<Locator>()?));
    station.sources().iter().for_each(|source| show("station", &source.state));
    Ok(())
}

/// Cuts clips around a moment, at once and by a trigger, into a folder that exists and into one
/// that does not.
fn show_clips(registry: &Registry, buffer: &CaptureBuffer, writer: &mut Writer, around_ns: i64, clips: &Path) -> Done {
    let little = Duration::from_millis(10);
    let around = |path: &str| cut_clip(buffer, around_ns, little, little, &clips.join(path));
    show("clip around", format!("{:?}", around("around.flac")?));
    failed("clip around", around("nowhere/around.wav"))?;
    for folder in [clips, &clips.join("nowhere")] {
        let options = TriggerOptions::new(folder).before(little).after(little);
        let (sender, written) = channel();
        let trigger = Trigger::begin(registry, buffer.source().as_str(), options, move |clip| drop(sender.send(clip)))?;
        trigger.fire(around_ns);
        writer.write(&[1_i16; 800])?;
        let clip = written.recv()?;
        show("trigger", format!("{trigger:?} {clip:?}"));
        if folder != clips {
            failed("trigger", clip)?;
        }
    }
    Ok(())
}

fn show_one(registry: &Registry, buffer: &CaptureBuffer, clips: &Path) -> Done {
    let mut writer = buffer.writer()?;
    failed("writer busy", buffer.writer())?;
    let claim = registry.claim_source(buffer.source().as_str())?;
    show("objects", format!("{claim:?}"));
    failed("writer busy", registry.claim_source(buffer.source().as_str()))?;
    writer.write(&[1_i16; 12_000])?;
    failed("evicted", buffer.read(Span::Frames(0..100)))?;
    failed("not yet", buffer.read(Span::Frames(12_000..12_100)))?;
    let patient = ReadOptions::new().wait(Duration::from_millis(1));
    failed("timed out", buffer.read_with(Span::Frames(12_000..12_100), &patient))?;
    let segment = buffer.read(Span::Last(Duration::from_millis(100)))?;
    let path = clips.join(clip_name(buffer.source().as_str(), segment.start_utc_ns(), "wav"));
    let info = write_clip_with(&segment, &path, &ClipTags::new(buffer.source().as_str()), IfExists::Number)?;
    show("clip", format!("{} {info:?}", path.display()));
    let nowhere = path.join("x.wav");
    failed("clip", write_clip_with(&segment, &nowhere, &ClipTags::new(buffer.source().as_str()), IfExists::Fail))?;
    show_clips(registry, buffer, &mut writer, segment.start_utc_ns(), clips)
}
