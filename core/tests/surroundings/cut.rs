//! A ring's file that another process cuts short is an error, where it is looked for, and no
//! signal.

use std::fs::File;
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, ReadOptions, Registry, Span, WindowOptions};

use crate::{Folder, inside, spec};

/// A buffer with audio, whose file has `bytes` bytes now.
fn cut(folder: &Folder, registry: &Registry, bytes: u64) -> CaptureBuffer {
    let buffer = registry.allocate("x", spec()).unwrap();
    buffer.writer().unwrap().write(&[7_i16; 1000]).unwrap();
    File::options().write(true).open(&folder.files(".ring")[0]).unwrap().set_len(bytes).unwrap();
    buffer
}

fn assert_corrupt<T>(what: &str, outcome: capbuf::Result<T>) {
    match outcome {
        Err(error @ Error::Corrupt { .. }) => {
            let error = error.to_string();
            assert!(error.contains("cut its file short") && error.contains("capbuf remove"), "{what}: {error}");
        }
        Err(error) => panic!("{what}: {error}"),
        Ok(_) => panic!("{what} succeeded"),
    }
}

#[test]
fn ring_cut_short_is_damaged_and_is_made_anew() {
    inside("true", "cut::ring_cut_short_is_damaged_and_is_made_anew", || {
        let folder = Folder::new();
        let registry = folder.open();
        for bytes in [0, 100, 8192] {
            type Look = fn(&Registry, &CaptureBuffer);
            let looks: [(&str, Look); 6] = [
                ("read", |_, buffer| assert_corrupt("read", buffer.read(Span::Frames(0..10)))),
                ("windows", |_, buffer| assert_corrupt("windows", buffer.windows(WindowOptions::new(50, 50)))),
                ("writer", |_, buffer| assert_corrupt("writer", buffer.writer())),
                ("status", |_, buffer| assert!(buffer.status().is_removed)),
                ("check", |_, buffer| assert_corrupt("check", buffer.check_memory())),
                ("remove", |registry, _| registry.remove("x").unwrap()),
            ];
            for (what, look) in looks {
                let buffer = cut(&folder, &registry, bytes);
                look(&registry, &buffer);
                // Nothing touches what is gone any more.
                assert!(buffer.is_removed() && buffer.frames().is_empty(), "{what}");
                assert!(matches!(buffer.writer(), Err(Error::Removed { .. })), "{what}");
                assert!(buffer.read(Span::Frames(0..10)).is_err(), "{what}");
                drop(buffer);
                let _ = registry.remove("x");
            }
            // A handle that ends looks as well.
            drop(cut(&folder, &registry, bytes));
            registry.remove("x").unwrap();
        }
    });
}

#[test]
fn waiting_reader_of_a_ring_cut_short_gets_an_error() {
    inside("true", "cut::waiting_reader_of_a_ring_cut_short_gets_an_error", || {
        let folder = Folder::new();
        let registry = folder.open();
        let buffer = registry.allocate("x", spec()).unwrap();
        let mut writer = buffer.writer().unwrap();
        writer.write(&[7_i16; 100]).unwrap();
        let waiting = ReadOptions::new().wait(Duration::from_secs(60));
        let reader = std::thread::spawn(move || {
            let mut out = [0_i16; 1000];
            buffer.read_into(Span::Frames(0..1000), &waiting, &mut out).map(|_| ())
        });
        // Nearly all of its time it sleeps.
        std::thread::sleep(Duration::from_millis(120));
        File::options().write(true).open(&folder.files(".ring")[0]).unwrap().set_len(0).unwrap();
        assert_corrupt("waiting", reader.join().unwrap());
        assert!(matches!(writer.write(&[7_i16; 100]), Err(Error::Removed { .. })));
        drop(writer);
        registry.remove("x").unwrap();
        registry.allocate("x", spec()).unwrap();
    });
}
