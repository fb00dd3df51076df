//! Every call of a writer, in a function that RealtimeSanitizer checks: an allocation, a lock or a
//! system call aborts the program.
//!
//! With argument `allocation` or `system-call` the function makes one, which must abort.
#![feature(sanitize)]

use std::hint::black_box;
use std::time::Duration;

use capbuf::{Error, GapReason, Length, Registry, SampleFormat, Spec, Writer};

#[sanitize(realtime = "nonblocking")]
fn audio(writer: &mut Writer, chunk: &[i16], fault: &str) -> Result<(), Error> {
    for turn in 0..10_000_i64 {
        match turn % 8 {
            0 => writer.gap(GapReason::Requested),
            1 => writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20)),
            2 => writer.write_bytes(&[7; 333])?,
            3 => writer.write_at(chunk, 1_790_000_000_000_000_000 + turn * 20_000_000)?,
            _ => writer.write(chunk)?,
        }
    }
    match fault {
        "allocation" => drop(black_box(vec![1_u8; 100])),
        "system-call" => drop(black_box(std::fs::File::open("/dev/null"))),
        _ => {}
    }
    Ok(())
}

fn main() {
    let registry = Registry::private();
    let spec = Spec::new(Length::Seconds(2.0), 48_000, 1, SampleFormat::S16).expect("a valid spec");
    let buffer = registry.allocate("x", spec).expect("memory");
    let mut writer = buffer.writer().expect("no other writer");
    let fault = std::env::args().nth(1).unwrap_or_default();
    audio(&mut writer, &[1; 480], &fault).expect("an existing buffer");
    registry.remove("x").expect("an existing buffer");
    // A refused write is real-time safe as well.
    assert!(matches!(audio(&mut writer, &[1; 480], ""), Err(Error::Removed { .. })));
    println!("{} frames written without a blocking call", writer.next_frame());
}
