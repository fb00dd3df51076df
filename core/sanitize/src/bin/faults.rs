//! One planted fault of each kind. `make sanitize` trusts a sanitizer only after it has caught its
//! fault.

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
    // SAFETY: unsound on purpose: reads one element past the end.
    black_box(unsafe { samples.as_ptr().add(black_box(480)).read() });
}

fn use_after_free() {
    let samples = black_box(vec![1_i16; 480]);
    let first = samples.as_ptr();
    drop(samples);
    // SAFETY: unsound on purpose: reads freed memory.
    black_box(unsafe { first.read() });
}

fn leak() {
    // Leaked once the thread's stack, the last place with a pointer to the box, is gone.
    let leaking = thread::spawn(|| {
        black_box(Box::into_raw(Box::new([1_u8; 4096])));
    });
    leaking.join().expect("no panic");
}

/// A ring whose frames are copied by plain loads and stores.
fn race() {
    let ring = Box::leak(Box::new([0_i16; 4800])) as *mut [i16; 4800] as usize;
    let writer = thread::spawn(move || {
        for round in 0..1000_i16 {
            // SAFETY: unsound on purpose: stores while the other thread loads.
            unsafe { (ring as *mut [i16; 4800]).write(black_box([round; 4800])) };
        }
    });
    let mut sum = 0_i64;
    for _ in 0..1000 {
        // SAFETY: unsound on purpose: loads while the other thread stores.
        let copy = unsafe { (ring as *const [i16; 4800]).read() };
        sum += i64::from(black_box(copy)[17]);
    }
    black_box(sum);
    writer.join().expect("no panic");
}
