//! Files that ffmpeg reads.

use capbuf::SampleFormat;

use super::check::{Files, Right, by_ffmpeg, decode, ffmpeg, is_refused, made};

#[test]
fn every_container_that_ffmpeg_reads() {
    let files = Files::new();
    for (name, options, format) in [
        ("s16.aiff", ["-c:a", "pcm_s16be"].as_slice(), SampleFormat::S16),
        ("s24.aiff", &["-c:a", "pcm_s24be"], SampleFormat::S24),
        ("compressed.aifc", &["-c:a", "pcm_mulaw", "-f", "aiff"], SampleFormat::S16),
        ("aac.m4a", &["-c:a", "aac"], SampleFormat::F32),
        ("s16-alac.m4a", &["-c:a", "alac", "-sample_fmt", "s16p"], SampleFormat::S16),
        ("pcm.mov", &["-c:a", "pcm_s24le"], SampleFormat::S24),
        ("a.opus", &["-c:a", "libopus"], SampleFormat::F32),
        ("flac.oga", &["-c:a", "flac", "-sample_fmt", "s32"], SampleFormat::S24),
        ("s32.caf", &["-c:a", "pcm_s32be"], SampleFormat::S32),
        ("f64.caf", &["-c:a", "pcm_f64le"], SampleFormat::F32),
        ("a.w64", &["-c:a", "pcm_s24le"], SampleFormat::S24),
        ("a.au", &["-c:a", "pcm_f32be"], SampleFormat::F32),
        ("a.mp2", &["-c:a", "mp2"], SampleFormat::F32),
        ("ms.wav", &["-c:a", "adpcm_ms"], SampleFormat::S16),
        ("ima.wav", &["-c:a", "adpcm_ima_wav"], SampleFormat::S16),
        ("mp3-in.wav", &["-c:a", "libmp3lame"], SampleFormat::F32),
        ("a.aac", &["-c:a", "aac", "-f", "adts"], SampleFormat::F32),
        ("flac.mkv", &["-c:a", "flac", "-sample_fmt", "s16"], SampleFormat::S16),
        ("opus.webm", &["-c:a", "libopus"], SampleFormat::F32),
        ("a.mka", &["-c:a", "pcm_s16le"], SampleFormat::S16),
        ("a.ts", &["-c:a", "aac"], SampleFormat::F32),
        ("a.avi", &["-c:a", "pcm_s16le"], SampleFormat::S16),
    ] {
        let path = made(&files, name, options);
        let found = decode(&path);
        let of = by_ffmpeg(&path, 2);
        let frames = of.len() / 2;
        assert!(frames > 40_000, "{name}: {frames} frames");
        Right { of: &of, kept: vec![0..frames], reason: None, tolerance: 1e-7 }.check(name, &found);
        assert_eq!(found.map(|found| found.format), Ok(format), "{name}");
    }
}

#[test]
fn file_names_no_other_file() {
    let files = Files::new();
    let audio = made(&files, "audio.m4a", &["-c:a", "aac"]);
    let audio = audio.to_str().expect("UTF-8");
    let page = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{audio}\n#EXT-X-ENDLIST\n");
    let session = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n";
    let dash = format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT1S\"><Period><AdaptationSet contentType=\"audio\"><Representation id=\"0\" \
         bandwidth=\"1\"><BaseURL>{audio}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    );
    for (name, content) in [
        ("list.m3u8", page.as_str()),
        ("list.ffconcat", &format!("ffconcat version 1.0\nfile '{audio}'\n")),
        ("session.sdp", session),
        ("list.mpd", &dash),
        ("picture.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
    ] {
        let found = decode(&files.write(name, content.as_bytes()));
        is_refused(name, &found, "not audio in a known format: it is no WAV, FLAC, Ogg Vorbis or MP3");
        let reason = found.expect_err("refused").to_string();
        assert!(!reason.contains("whitelist") && reason.len() < 300, "{name}: {reason}");
    }
}

#[test]
fn best_track_of_several_is_read() {
    let files = Files::new();
    let path = files.path("tracks.mka");
    let inputs = ["-f", "lavfi", "-i", "sine=300:d=1:r=48000", "-f", "lavfi", "-i", "aevalsrc=0.1|0.2|0.3:s=48000:d=1"];
    ffmpeg(&[inputs.as_slice(), &["-map", "0", "-map", "1", "-c:a", "pcm_s16le"]].concat(), &path);
    ffmpeg(
        &["-i", path.to_str().expect("UTF-8"), "-map", "0", "-c", "copy", "-disposition:a", "0"],
        &files.path("none.mka"),
    );
    let found = decode(&files.path("none.mka")).expect("audio");
    assert_eq!((found.channels, found.samples.len()), (3, 3 * 48_000));
    // A track that is marked as the default one comes first.
    ffmpeg(
        &[
            "-i",
            path.to_str().expect("UTF-8"),
            "-map",
            "0",
            "-c",
            "copy",
            "-disposition:a:0",
            "default",
            "-disposition:a:1",
            "0",
        ],
        &files.path("first.mka"),
    );
    assert_eq!(decode(&files.path("first.mka")).map(|found| found.channels), Ok(1));
}
