//! Kinds of damage, and the error or recovery of each.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use capbuf::{AllocateOptions, Error, GapReason, Length, Lifetime, Registry, SampleFormat, Span, Spec, WindowOptions};

const REMOVED: u64 = 184;
const NAME: u64 = 256;

fn spec() -> Spec {
    Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16).unwrap()
}

fn open(base: &Path) -> Registry {
    Registry::builder().domains_folder(base).open("birds").unwrap()
}

fn rings(base: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(base.join("birds")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "ring")).collect()
}

fn put(ring: &Path, offset: u64, bytes: &[u8]) {
    File::options().write(true).open(ring).unwrap().write_all_at(bytes, offset).unwrap();
}

#[test]
fn removal_interrupted_after_its_mark_leaves_room_for_one_new_buffer() {
    let base = tempfile::tempdir().unwrap();
    drop(open(base.path()).allocate("x", spec()).unwrap());
    put(&rings(base.path())[0], REMOVED, &[1]);
    let [one, other] = [(); 2].map(|()| open(base.path()));
    assert!(one.get("x").is_none());
    let buffer = one.get_or_allocate("x", spec()).unwrap();
    assert!(other.get_or_allocate("x", spec()).unwrap().same_as(&buffer));
    assert!(other.get("x").is_some());
    assert_eq!(rings(base.path()).len(), 1);
}

#[test]
fn ring_of_an_interrupted_removal_is_swept() {
    let base = tempfile::tempdir().unwrap();
    let registry = open(base.path());
    let _buffer = registry.allocate("x", spec()).unwrap();
    put(&rings(base.path())[0], REMOVED, &[1]);
    assert_eq!(registry.sweep().unwrap().leftovers, 1);
    assert!(rings(base.path()).is_empty());
}

#[test]
fn damaged_buffer_is_refused_until_it_is_removed() {
    let base = tempfile::tempdir().unwrap();
    let [early, late] = [(); 2].map(|()| open(base.path()));
    let held = early.allocate("x", spec()).unwrap();
    let mut writer = held.writer().unwrap();
    writer.write(&[7_i16; 100]).unwrap();
    put(&rings(base.path())[0], 0, b"no magic");
    assert!(late.get("x").is_none());
    assert!(matches!(late.get_or_allocate("x", spec()), Err(Error::Corrupt { .. })));
    assert!(held.read(Span::Frames(0..100)).is_ok(), "an open handle still reads");

    late.remove("x").unwrap();
    assert!(held.is_removed());
    assert!(matches!(writer.write(&[7_i16; 1]), Err(Error::Removed { .. })));
    let fresh = late.allocate("x", spec()).unwrap();
    assert!(early.get("x").unwrap().same_as(&fresh));
    assert!(!fresh.same_as(&held));
}

#[test]
fn ring_file_with_the_name_of_another_source_is_corrupt() {
    let base = tempfile::tempdir().unwrap();
    let registry = open(base.path());
    let held = registry.allocate("x", spec()).unwrap();
    put(&rings(base.path())[0], NAME, b"y");
    let other = open(base.path());
    assert!(other.get("y").is_none());
    assert!(other.buffers().is_empty());
    assert!(matches!(other.get_or_allocate("x", spec()), Err(Error::Corrupt { .. })));
    registry.remove("x").unwrap();
    assert!(held.is_removed());
    registry.allocate("x", spec()).unwrap();
}

#[test]
fn domain_with_a_damaged_buffer_is_opened_and_swept() {
    let base = tempfile::tempdir().unwrap();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let held = open(base.path()).get_or_allocate_with("x", spec(), &options).unwrap();
    let ring = rings(base.path()).remove(0);
    // A copy of the ring without holders, beside the damaged original.
    let copy = ring.to_str().unwrap().replace("-0.ring", "-1.ring");
    std::fs::copy(&ring, &copy).unwrap();
    put(Path::new(&copy), 1280, &[0; 8]);
    put(&ring, 0, b"no magic");
    // The file of a dead process makes the next open sweep the domain.
    let dead = base.path().join("birds/process-00000000deadbeef");
    File::options().write(true).create_new(true).mode(0o600).open(dead).unwrap();
    assert_eq!(open(base.path()).sweep().unwrap().buffers, 0);
    drop(held);
    open(base.path()).remove("x").unwrap();
    assert!(rings(base.path()).is_empty());
}

#[test]
fn sparse_ring_file_in_shared_memory_is_refused_before_it_is_mapped() {
    let shared_memory = Path::new("/dev/shm");
    if !shared_memory.is_dir() {
        return;
    }
    let base = tempfile::tempdir_in(shared_memory).unwrap();
    // Nothing touches its pages in the background.
    let registry = Registry::builder().domains_folder(base.path()).commit_ahead(false).open("birds").unwrap();
    drop((registry.allocate("x", spec()).unwrap(), registry));
    let file = File::options().write(true).open(&rings(base.path())[0]).unwrap();
    let (len, mut header) = (file.metadata().unwrap().len(), vec![0; 8192]);
    File::open(&rings(base.path())[0]).unwrap().read_exact_at(&mut header, 0).unwrap();
    file.set_len(0).unwrap();
    file.set_len(len).unwrap();
    file.write_all_at(&header, 0).unwrap();
    let error = open(base.path()).get_or_allocate("x", spec()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { reason, .. } if reason.contains("reserved")), "{error}");
}

#[test]
fn buffer_above_the_limit_of_its_reader_is_read_in_parts() {
    let base = tempfile::tempdir().unwrap();
    let spec = Spec::new(Length::Frames(1_000_000), 8000, 1, SampleFormat::S16).unwrap();
    let large = open(base.path()).allocate("x", spec).unwrap();
    large.writer().unwrap().write(&vec![7_i16; 1_000_000]).unwrap();
    let limited = Registry::builder().domains_folder(base.path()).max_buffer_bytes(100_000).open("birds").unwrap();
    let buffer = limited.get("x").unwrap();
    assert!(matches!(
        buffer.read(Span::Frames(0..1_000_000)),
        Err(Error::OverBudget { requested_bytes: 2_000_000, limit_bytes: 200_000, .. })
    ));
    assert_eq!(buffer.read(Span::Frames(999_000..1_000_000)).unwrap().frames(), 1000);
}

#[test]
fn windows_never_move_backwards_on_a_damaged_timeline() {
    const ANCHORS: u64 = 5632;
    let base = tempfile::tempdir().unwrap();
    let buffer = open(base.path()).allocate("x", spec()).unwrap();
    let mut writer = buffer.writer().unwrap();
    for _ in 0..4 {
        writer.gap_for(GapReason::SourceLost, Duration::from_secs(2));
        writer.write(&[7_i16; 500]).unwrap();
    }
    // Of four timeline segments, the second and the fourth start further on, without a gap. The
    // third, after a gap, starts before all.
    for (anchor, first_frame, has_gap) in [(1, 1500_u64, false), (2, 50, true), (3, 1900, false)] {
        put(&rings(base.path())[0], ANCHORS + anchor * 64, &first_frame.to_ne_bytes());
        put(&rings(base.path())[0], ANCHORS + anchor * 64 + 40, &u64::from(has_gap).to_ne_bytes());
    }
    let mut windows = buffer.windows(WindowOptions::new(400, 400).from_frame(1200)).unwrap();
    assert_eq!(windows.next_into(&mut [0_i16; 400], Duration::ZERO).unwrap().first_frame, 1200);
}
