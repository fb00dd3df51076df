//! Triggers, and clips around a moment.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use capbuf::{Clock as _, ReadOptions, Registry, Span, SystemClock, Writer};
use capbuf_capture::{
    Capture, CaptureOptions, ClipInfo, Condition, Error, IfExists, Trigger, TriggerOptions, cut_clip, write_clip_with,
};

use crate::sounds::run;
use crate::waiting::{DEADLINE, wait_until};

const SECOND: Duration = Duration::from_secs(1);

type Clips = Receiver<Result<ClipInfo, Error>>;

fn begin(registry: &Registry, source: &str, options: TriggerOptions) -> (Trigger, Clips) {
    let (sender, clips) = channel();
    let on_clip = move |clip| drop(sender.send(clip));
    (Trigger::begin(registry, source, options, on_clip).expect("valid options"), clips)
}

fn next(clips: &Clips) -> ClipInfo {
    clips.recv_timeout(DEADLINE).expect("a clip").expect("it was written")
}

/// Ends a trigger, which writes pending clips, and checks that there are none.
fn assert_no_more(trigger: Trigger, clips: &Clips) {
    drop(trigger);
    assert_eq!(clips.iter().collect::<Vec<_>>(), []);
}

/// The samples of a clip, read by sox.
fn samples(path: &Path) -> Vec<i16> {
    let raw = path.with_extension("raw");
    run("sox", &["-D", path.to_str().expect("UTF-8"), "-t", "raw", "-b16", "-esigned", raw.to_str().expect("UTF-8")]);
    let bytes = std::fs::read(raw).expect("raw samples");
    bytes.chunks(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect()
}

#[test]
fn fired_trigger_cuts_audio_from_before_and_after() {
    let registry = Registry::private();
    let capture = Capture::start(&registry, "position:", &CaptureOptions::new()).expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    let options = TriggerOptions::new(folder.path()).before(SECOND / 2).after(SECOND);
    let (trigger, clips) = begin(&registry, "position:", options);
    wait_until("half a second", || capture.buffer().frames().end > 24_000);
    let at_ns = SystemClock.utc_ns();
    trigger.fire(at_ns);
    let clip = next(&clips);
    // Capture times are an estimate.
    assert!(clip.frames.abs_diff(72_000) <= 100 && clip.missing.not_yet_frames == 0, "{clip:?}");
    assert!((clip.start_utc_ns - (at_ns - 500_000_000)).abs() < 30_000, "{clip:?}");
    let span = Span::Time(at_ns - 500_000_000..at_ns + 1_000_000_000);
    let read = |silence| capture.buffer().read_with(span.clone(), &ReadOptions::new().silence(silence));
    assert_eq!(read(true).expect("all of it").samples().get::<i16>(), Some(&samples(&clip.path)[..]));
    let heard = read(false).expect("all of it");
    let heard = heard.samples().get::<i16>().expect("s16");
    assert!(heard.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 40_503_u16.cast_signed()), "unbroken");
}

#[test]
fn overlapping_firings_are_one_clip_and_distant_ones_are_two() {
    let registry = Registry::private();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(20.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("yard", spec).expect("a buffer");
    let folder = tempfile::tempdir().expect("a folder");
    let options = TriggerOptions::new(folder.path()).before(SECOND / 5).after(SECOND / 5).flac();
    let (trigger, clips) = begin(&registry, "yard", options);
    let start_ns = SystemClock.utc_ns();
    for at_ms in [500, 700, 800, 2000] {
        trigger.fire(start_ns + at_ms * 1_000_000);
    }
    // The audio comes after the firings, so the trigger has seen all of them when it cuts.
    quiet_loud_quiet(buffer.writer().expect("a writer"), start_ns);
    let frames: Vec<_> = (0..2).map(|_| next(&clips).frames).collect();
    // From 0.3 s to 1.0 s, and from 1.8 s to 2.2 s.
    assert_eq!(frames, [5600, 3200]);
    assert_no_more(trigger, &clips);
}

#[test]
fn clips_of_one_name_are_as_many_files() {
    let registry = Registry::private();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(20.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let folder = tempfile::tempdir().expect("a folder");
    let start_ns = SystemClock.utc_ns();
    // One source with several triggers, and sources whose names are alike in file names.
    let sources = ["nest box", "nest-box", "nest/box", "nest box", "\u{1f989}", "\u{1f426}", "nest box"];
    let options = TriggerOptions::new(folder.path()).before(SECOND / 5).after(SECOND / 5);
    let triggers: Vec<_> = sources.iter().map(|source| begin(&registry, source, options.clone())).collect();
    for source in &sources {
        let buffer = registry.get_or_allocate(source, spec).expect("a buffer");
        if buffer.frames().end == 0 {
            quiet_loud_quiet(buffer.writer().expect("a writer"), start_ns);
        }
    }
    triggers.iter().for_each(|(trigger, _)| trigger.fire(start_ns + 1_000_000_000));
    let mut paths: Vec<_> = triggers.iter().map(|(_, clips)| next(clips).path).collect();
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    files.sort();
    assert_eq!(files.len(), sources.len());
    assert_eq!(paths, files);
}

/// Writes a quiet second, a loud one, and a quiet one, in one burst.
fn quiet_loud_quiet(mut writer: Writer, start_ns: i64) {
    for tenth in 0..30_i64 {
        let loud = (10..20).contains(&tenth);
        let amplitude = if loud { 16_000.0 } else { 16.0 };
        let tone = |n: i64| (amplitude * (n as f64 * std::f64::consts::TAU / 16.0).sin()) as i16;
        let chunk: Vec<i16> = (0..800).map(|n| tone(tenth * 800 + n)).collect();
        writer.write_at(&chunk, start_ns + tenth * 100_000_000).expect("it is written");
    }
}

#[test]
fn loud_event_is_one_clip_that_starts_before_it() {
    let registry = Registry::private();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(20.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("yard", spec).expect("a buffer");
    let folder = tempfile::tempdir().expect("a folder");
    let half = SECOND / 2;
    let loud = Condition::louder_than(-20.0).between(300.0, 1000.0);
    let options = TriggerOptions::new(folder.path()).when(loud).before(half).after(half);
    let (trigger, clips) = begin(&registry, "yard", options);
    let start_ns = SystemClock.utc_ns() - 3_000_000_000;
    quiet_loud_quiet(buffer.writer().expect("a writer"), start_ns);
    let clip = next(&clips);
    // From half a second before the loud second until half a second after its last tenth began.
    let from_ms = (clip.start_utc_ns - start_ns) / 1_000_000;
    assert!((300..=700).contains(&from_ms), "{from_ms} ms");
    let ms = clip.frames / 8;
    assert!((1700..=2100).contains(&ms), "{ms} ms");
    assert_no_more(trigger, &clips);
}

#[test]
fn event_longer_than_the_buffer_becomes_clips_that_lose_nothing() {
    let registry = Registry::private();
    let options = CaptureOptions::new().sample_rate_hz(8000).length(capbuf::Length::Seconds(4.0));
    let _capture = Capture::start(&registry, "tone:440", &options).expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    // Always loud, and clips of up to a minute are asked for.
    let options = TriggerOptions::new(folder.path()).when(Condition::louder_than(-40.0));
    let (_trigger, clips) = begin(&registry, "tone:440", options.before(SECOND / 2).after(SECOND / 2));
    let (first, second) = (next(&clips), next(&clips));
    assert_eq!(second.missing, capbuf::Missing::default(), "{second:?}");
    let end_ns = first.start_utc_ns + first.frames as i64 * 125_000;
    assert!((second.start_utc_ns - end_ns).abs() < 1_000_000, "{first:?} {second:?}");
}

#[test]
fn new_buffer_is_processed_without_the_audio_of_the_old_one() {
    let registry = Registry::private();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(20.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let allocate = || registry.get_or_allocate("yard", spec).expect("a buffer");
    // Recent times: the trigger does not wait for overdue audio.
    let start_ns = SystemClock.utc_ns();
    let second = SECOND.as_nanos() as i64;
    let folder = tempfile::tempdir().expect("a folder");
    let options = TriggerOptions::new(folder.path()).before(SECOND / 10).after(SECOND / 10).at_most(SECOND * 3);
    let options = options.when(Condition::louder_than(-20.0).between(300.0, 1000.0));
    let old = allocate();
    quiet_loud_quiet(old.writer().expect("a writer"), start_ns);
    let (trigger, clips) = begin(&registry, "yard", options);
    quiet_loud_quiet(old.writer().expect("a writer"), start_ns + 3 * second);
    let heard = next(&clips);
    assert!((heard.start_utc_ns - start_ns - 4 * second).abs() < second / 2, "audio from before the start: {heard:?}");
    // As by a station that changes the length of the buffer.
    registry.remove("yard").expect("it is there");
    let new = allocate();
    quiet_loud_quiet(new.writer().expect("a writer"), start_ns + 3 * second);
    quiet_loud_quiet(new.writer().expect("a writer"), start_ns + 6 * second);
    let heard = next(&clips);
    assert!(
        (heard.start_utc_ns - start_ns - 7 * second).abs() < second / 2,
        "{} {heard:?}",
        (heard.start_utc_ns - start_ns) / 1_000_000
    );
    assert_no_more(trigger, &clips);
}

#[test]
fn clip_of_a_lost_source_has_the_audio_until_then() {
    let registry = Registry::private();
    let capture = Capture::start(&registry, "tone:440", &CaptureOptions::new()).expect("it starts");
    let buffer = capture.buffer().clone();
    wait_until("half a second", || buffer.frames().end > 24_000);
    assert!(capture.stop());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.wav");
    let died_ns = buffer.status().newest_utc_ns.expect("it ran");
    let clip = std::thread::scope(|scope| {
        let cut = scope.spawn(|| cut_clip(&buffer, died_ns, SECOND, SECOND, &path));
        // A removed buffer is not waited for.
        registry.remove("tone:440").expect("it is there");
        cut.join().expect("no panic").expect("it is written")
    });
    assert!(clip.frames > 0 && clip.missing.not_yet_frames > 24_000, "{clip:?}");
    assert_eq!(samples(&path).len() as u64, clip.frames);
}

#[test]
fn tags_have_source_time_and_gaps() {
    let registry = Registry::private();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(5.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let source = "rtsp://me:sesame@camera/1";
    let buffer = registry.get_or_allocate(source, spec).expect("a buffer");
    let mut writer = buffer.writer().expect("a writer");
    writer.set_latency(44_000_000);
    writer.write_at(&[1_i16; 8001], 1_800_000_000_167_000_000).expect("it is written");
    writer.gap_for(capbuf::GapReason::PacketLoss, Duration::from_millis(250));
    writer.write_at(&[2_i16; 8000], 1_800_000_001_417_125_000).expect("it is written");
    let last = buffer.read(Span::Last(Duration::from_secs(2))).expect("two seconds");
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["clip.wav", "clip.flac"] {
        let path = folder.path().join(name);
        let clip = write_clip_with(&last, &path, &capbuf_capture::ClipTags::new(source), IfExists::Fail)
            .expect("it is written");
        let path = path.to_str().expect("UTF-8");
        let tags = run("ffprobe", &["-v", "error", "-show_entries", "format_tags", "-of", "default=nw=1", path]);
        let tags = tags.to_lowercase();
        assert!(tags.contains("@camera/1"), "{tags}");
        assert!(!tags.contains("sesame"), "{tags}");
        assert!(tags.contains("date=2027-01-15t08:00:00.3"), "{tags}");
        assert!(tags.contains("comment=gaps: 1: at frame ") && tags.contains(" 250 ms, packet loss"), "{tags}");
        assert!(tags.contains("; times: device, ±") && tags.contains(" ms, 44 ms taken off"), "{tags}");
        assert_eq!((clip.timing, clip.timing.latency_ns), (last.timing(), 44_000_000));
        assert_eq!(run("soxi", &["-s", path]).trim(), clip.frames.to_string());
        let header = std::fs::read(path).expect("the file");
        if name.ends_with("wav") {
            let riff_bytes = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
            assert_eq!(u64::from(riff_bytes) + 8, header.len() as u64, "the size in the header");
        }
    }
}

#[test]
fn invalid_options_are_refused() {
    let registry = Registry::private();
    let options = || TriggerOptions::new(".");
    for (options, reason) in [
        (options().before(Duration::ZERO).after(Duration::ZERO), "no length"),
        (options().at_most(SECOND), "allowed: 8s"),
        (options().when(Condition::louder_than(3.0)), "-200 to 0"),
    ] {
        let error = Trigger::begin(&registry, "x", options, |_| {}).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn options_that_do_not_suit_the_buffer_are_refused() {
    use capbuf::{Length, SampleFormat, Spec};

    let registry = Registry::private();
    let allocate = |source: &str, channels: u16, format: SampleFormat| {
        let spec = Spec::new(Length::Seconds(10.0), 16_000, channels, format).expect("a spec");
        registry.get_or_allocate(source, spec).expect("a buffer")
    };
    let held = [
        allocate("yard", 1, SampleFormat::S16),
        allocate("wide", 9, SampleFormat::S16),
        allocate("deep", 1, SampleFormat::S32),
    ];
    let options = || TriggerOptions::new(".");
    let band = |low, high| options().when(Condition::louder_than(-20.0).between(low, high));
    for (source, options, reason) in [
        ("yard", band(2000.0, 9000.0), "allowed: up to 8000 Hz, half the sample rate"),
        ("wide", options().flac(), "flac can't store 9 channels; allowed: up to 8"),
        ("deep", options().flac(), "flac can't store s32"),
    ] {
        let error = Trigger::begin(&registry, source, options, |_| {}).expect_err(reason).to_string();
        assert!(error.starts_with(&format!("source {source}: ")) && error.contains(reason), "{error}");
    }
    // A clip longer than the buffer can't be whole: the check refuses it, a trigger cuts what there
    // is.
    let too_long = options().before(SECOND * 11);
    let reason = too_long.check_spec(held[0].spec()).expect_err("longer than the buffer");
    assert!(reason.ends_with("allowed: up to the 10s of the buffer"), "{reason}");
    let band_and_flac = band(2000.0, 8000.0).flac();
    for (source, options) in [("yard", band_and_flac), ("yard", too_long), ("wide", options()), ("deep", options())] {
        drop(Trigger::begin(&registry, source, options, |_| {}).expect("they suit"));
    }
    // A later buffer without a frequency of the band is reported, once.
    let (trigger, clips) = begin(&registry, "later", band(9000.0, 9500.0));
    let _later = allocate("later", 1, SampleFormat::S16);
    let error = clips.recv_timeout(DEADLINE).expect("an error").expect_err("no such band").to_string();
    assert!(error.contains("the band is 9000 to 9500 Hz; 16000 Hz has none above 8000"), "{error}");
    assert_no_more(trigger, &clips);
}

#[test]
fn trigger_reports_the_progress_of_its_clip() {
    let registry = Registry::private();
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(240.0), 48_000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("yard", spec).expect("a buffer");
    let mut writer = buffer.writer().expect("a writer");
    let start_ns = SystemClock.utc_ns() - 200_000_000_000;
    let second: Vec<i16> = (0..48_000_u32).map(|i| (i.wrapping_mul(2_654_435_769) >> 16) as i16).collect();
    let mut write = |second_of: i64| {
        writer.write_at(&second, start_ns + second_of * 1_000_000_000).expect("it is written");
    };
    (0..180).for_each(&mut write);
    let folder = tempfile::tempdir().expect("a folder");
    let options = TriggerOptions::new(folder.path()).before(60 * SECOND).after(60 * SECOND).at_most(240 * SECOND);
    let (trigger, clips) = begin(&registry, "yard", options.flac());
    trigger.fire(start_ns + 90_000_000_000);
    assert_eq!(trigger.writing(), None);
    // New audio shows the trigger that the clip is complete.
    let (mut progress, mut newest, mut clip) = (None, 180, None);
    wait_until("a clip", || {
        if progress.is_none() && newest < 200 {
            write(newest);
            newest += 1;
        }
        progress = progress.or(trigger.writing());
        clip = clips.try_recv().ok();
        if clip.is_some() && progress.is_none() {
            // This thread was delayed for the whole encoding: once more.
            trigger.fire(start_ns + 90_000_000_000);
        }
        clip.is_some() && progress.is_some()
    });
    let clip = clip.expect("a clip").expect("it was written");
    let progress = progress.expect("it was seen");
    assert!(
        progress.frames >= 48_000 && progress.frames <= progress.of_frames && progress.of_frames == clip.frames,
        "{progress:?}"
    );
    assert_eq!(trigger.writing(), None);
}

/// The writer of a buffer of ten minutes with a second of audio that ends now, and its start.
fn buffer_with_a_second(registry: &Registry, source: &str) -> (Writer, i64) {
    let spec = capbuf::Spec::new(capbuf::Length::Seconds(600.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
    let mut writer = registry.get_or_allocate(source, spec).expect("a buffer").writer().expect("a writer");
    let start_ns = SystemClock.utc_ns() - 1_000_000_000;
    writer.write_at(&[1_i16; 8000], start_ns).expect("it is written");
    (writer, start_ns)
}

#[test]
fn closed_trigger_writes_what_is_there_instead_of_waiting() {
    let registry = Registry::private();
    let (_writer, start_ns) = buffer_with_a_second(&registry, "yard");
    let folder = tempfile::tempdir().expect("a folder");
    // The clip would be complete long after the deadline of this test.
    let after = DEADLINE * 4;
    let options = TriggerOptions::new(folder.path()).before(SECOND).after(after).at_most(after * 2);
    // Once, within one clip, and far apart: the first clip is cut when the second one fires.
    for firings in [vec![500], vec![100, 200, 500], vec![500, 500_000]] {
        let (trigger, clips) = begin(&registry, "yard", options.clone());
        firings.iter().for_each(|at_ms| trigger.fire(start_ns + at_ms * 1_000_000));
        let closing = std::thread::spawn(move || drop(trigger));
        let clip = next(&clips);
        assert!((1..=8000).contains(&clip.frames) && clip.missing.not_yet_frames > 8000, "{clip:?}");
        let tags = run("ffprobe", &["-v", "error", "-show_entries", "format_tags", clip.path.to_str().expect("UTF-8")]);
        assert!(tags.contains("; missing at the end: "), "{tags}");
        closing.join().expect("it ends");
        std::fs::remove_file(clip.path).expect("the clip");
    }
}

#[test]
fn event_that_was_not_processed_yet_is_written_when_the_trigger_is_closed() {
    let registry = Registry::private();
    let (mut writer, start_ns) = buffer_with_a_second(&registry, "yard");
    let folder = tempfile::tempdir().expect("a folder");
    let options = TriggerOptions::new(folder.path()).when(Condition::louder_than(-20.0));
    let options = options.before(SECOND / 10).after(SECOND / 2);
    let (sender, clips) = channel();
    let (resume, resumed) = channel::<()>();
    let on_clip = move |clip: Result<ClipInfo, Error>| {
        let _ = sender.send(clip);
        // Until the end of the test holds the trigger's thread no more.
        let _ = resumed.recv();
    };
    let trigger = Trigger::begin(&registry, "yard", options, on_clip).expect("valid options");
    trigger.fire(start_ns + 500_000_000);
    // Quiet audio, after which the first clip is settled.
    writer.write_at(&[1_i16; 8000], start_ns + 1_000_000_000).expect("it is written");
    assert!(next(&clips).missing.not_yet_frames == 0);
    let loud = [[20_000_i16; 800], [1; 800]].concat();
    writer.write_at(&loud, start_ns + 2_000_000_000).expect("it is written");
    trigger.request_stop();
    drop(resume);
    let clip = next(&clips);
    assert!(clip.frames >= 800 && clip.missing.not_yet_frames > 0, "{clip:?}");
    wait_until("its end", || trigger.has_ended());
}

#[test]
fn finished_trigger_writes_all_of_its_pending_clip() {
    let registry = Registry::private();
    let (mut writer, start_ns) = buffer_with_a_second(&registry, "yard");
    let folder = tempfile::tempdir().expect("a folder");
    let (trigger, clips) =
        begin(&registry, "yard", TriggerOptions::new(folder.path()).before(SECOND / 2).after(SECOND));
    trigger.fire(start_ns + 500_000_000);
    trigger.request_finish();
    assert!(!trigger.has_ended());
    writer.write_at(&[2_i16; 8000], start_ns + 1_000_000_000).expect("it is written");
    let clip = next(&clips);
    assert!(clip.frames.abs_diff(12_000) <= 10 && clip.missing.is_none(), "{clip:?}");
    wait_until("its end", || trigger.has_ended());
    assert_no_more(trigger, &clips);
}

#[test]
fn firing_of_a_source_without_audio_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trigger, clips) = begin(&Registry::private(), "yard", TriggerOptions::new(folder.path()));
    trigger.fire(SystemClock.utc_ns());
    drop(trigger);
    let error = clips.iter().next().expect("one").expect_err("there is no audio").to_string();
    assert!(error.contains("yard_") && error.ends_with("there is no audio yet"), "{error}");
}

#[test]
fn trigger_may_be_dropped_in_its_own_callback() {
    let registry = Registry::private();
    let capture = Capture::start(&registry, "tone:440", &CaptureOptions::new()).expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    let (give, given) = channel::<Trigger>();
    let (sender, ended) = channel();
    let on_clip = move |_| {
        drop(given.recv().expect("the trigger"));
        sender.send(()).expect("the test waits");
    };
    let options = TriggerOptions::new(folder.path()).before(SECOND / 10).after(SECOND / 10);
    let trigger = Trigger::begin(&registry, "tone:440", options, on_clip).expect("valid options");
    wait_until("audio", || capture.buffer().frames().end > 4800);
    trigger.fire(SystemClock.utc_ns());
    give.send(trigger).expect("the callback waits");
    ended.recv_timeout(DEADLINE).expect("no deadlock, no panic");
}
