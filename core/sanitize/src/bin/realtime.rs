//! Everything a writer can do, in a function that RealtimeSanitizer watches: an allocation, a lock or a system call ends it.
//! With an argument it does one of these, which must be caught.
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
    let spec = Spec::new(Length::Seconds(2.0), 48_000, 1, SampleFormat::S16).expect("a shape");
    let buffer = registry.allocate("x", spec).expect("room");
    let mut writer = buffer.writer().expect("the only one");
    let fault = std::env::args().nth(1).unwrap_or_default();
    audio(&mut writer, &[1; 480], &fault).expect("it is there");
    registry.remove("x").expect("it is there");
    // Refusing is real-time safe, too.
    assert!(matches!(audio(&mut writer, &[1; 480], ""), Err(Error::Removed { .. })));
    println!("{} frames written without a call that may wait", writer.next_frame());
}
