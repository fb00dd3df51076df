//! A reused ring shows nothing of what it held before.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use capbuf::{CaptureBuffer, ReadOptions, Span, WindowOptions};

use crate::support::wait_until;
use crate::{one_second, pooled};

/// Sample that fills old rings: both of its bytes are equal.
const MARK: i16 = 0x5a5a;

/// Overwrites the ring several times with the mark, with gaps between, so that anchors hold old
/// times as well.
fn fill(buffer: &CaptureBuffer) {
    let mut writer = buffer.writer().unwrap();
    for round in 0..8_i64 {
        writer.write_at(&[MARK; 8000], round * 3_000_000_000).unwrap();
    }
}

fn newest_sample(buffer: &CaptureBuffer) -> i16 {
    buffer.read(Span::Last(Duration::from_millis(10))).unwrap().samples().get::<i16>().unwrap()[0]
}

/// Reads in every way a buffer that holds only 100 frames of silence, and looks for the mark.
fn assert_nothing_old(buffer: &CaptureBuffer) {
    assert_eq!((buffer.frames(), buffer.status().gaps), (0..100, 0));
    let is_old = |samples: &[i16]| samples.iter().any(|sample| *sample != 0);
    let spans = [
        Span::Frames(0..8000),
        Span::Frames(0..50_000),
        Span::Frames(40_000..48_000),
        Span::Time(0..24_000_000_000),
        Span::Last(Duration::from_secs(1)),
        Span::Last(Duration::from_millis(5)),
    ];
    let available = ReadOptions::new().available();
    for span in spans {
        for options in [ReadOptions::new(), available, available.silence(false)] {
            if let Ok(segment) = buffer.read_with(span.clone(), &options) {
                assert!(!is_old(segment.samples().get::<i16>().unwrap()), "{span:?}");
                assert!(segment.frames() <= 100 || segment.silence_frames() + 100 >= segment.frames(), "{span:?}");
            }
            let mut out = vec![0_i16; 200_000];
            if buffer.read_into(span.clone(), &options, &mut out).is_ok() {
                assert!(!is_old(&out), "{span:?}");
            }
        }
    }
    let mut windows = buffer.windows(WindowOptions::new(50, 50)).unwrap();
    let mut out = [0_i16; 50];
    while windows.next_into(&mut out, Duration::ZERO).is_ok() {
        assert!(!is_old(&out));
    }
    assert_eq!(buffer.status().level.unwrap().peak, 0.0);
}

/// Counts pages full of the mark in this process's anonymous mappings.
fn marked_pages() -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut marked = 0;
    for line in maps.lines().filter(|line| line.contains(" rw") && line.split_ascii_whitespace().nth(5).is_none()) {
        let (start, end) = line.split_ascii_whitespace().next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        // Whole pages only: stack and heap may hold a few marks. Page by page: another test may
        // unmap a part of the mapping.
        let mut page = [0; 4096];
        for address in (start..end).step_by(page.len()) {
            let is_read = memory.read_exact_at(&mut page, address).is_ok();
            marked += usize::from(is_read && page.iter().all(|byte| *byte == MARK as u8));
        }
    }
    marked
}

#[test]
fn reused_ring_of_a_private_registry_shows_nothing_old() {
    let registry = pooled().build();
    let buffer = registry.allocate("old", one_second()).unwrap();
    fill(&buffer);
    assert!(marked_pages() > 2, "the search finds the mark");
    registry.remove("old").unwrap();
    assert_eq!(registry.pool_stats().rings, 0, "a handle is left");
    assert_eq!(newest_sample(&buffer), MARK);
    drop(buffer);
    wait_until("the memory to be cleared", || registry.pool_stats().rings == 1 && marked_pages() == 0);
    let mapped = registry.stats().rings_allocated;
    wait_until("the ring to be reused", || {
        let buffer = registry.get_or_allocate("new", one_second()).unwrap();
        let is_reused = registry.pool_stats().hits == 1;
        if is_reused {
            assert_eq!(registry.stats().rings_allocated, mapped);
            buffer.writer().unwrap().write(&[0_i16; 100]).unwrap();
            assert_nothing_old(&buffer);
            assert_eq!(marked_pages(), 0);
        } else {
            registry.remove("new").unwrap();
        }
        is_reused
    });
    #[cfg(feature = "observe")]
    {
        let metrics = registry.metrics_text();
        assert!(metrics.contains("capbuf_pool_hits_total 1.0"), "{metrics}");
        assert!(metrics.contains("capbuf_allocation_attempts_total{result=\"reused\"} 1.0"), "{metrics}");
    }
}
