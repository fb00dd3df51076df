//! Stations: the last configuration is recorded, and unchanged sources are not touched.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use capbuf::{CaptureBuffer, GapReason, Length, ReadOptions, Registry, SampleFormat, Span};
use capbuf_capture::{Backoff, CaptureOptions, Error, SourceConfig, State, Station, Watchdog, WhenGone};

use crate::machine;
use crate::waiting::wait_until;

fn options(seconds: f64) -> CaptureOptions {
    CaptureOptions::new().length(Length::Seconds(seconds)).sample_rate_hz(8000)
}

fn config(name: &str, seconds: f64) -> SourceConfig {
    machine::watch();
    SourceConfig::new(name, "position:").options(options(seconds))
}

fn buffer(station: &Station, name: &str) -> CaptureBuffer {
    let mut found = None;
    wait_until("it runs", || {
        found = station.sources().into_iter().find(|source| source.name == name && source.is_running());
        found.as_ref().is_some_and(|source| source.buffer.as_ref().is_some_and(|buffer| !buffer.frames().is_empty()))
    });
    found.and_then(|source| source.buffer).expect("a buffer")
}

/// All samples in a buffer, and the number of the first frame.
fn everything(buffer: &CaptureBuffer) -> (u64, Vec<i16>) {
    let frames = buffer.frames();
    let read = buffer.read_with(Span::Frames(frames), &ReadOptions::new().available()).expect("all of it");
    (read.first_frame(), read.samples().get::<i16>().expect("s16").to_vec())
}

/// The reasons of the gaps in a buffer.
fn reasons(buffer: &CaptureBuffer) -> Vec<GapReason> {
    let read = buffer.read_with(Span::Frames(buffer.frames()), &ReadOptions::new().available()).expect("all of it");
    machine::gaps(&read).into_iter().map(|(_, reason)| reason).collect()
}

/// Checks that the position signal is continuous.
fn assert_unbroken(samples: &[i16]) {
    let broken = samples.windows(2).position(|pair| pair[1].wrapping_sub(pair[0]) != 40_503_u16.cast_signed());
    assert_eq!(broken, None);
}

/// Checks that a source has lost no frame since its start.
fn assert_untouched(buffer: &CaptureBuffer) {
    let (first, samples) = everything(buffer);
    assert_eq!(samples.first(), Some(&(first as u16).wrapping_mul(40_503).cast_signed()), "at frame {first}");
    assert_unbroken(&samples);
    assert_eq!(reasons(buffer), []);
}

#[test]
fn unchanged_source_loses_no_frame_and_the_same_configuration_changes_nothing() {
    let station = Station::new(&Registry::private());
    let changes = station.reconfigure(&[config("a", 5.0), config("b", 5.0)]).expect("two");
    assert_eq!(changes.started, ["a", "b"]);
    let a = buffer(&station, "a");
    assert!(station.reconfigure(&[config("b", 5.0), config("a", 5.0)]).expect("the same").is_empty());
    let changes = station.reconfigure(&[config("a", 5.0), config("c", 1.0)]).expect("another");
    assert_eq!(
        (changes.unchanged, changes.started, changes.stopped),
        (vec!["a".into()], vec!["c".into()], vec!["b".into()])
    );
    assert!(buffer(&station, "a").same_as(&a) && !a.is_removed());
    let newest = a.frames().end;
    wait_until("more of it", || a.frames().end > newest + 1000);
    assert_untouched(&a);
}

#[test]
fn invalid_configuration_changes_nothing_and_names_the_source() {
    let registry = Registry::builder().budget_bytes(10_000_000).max_buffer_bytes(5_000_000).build();
    let station = Station::new(&registry);
    station.reconfigure(&[config("a", 5.0)]).expect("one");
    let bad = SourceConfig::new;
    for (second, reason) in [
        (config("a", 6.0), "source a: the name is given twice"),
        (bad("", "tone:440"), "source tone:440: "),
        (bad("x", "mic:1"), "source x: source \"mic:1\" is not understood"),
        (bad("x", "rtsp://me:sesame@"), "source x: "),
        (config("x", 0.0), "source x: length in seconds is 0"),
        (config("x", 500.0), "source x: 500 s"),
    ] {
        let error = station.reconfigure(&[config("a", 5.0), second]).expect_err(reason).to_string();
        assert!(error.contains(reason) && !error.contains("sesame"), "{error}");
        assert_eq!(station.sources().len(), 1);
    }
    let many: Vec<_> = (0..3).map(|number| config(&number.to_string(), 300.0)).collect();
    let error = station.reconfigure(&many).expect_err("14.4 MB");
    assert!(matches!(&error, Error::Config { source_name, .. } if source_name == "2"), "{error}");
    assert!(error.to_string().contains("the budget is 10000000"), "{error}");
    let a = buffer(&station, "a");
    assert_untouched(&a);
}

#[test]
fn changed_length_carries_audio_over_and_old_handles_stay_readable() {
    let station = Station::new(&Registry::private());
    station.reconfigure(&[config("a", 2.0)]).expect("one");
    let old = buffer(&station, "a");
    wait_until("more than fits", || old.frames().end > 12_000);
    for (seconds, most) in [(1.0, 8000), (300.0, 2_400_000)] {
        let before = buffer(&station, "a");
        let changes = station.reconfigure(&[config("a", seconds)]).expect("another length");
        assert_eq!((changes.resized, changes.started.len()), (vec!["a".to_owned()], 0));
        assert!(before.is_removed());
        let new = buffer(&station, "a");
        assert_eq!(new.spec().length_frames(), most);
        let (_, of_old) = everything(&before);
        // Read at once: the carried audio of the short buffer is overwritten within a second.
        let newest = new.read_with(Span::Frames(0..1), &ReadOptions::new().available()).expect("its beginning");
        if let Some(first) = newest.samples().get::<i16>().and_then(<[i16]>::first) {
            let kept = of_old.len().min(most as usize);
            assert_eq!(*first, of_old[of_old.len() - kept], "the newest audio that fits");
        }
        wait_until("new audio", || new.gaps() > 0);
    }
    // The larger one has the carried audio at its times, a gap, and new audio.
    let new = buffer(&station, "a");
    let segment = new.read_with(Span::Frames(0..new.frames().end), &ReadOptions::new().available()).expect("all");
    assert!(!segment.gaps().is_empty());
    let reasons = reasons(&new);
    assert!(reasons.iter().all(|reason| *reason == GapReason::Reconfigured) && !reasons.is_empty(), "{reasons:?}");
    let (_, of_old) = everything(&old);
    assert_unbroken(&of_old);
}

#[test]
fn changed_format_starts_a_new_buffer() {
    let station = Station::new(&Registry::private());
    station.reconfigure(&[config("a", 2.0)]).expect("one");
    let old = buffer(&station, "a");
    let float = config("a", 2.0).options(options(2.0).format(SampleFormat::F32));
    let changes = station.reconfigure(&[float]).expect("another format");
    assert_eq!(changes.reformatted, ["a"]);
    assert!(old.is_removed() && everything(&old).1.len() as u64 == old.frames().end.min(16_000));
    assert_eq!(buffer(&station, "a").spec().format(), SampleFormat::F32);
}

#[test]
fn changed_locator_continues_in_the_same_buffer() {
    let registry = Registry::private();
    let station = Station::new(&registry);
    station.reconfigure(&[config("a", 300.0)]).expect("one");
    let before = buffer(&station, "a");
    let tone = SourceConfig::new("a", "tone:440").options(options(300.0));
    assert_eq!(station.reconfigure(&[tone]).expect("another source").restarted, ["a"]);
    assert!(buffer(&station, "a").same_as(&before));
    wait_until("its gap", || !reasons(&before).is_empty());
    assert_eq!(reasons(&before), [GapReason::Reconfigured]);
    assert_eq!(registry.stats().rings_mapped, 1);
}

#[test]
fn loss_after_a_reconfiguration_has_the_reason_of_the_loss() {
    let station = Station::new(&Registry::private());
    station.reconfigure(&[config("a", 300.0)]).expect("one");
    let before = buffer(&station, "a");
    // Its watchdog rejects silence, which this gain makes of all samples.
    let options = options(300.0)
        .gain_db(-100.0)
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(10)))
        .watchdog(Watchdog::new().silence_for(Some(Duration::from_millis(300))));
    let silent = SourceConfig::new("a", "tone:440").options(options);
    assert_eq!(station.reconfigure(&[silent]).expect("another source").restarted, ["a"]);
    wait_until("it is lost and opened again", || reasons(&before).len() >= 2);
    assert_eq!(reasons(&before)[..2], [GapReason::Reconfigured, GapReason::SourceLost]);
}

#[test]
fn buffer_of_a_removed_source_is_removed_or_kept_as_configured() {
    let registry = Registry::private();
    let station = Station::new(&registry);
    station.reconfigure(&[config("goes", 1.0), config("stays", 300.0).when_gone(WhenGone::Keep)]).expect("two");
    buffer(&station, "goes");
    let stays = buffer(&station, "stays");
    station.reconfigure(&[]).expect("none");
    assert!(!registry.contains("goes") && registry.contains("stays"));
    let kept = stays.frames().end;
    assert_eq!(stays.status().health.map(|health| health.state.name()), Some("stopped"));
    // A kept buffer is used again.
    station.reconfigure(&[config("stays", 300.0)]).expect("one");
    assert!(buffer(&station, "stays").same_as(&stays));
    wait_until("new audio", || stays.frames().end > kept);
    // The source did not run meanwhile, so the reason is that of another writer.
    assert_eq!(reasons(&stays), [GapReason::WriterChanged]);
}

#[test]
fn finished_source_is_restarted_by_the_same_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("short.wav");
    crate::sounds::tone(&path, 8000, 1);
    let short = [SourceConfig::new("short", format!("file:{}", path.display()))];
    let station = Station::new(&Registry::private());
    station.reconfigure(&short).expect("one");
    let state = || station.sources()[0].state.clone();
    wait_until("its end", || state() == State::Finished);
    assert_eq!(station.reconfigure(&short).expect("again").restarted, ["short"]);
    wait_until("its end", || state() == State::Finished);
}

/// A pseudorandom sequence, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn concurrent_reconfigurations_end_with_the_last_one() {
    let rounds = if std::env::var_os("CAPBUF_LONG").is_some() { 250 } else { 25 };
    let registry = Registry::builder().commit_ahead(false).build();
    let station = Station::new(&registry);
    // Ten sources are never changed.
    let always: Vec<_> = (0..10).map(|number| config(&format!("always {number}"), 60.0)).collect();
    station.reconfigure(&always).expect("ten");
    let unchanged: Vec<_> = always.iter().map(|config| buffer(&station, config.name())).collect();
    // The last configuration of each thread; one of them was applied last.
    let last_configured = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (station, always, last_configured) = (&station, &always, &last_configured);
            scope.spawn(move || {
                let (mut numbers, mut last) = (Numbers(thread), BTreeSet::new());
                for _ in 0..rounds {
                    let mut wanted = always.clone();
                    for number in 0..40 {
                        if numbers.below(2) == 0 {
                            wanted.push(config(&format!("some {number}"), 0.5 + numbers.below(3) as f64 / 4.0));
                        }
                    }
                    let changes = station.reconfigure(&wanted).expect("valid");
                    assert_eq!(changes.unchanged.iter().filter(|name| name.starts_with("always")).count(), 10);
                    last = wanted.iter().map(|config| config.name().to_owned()).collect::<BTreeSet<_>>();
                }
                last_configured.lock().expect("no panic").push(last);
            });
        }
    });
    let last_configured = last_configured.into_inner().expect("no panic");
    let running: BTreeSet<_> = station.sources().into_iter().map(|source| source.name).collect();
    assert!(last_configured.contains(&running), "{running:?} is none of {last_configured:?}");
    for (config, before) in always.iter().zip(&unchanged) {
        let now = buffer(&station, config.name());
        assert!(now.same_as(before));
        assert_untouched(&now);
    }
    // No buffer is left behind.
    drop(unchanged);
    assert!(station.stop() && station.sources().is_empty());
    station.reconfigure(&[]).expect("none");
    // Only after the stop: sources that are being opened may still allocate.
    let names: BTreeSet<_> = registry.buffers().iter().map(|buffer| buffer.source().as_str().to_owned()).collect();
    assert!(names.is_subset(&running));
    for name in names {
        // A stopped station does not remove buffers.
        let _ = registry.remove(&name);
    }
    wait_until("all memory is freed", || registry.stats().bytes == 0);
}
