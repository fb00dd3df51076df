//! Registries share buffers, the writer and source claims.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Error, ReadOptions, Span};

use crate::support::{CountedSleeps, mono};
use crate::{Folder, samples, spec};

#[test]
fn buffer_of_one_registry_is_found_and_read_by_another() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    assert_eq!((one.domain(), one.path()), (Some("birds"), Some(folder.path().join("birds").as_path())));
    assert!(!other.contains("tone:440"));
    assert!(other.get("tone:440").is_none());
    let buffer = one.allocate("tone:440", spec()).unwrap();
    let audio: Vec<i16> = (0..4000).collect();
    buffer.writer().unwrap().write(&audio).unwrap();
    assert!(other.contains("tone:440"));
    let same = other.get_or_allocate("tone:440", spec()).unwrap();
    assert!(same.same_as(&buffer));
    assert_eq!(samples(&same), audio);
    assert_eq!(other.buffers().len(), 1);
}

#[test]
fn existing_buffer_is_not_allocated_again_by_another_registry() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let _buffer = one.allocate("tone:440", spec()).unwrap();
    assert!(matches!(other.allocate("tone:440", spec()), Err(Error::AlreadyExists { .. })));
    let longer = other.get_or_allocate("tone:440", mono(2.0, 8000));
    assert!(matches!(longer, Err(Error::SpecMismatch { existing, .. }) if existing == spec()));
    let _same = other.get_or_allocate("tone:440", spec()).unwrap();
    assert_eq!((one.stats().rings_allocated, other.stats().rings_allocated), (1, 0));
    assert_eq!((other.stats().rings_mapped, other.stats().bytes), (1, 0));
}

#[test]
#[cfg(feature = "observe")]
fn metrics_cover_all_registries() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let _buffer = one.allocate("tone:440", spec()).unwrap();
    assert!(other.domain_metrics_text().contains("capbuf_live_buffers 1"));
}

#[test]
fn process_is_one_holder_for_all_its_registries() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let _buffer = one.allocate("tone:440", spec()).unwrap();
    let same = other.get("tone:440").unwrap();
    let opened_by: Vec<_> = same.opened_by().iter().map(|by| by.holder.pid).collect();
    assert_eq!(opened_by, [std::process::id()], "a process counts once");
}

#[test]
fn second_writer_is_refused_and_the_error_names_the_first() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let writer = one.get_or_allocate("x", spec()).unwrap().writer().unwrap();
    let buffer = other.get("x").unwrap();
    match buffer.writer() {
        Err(Error::WriterBusy { holder: Some(holder), .. }) => assert_eq!(holder.pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    let text = buffer.writer().unwrap_err().to_string();
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    assert!(buffer.status().has_writer);
    assert!(buffer.status().writer.is_some());
    drop(writer);
    assert!(!buffer.status().has_writer);
    assert!(buffer.status().writer.is_none());
    buffer.writer().unwrap().write(&[1_i16]).unwrap();
}

#[test]
fn source_is_claimed_once_in_a_domain() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    let claim = one.claim_source("rtsp://me:sesame@camera").unwrap();
    let busy = other.claim_source("rtsp://me:sesame@camera").unwrap_err();
    assert!(matches!(busy, Error::WriterBusy { holder: Some(_), .. }), "{busy}");
    assert!(!busy.to_string().contains("sesame"), "{busy}");
    assert!(one.claim_source("rtsp://me:sesame@camera").is_err(), "nor twice by one registry");
    drop(claim);
    other.claim_source("rtsp://me:sesame@camera").unwrap();
}

#[test]
fn waiting_reader_gets_frames_written_through_another_registry() {
    let folder = Folder::new();
    let clock = Arc::new(CountedSleeps::default());
    let (one, other) = (folder.open(), folder.builder().clock(clock.clone()).open("birds").unwrap());
    let buffer = one.get_or_allocate("x", spec()).unwrap();
    let reader = other.get("x").unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write(&[1_i16; 10]).unwrap();
    std::thread::scope(|scope| {
        let options = ReadOptions::new().wait(Duration::from_secs(60));
        let read = scope.spawn(move || reader.read_with(Span::Frames(10..20), &options));
        clock.wait_for_sleeper();
        writer.write(&[2_i16; 10]).unwrap();
        assert_eq!(read.join().unwrap().unwrap().samples().get::<i16>(), Some(&[2; 10][..]));
    });
}

#[test]
fn budget_counts_only_rings_that_the_registry_allocated() {
    let folder = Folder::new();
    let one = folder.open();
    let bytes = one.get_or_allocate("x", spec()).unwrap().status().bytes;
    let limited = folder.builder().budget_bytes(bytes).open("birds").unwrap();
    limited.get_or_allocate("x", spec()).unwrap();
    limited.get_or_allocate("y", spec()).unwrap();
    assert!(matches!(limited.get_or_allocate("z", spec()), Err(Error::OverBudget { .. })));
    assert_eq!(folder.rings().len(), 2);
    assert!(folder.files().iter().all(|name| !name.ends_with(".new") && !name.ends_with(".claim")));
}
