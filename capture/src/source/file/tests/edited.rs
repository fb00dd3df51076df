//! Edits of files that ffmpeg reads: what comes out is what ffmpeg decodes, and whatever is lost
//! shows as a gap, or in the reason of the end.

use super::check::{Files, by_ffmpeg, decode, made};

/// An edit of a file.
type Edit = fn(&mut Vec<u8>);

fn cut(bytes: &mut Vec<u8>, parts: usize) {
    bytes.truncate(bytes.len() * parts / 20);
}

fn flip(bytes: &mut [u8], parts: usize) {
    let at = bytes.len() * parts / 20;
    bytes[at] ^= 0x55;
}

fn overwrite(bytes: &mut [u8], parts: usize, with: u8) {
    let at = bytes.len() * parts / 20;
    let end = bytes.len().min(at + 600);
    bytes[at..end].fill(with);
}

fn id3v2(len: usize) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (len >> shift & 0x7f) as u8);
    [b"ID3\x03\0\0".as_slice(), &size, &vec![0; len]].concat()
}

const EDITS: [(&str, Edit); 20] = [
    ("nothing", |_| {}),
    ("cut in the middle", |bytes| cut(bytes, 10)),
    ("cut near the end", |bytes| cut(bytes, 19)),
    ("cut near the start", |bytes| cut(bytes, 3)),
    ("cut by a byte", |bytes| bytes.truncate(bytes.len() - 1)),
    ("flip at a quarter", |bytes| flip(bytes, 5)),
    ("flip in the middle", |bytes| flip(bytes, 10)),
    ("flip at three quarters", |bytes| flip(bytes, 15)),
    ("flip near the end", |bytes| flip(bytes, 19)),
    ("zeros at a quarter", |bytes| overwrite(bytes, 5, 0)),
    ("zeros in the middle", |bytes| overwrite(bytes, 10, 0)),
    ("ones in the middle", |bytes| overwrite(bytes, 11, 0xff)),
    ("three flips", |bytes| [4, 9, 14].iter().for_each(|at| flip(bytes, *at))),
    ("bytes cut out", |bytes| drop(bytes.drain(bytes.len() / 2..bytes.len() / 2 + 999))),
    ("bytes put in", |bytes| drop(bytes.splice(bytes.len() / 2..bytes.len() / 2, [0x33; 777]))),
    ("zeros behind", |bytes| bytes.extend([0; 5000])),
    ("text behind", |bytes| bytes.extend(b"something else ".repeat(99))),
    ("ID3v1 behind", |bytes| bytes.extend([b"TAG".as_slice(), &[b'x'; 125]].concat())),
    ("ID3v2 before", |bytes| drop(bytes.splice(0..0, id3v2(3000)))),
    ("twice", |bytes| bytes.extend_from_within(..)),
];

/// Checks all edits of a file of a container.
fn check(name: &str, options: &[&str]) {
    let files = Files::new();
    let original = made(&files, name, options);
    let bytes = std::fs::read(&original).expect("a file");
    let whole = by_ffmpeg(&original, 2);
    for (edit_name, edit) in EDITS {
        let mut bytes = bytes.clone();
        edit(&mut bytes);
        let path = files.write(&format!("{}-{name}", edit_name.replace(' ', "-")), &bytes);
        // Not all of its readers skip a tag.
        let read = if edit_name == "ID3v2 before" { whole.clone() } else { by_ffmpeg(&path, 2) };
        let Ok(found) = decode(&path) else {
            assert!(read.is_empty(), "{name}, {edit_name}: refused, but ffmpeg reads it");
            continue;
        };
        assert_eq!(found.samples.len(), read.len(), "{name}, {edit_name}: {:?} {:?}", found.gaps, found.reason);
        let differs = found.samples.iter().zip(&read).position(|(a, b)| (a - b).abs() > 1e-6);
        assert_eq!(differs, None, "{name}, {edit_name}");
        let is_known = !found.gaps.is_empty() || found.reason.is_some();
        assert!(read.len() >= whole.len() || is_known, "{name}, {edit_name}: frames are lost in silence");
        let is_complete = ["nothing", "zeros behind", "ID3v1 behind", "ID3v2 before", "twice"].contains(&edit_name);
        assert!(!is_complete || !is_known, "{name}, {edit_name}: {:?} {:?}", found.gaps, found.reason);
    }
}

#[test]
fn edits_of_aiff() {
    check("a.aiff", &["-c:a", "pcm_s16be"]);
}

#[test]
fn edits_of_caf() {
    check("a.caf", &["-c:a", "pcm_s24le"]);
}

#[test]
fn edits_of_m4a() {
    check("a.m4a", &["-c:a", "aac"]);
}

#[test]
fn edits_of_matroska() {
    check("a.mka", &["-c:a", "aac"]);
}

#[test]
fn edits_of_opus() {
    check("a.opus", &["-c:a", "libopus"]);
}

#[test]
fn edits_of_adts() {
    check("a.aac", &["-c:a", "aac", "-f", "adts"]);
}
