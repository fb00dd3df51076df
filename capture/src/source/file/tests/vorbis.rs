//! Oddities of Ogg Vorbis.

use std::ops::Range;

use super::check::{Files, Right, by_ffmpeg, decode, is_refused, made};

const TOLERANCE: f64 = 1e-5;

/// Returns the pages of a file.
fn pages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"OggS\0")).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| bytes[*start..end].to_vec()).collect()
}

fn granule(page: &[u8]) -> usize {
    i64::from_le_bytes(page[6..14].try_into().expect("eight bytes")) as usize
}

#[test]
fn oddities() {
    let files = Files::new();
    // Pages of a tenth of a second.
    let options = ["-c:a", "libvorbis", "-q:a", "4", "-page_duration", "100000"];
    let original = made(&files, "original.ogg", &options);
    let bytes = std::fs::read(&original).expect("a file");
    let parts = pages(&bytes);
    let frames = granule(&parts[parts.len() - 1]);
    assert_eq!(frames, 44_100);
    let path = |name: &str| format!("{}.ogg", name.replace(' ', "-"));
    let decoded = |name: &str, bytes: &[u8]| decode(&files.write(&path(name), bytes));
    // ffmpeg leaves out the end, which sox and the page have.
    let read = by_ffmpeg(&original, 2);
    let of = decoded("plain", &bytes).expect("audio").samples;
    assert_eq!(of.len(), 2 * frames);
    assert!(read.len() > 2 * 43_000 && read.iter().zip(&of).all(|(a, b)| (a - b).abs() <= TOLERANCE));

    let check_all = |name: &str, bytes: &[u8], of: &[f64], kept: &[Range<usize>], reason: Option<&'static str>| {
        Right { of, kept: kept.to_vec(), reason, tolerance: TOLERANCE }.check(name, &decoded(name, bytes));
    };
    let all = [0..frames];
    let check = |name: &str, pages: &[Vec<u8>], kept: &[Range<usize>], reason: Option<&'static str>| {
        check_all(name, &pages.concat(), &of, kept, reason);
    };
    let edited = |edit: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut pages = parts.clone();
        edit(&mut pages);
        pages
    };
    check("plain", &parts, &all, None);
    let tag = [b"ID3\x03\0\0\0\x7f\x7f\x7f".as_slice(), &vec![0xff; (1 << 21) - 1]].concat();
    check("ID3v2", &edited(&|pages| pages.insert(0, tag.clone())), &all, None);
    check("ID3v1", &edited(&|pages| pages.push([b"TAG".as_slice(), &[b'x'; 125]].concat())), &all, None);
    check("something behind", &edited(&|pages| pages.push(b"no page ".repeat(100))), &all, None);
    check("something between pages", &edited(&|pages| pages.insert(5, b"Ogg".repeat(100))), &all, None);
    check("page of another stream", &edited(&|pages| pages.insert(5, other_stream(&parts[5]))), &all, None);

    // Pages are lost: the gap begins with the last whole page before, and ends with the second
    // whole packet behind: the first one is half of what it takes.
    let lost = |name: &str, range: Range<usize>, edit: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let found = decoded(name, &edited(edit).concat()).expect("audio");
        assert_eq!(found.reason, None, "{name}");
        let [(first, lost)] = found.gaps[..] else { panic!("{name}: {:?}", found.gaps) };
        assert_eq!(first, granule(&parts[range.start - 1]), "{name}");
        let (end, least) = (first + lost as usize, granule(&parts[range.end - 1]));
        assert!((least..least + 3000).contains(&end), "{name}: to {end}, at least {least}");
        Right { of: &of, kept: vec![0..first, end..frames], reason: None, tolerance: TOLERANCE }
            .check(name, &Ok(found));
    };
    lost("flip in a page", 5..6, &|pages| pages[5][300] ^= 4);
    lost("flip in a position", 6..7, &|pages| pages[6][7] ^= 4);
    lost("flip in a capture pattern", 5..6, &|pages| pages[5][2] ^= 4);
    lost("flip in the lacing", 5..6, &|pages| pages[5][27] ^= 1);
    lost("page cut out", 7..8, &|pages| drop(pages.remove(7)));
    lost("pages cut out", 5..9, &|pages| drop(pages.drain(5..9)));
    lost("page overwritten", 8..9, &|pages| pages[8].fill(0x4f));

    let cut = edited(&|pages| {
        pages.truncate(9);
        let half = pages[8].len() / 2;
        pages[8].truncate(half);
    });
    check("cut off within a page", &cut, &[0..granule(&parts[7])], Some("it is cut off"));
    check("cut off behind a page", &parts[..8], &[0..granule(&parts[7])], None);

    // A position before that of the page before says nothing.
    let back = |page: usize| {
        edited(&|pages| {
            pages[page][6..14].copy_from_slice(&100_i64.to_le_bytes());
            pages[page] = with_checksum(std::mem::take(&mut pages[page]));
        })
    };
    check("position too small", &back(6), &all, None);
    let found = decoded("position of the last page too small", &back(parts.len() - 1).concat()).expect("audio");
    assert!((frames..frames + 2048).contains(&(found.samples.len() / 2)), "{} frames", found.samples.len() / 2);
    assert!(found.samples.iter().zip(&of).all(|(a, b)| (a - b).abs() <= TOLERANCE) && found.gaps.is_empty());

    let twice = [of.as_slice(), &of].concat();
    let second = std::fs::read(made(&files, "second.ogg", &options)).expect("a file");
    let chained = [of.as_slice(), &decode(&files.path("second.ogg")).expect("audio").samples].concat();
    check_all("two links", &[bytes.clone(), second].concat(), &chained, &[0..2 * frames], None);
    check_all("two links of one number", &[bytes.clone(), bytes.clone()].concat(), &twice, &[0..2 * frames], None);
    let unfinished =
        [parts[..parts.len() - 1].concat(), std::fs::read(files.path("second.ogg")).expect("a file")].concat();
    let found = decoded("two links, the first cut off", &unfinished).expect("audio");
    assert_eq!(
        (found.samples.len() / 2, found.gaps, found.reason),
        (granule(&parts[parts.len() - 2]) + frames, vec![], None)
    );
    let mono = std::fs::read(made(&files, "mono.ogg", &["-ac", "1", "-c:a", "libvorbis"])).expect("a file");
    let changes = "after 44100 frames it changes from 44100 Hz with 2 channels to 44100 Hz with 1 channel";
    check_all("mono behind", &[bytes.clone(), mono].concat(), &of, &all, Some(changes));
    let opus = std::fs::read(made(&files, "opus.ogg", &["-c:a", "libopus"])).expect("a file");
    check_all("Opus behind", &[bytes.clone(), opus].concat(), &of, &all, Some("a stream of another kind follows"));
    check_all(
        "WAV behind",
        &[bytes, b"RIFF\0\0\0\0WAVEfmt ".to_vec()].concat(),
        &of,
        &all,
        Some("another kind follows: WAV"),
    );
    is_refused("header only", &decoded("header only", &parts[..2].concat()), "it holds no audio");
    is_refused("header cut off", &decoded("header cut off", &parts[0]), "its header is cut off");
}

/// Returns a page with another serial number, and its checksum.
fn other_stream(page: &[u8]) -> Vec<u8> {
    let mut page = page.to_vec();
    page[14] ^= 0x55;
    with_checksum(page)
}

fn with_checksum(mut page: Vec<u8>) -> Vec<u8> {
    page[22..26].fill(0);
    let crc = page.iter().fold(0_u32, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte) << 24, |crc, _| if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 })
    });
    page[22..26].copy_from_slice(&crc.to_le_bytes());
    page
}

#[test]
fn every_layout() {
    let files = Files::new();
    for (name, options, channels) in [
        ("mono.ogg", ["-ac", "1"].as_slice(), 1),
        ("low.ogg", &["-ar", "8000"], 2),
        ("six-channels.ogg", &["-ac", "6"], 6),
        ("best.ogg", &["-q:a", "10", "-ar", "96000"], 2),
        ("long-pages.ogg", &["-page_duration", "10000000"], 2),
    ] {
        let path = made(&files, name, &[options, &["-c:a", "libvorbis"]].concat());
        let (of, found) = (by_ffmpeg(&path, channels), decode(&path));
        // ffmpeg leaves out up to a block at the end, or does not cut the only page to its length.
        let found = found.map(|mut found| {
            let (frames, read) = (found.samples.len() / channels, of.len() / channels);
            assert!(frames.abs_diff(read) < 2048, "{name}: {frames} frames, ffmpeg reads {read}");
            found.samples.truncate(of.len());
            found
        });
        let frames = found.as_ref().map_or(0, |found| found.samples.len() / channels);
        Right { of: &of, kept: vec![0..frames], reason: None, tolerance: TOLERANCE }.check(name, &found);
    }
}
