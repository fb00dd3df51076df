//! One fault of each kind that the sanitizers are there for: `make sanitize` believes them only after they caught these.

use std::hint::black_box;
use std::thread;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("overflow") => overflow(),
        Some("use-after-free") => use_after_free(),
        Some("leak") => leak(),
        Some("race") => race(),
        other => panic!("no such fault: {other:?}"),
    }
}

fn overflow() {
    let samples = black_box(vec![1_i16; 480]);
    // SAFETY: none; the fault that must be caught.
    black_box(unsafe { samples.as_ptr().add(black_box(480)).read() });
}

fn use_after_free() {
    let samples = black_box(vec![1_i16; 480]);
    let first = samples.as_ptr();
    drop(samples);
    // SAFETY: none; the fault that must be caught.
    black_box(unsafe { first.read() });
}

fn leak() {
    // A box that nothing points to any more when the thread's stack is gone.
    let lost = thread::spawn(|| {
        black_box(Box::into_raw(Box::new([1_u8; 4096])));
    });
    lost.join().expect("it ends");
}

/// A ring as it must not be: the frames copied plainly, under a racing writer.
fn race() {
    let ring = Box::leak(Box::new([0_i16; 4800])) as *mut [i16; 4800] as usize;
    let writer = thread::spawn(move || {
        for round in 0..1000_i16 {
            // SAFETY: none; the fault that must be caught.
            unsafe { (ring as *mut [i16; 4800]).write(black_box([round; 4800])) };
        }
    });
    let mut sum = 0_i64;
    for _ in 0..1000 {
        // SAFETY: none; the fault that must be caught.
        let copy = unsafe { (ring as *const [i16; 4800]).read() };
        sum += i64::from(black_box(copy)[17]);
    }
    black_box(sum);
    writer.join().expect("it ends");
}
