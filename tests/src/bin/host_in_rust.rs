//! The host of `tests/hosts` in Rust.
//!
//! usage: `host_in_rust FOLDER`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{BufRead as _, Write as _};

use capbuf::{Length, Registry, SampleFormat, Span, Spec, Writer};
use capbuf_tests::position;
use sha2::{Digest as _, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: host_in_rust FOLDER")?;
    let registry = Registry::builder().domains_folder(folder).open("hosts")?;
    let spec = Spec::new(Length::Seconds(10.0), 8000, 1, SampleFormat::S16)?;
    let (mut buffers, mut writer) = (Vec::new(), None::<Writer>);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| {
            words.get(index).ok_or("a number is missing")?.parse::<u64>().map_err(Box::<dyn Error>::from)
        };
        let reply = match words[0] {
            "race" => {
                for source in 0..number(1)? {
                    buffers.push(registry.get_or_allocate(&format!("source {source}"), spec)?);
                }
                let ids: Vec<String> = buffers.iter().map(|buffer| format!("{:016x}", buffer.id())).collect();
                format!("{} {}", registry.stats().rings_allocated, ids.join(" "))
            }
            "take" => match buffers[0].writer() {
                Ok(taken) => {
                    writer = Some(taken);
                    "taken".to_owned()
                }
                Err(capbuf::Error::WriterBusy { holder, .. }) => {
                    format!("busy {}", holder.map_or(0, |holder| holder.pid))
                }
                Err(error) => return Err(error.into()),
            },
            "write" => {
                let writer = writer.as_mut().ok_or("no writer: send take first")?;
                let first = writer.next_frame();
                let samples: Vec<i16> = (first..first + number(1)?).map(position::sample).collect();
                writer.write(&samples)?;
                writer.next_frame().to_string()
            }
            "read" => {
                let segment = buffers[0].read(Span::Frames(number(1)?..number(2)?))?;
                let digest = Sha256::digest(segment.samples().as_bytes());
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            other => return Err(format!("unknown command {other}").into()),
        };
        println!("{reply}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
