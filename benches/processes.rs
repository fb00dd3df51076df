//! The cost of sharing buffers between processes: beside a private registry, and the latency to a
//! reader.

use std::path::Path;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Clock as _, Length, ReadOptions, Registry, SampleFormat, Span, Spec, SystemClock};
use hdrhistogram::Histogram;

use crate::Result;
use crate::children::{Other, open, shared_memory};
use crate::report::{OURS, Row, Table, time};
use crate::rings::{Capbuf, RATE_HZ, spec};
use crate::rounds::{Effort, Job, histogram, median, timed};

const THREE_SECONDS: usize = 3 * RATE_HZ;

pub(crate) fn shared(effort: Effort) -> Result<Table> {
    let mut table =
        Table::new("Shared against private memory", "The same buffer in a domain and in a private registry.");
    let private = "limit: private registry";
    let base = shared_memory()?;
    let domain = open(base.path())?;
    let mut shared = Capbuf::of(domain.get_or_allocate("minute", spec(60)?)?)?;
    let mut own = Capbuf::of(Registry::private().get_or_allocate("minute", spec(60)?)?)?;
    for ring in [&mut shared, &mut own] {
        // Touches each page.
        (0..700).for_each(|_| ring.put(&[7; 4800]));
    }
    for samples in [480, 1920] {
        let chunk = vec![7; samples];
        let mut job = Job::default();
        job.way(OURS, |calls| timed(calls, || shared.put(&chunk)));
        job.way(private, |calls| timed(calls, || own.put(&chunk)));
        let measured = job.measure(effort);
        let row = Row::of(format!("write {} B", samples * 2), &measured, OURS, &[private]);
        table.push(row.aim("≤ 1.1", measured.ratio(OURS, private), 1.1));
    }
    let (mut out, mut other) = (vec![0; THREE_SECONDS], vec![0; THREE_SECONDS]);
    let mut job = Job::default();
    job.way(OURS, |calls| timed(calls, || shared.last(&mut out)));
    job.way(private, |calls| timed(calls, || own.last(&mut other)));
    let measured = job.measure(effort);
    let row = Row::of("read 3 s", &measured, OURS, &[private]);
    table.push(row.aim("≤ 1.1", measured.ratio(OURS, private), 1.1));

    let names: Vec<_> = (0..64).map(crate::source).collect();
    let small = crate::maps::small()?;
    let alone = Registry::private();
    for registry in [&domain, &alone] {
        names.iter().try_for_each(|name| registry.get_or_allocate(name, small).map(drop))?;
    }
    let look = |registry: &Registry, calls| {
        let mut names = names.iter().cycle();
        timed(calls, || names.next().and_then(|name| registry.with(name, |buffer| buffer.spec().channels())))
    };
    let mut job = Job::default();
    job.way(OURS, |calls| look(&domain, calls));
    job.way(private, |calls| look(&alone, calls));
    let measured = job.measure(effort);
    table.push(Row::of("look up, 64 sources", &measured, OURS, &[private]));
    Ok(table)
}

/// Ten milliseconds.
const CHUNK: usize = 480;
const EACH_NS: i64 = 200_000;

pub(crate) fn latency(effort: Effort) -> Result<Table> {
    let mut table = Table::new(
        "From write until another process reads it",
        "Chunks of 480 samples of 32 bits (1920 B), five thousand a second, each with the time at which \
         its write began. The reader polls without a pause and copies the chunk out. p50 / p99 / p99.9, \
         medians of runs that take turns; ratios are of p50. Needs two idle cores.",
    );
    let base = shared_memory()?;
    let chunks = effort.choose(1000, 5000);
    type Way<'a> = (&'static str, Box<dyn Fn(usize) -> Result<Vec<f64>> + 'a>);
    let mut ways: Vec<Way<'_>> = vec![
        (OURS, Box::new(|run| to_process(base.path(), run, chunks))),
        ("limit: to a thread of this process", Box::new(|run| to_thread(base.path(), run, chunks))),
    ];
    #[cfg(feature = "iceoryx2")]
    ways.push(("iceoryx2", Box::new(|_| iceoryx::to_process(base.path(), chunks))));
    ways.shrink_to_fit();
    let mut found = vec![Vec::new(); ways.len()];
    for run in 0..effort.choose(3, 7) {
        for (found, (_, way)) in found.iter_mut().zip(&ways) {
            found.push(way(run)?);
        }
    }
    let at = |way: usize, quantile: usize| median(found[way].iter().map(|run: &Vec<f64>| run[quantile]).collect());
    let figure = |way: usize| [0, 1, 2].map(|quantile| time(at(way, quantile))).join(" / ");
    let mut row = Row::new("1920 B", figure(0));
    for (way, (name, _)) in ways.iter().enumerate().skip(1) {
        let ratio = at(0, 0) / at(way, 0);
        row = row.other(*name, figure(way), Some(ratio));
        if *name == "iceoryx2" {
            row = row.aim("≤ iceoryx2", ratio, 1.0);
        }
    }
    table.push(row);
    Ok(table)
}

fn ring_of(base: &Path, name: &str) -> Result<CaptureBuffer> {
    let spec = Spec::new(Length::Seconds(10.0), RATE_HZ as u32, 1, SampleFormat::S32)?;
    Ok(open(base)?.get_or_allocate(name, spec)?)
}

fn to_thread(base: &Path, run: usize, chunks: usize) -> Result<Vec<f64>> {
    let buffer = ring_of(base, &format!("thread {run}"))?;
    std::thread::scope(|scope| -> Result<Vec<f64>> {
        let listener = scope.spawn(|| listen(&buffer, chunks).map_err(|error| error.to_string()));
        speak(&buffer, chunks)?;
        Ok(listener.join().map_err(|_| "the listener panicked")??)
    })
}

fn to_process(base: &Path, run: usize, chunks: usize) -> Result<Vec<f64>> {
    let buffer = ring_of(base, &format!("process {run}"))?;
    let other = Other::start(&format!("listen:process {run}"), base, chunks)?;
    speak(&buffer, chunks)?;
    other.numbers()
}

/// Calls `send` with the time, five thousand times a second.
fn each_due(chunks: usize, mut send: impl FnMut(i64) -> Result<()>) -> Result<()> {
    // Lets the listener begin to poll, so that the first chunks are not measured late.
    std::thread::sleep(Duration::from_millis(20));
    let mut next_ns = SystemClock.monotonic_ns();
    for _ in 0..chunks {
        next_ns += EACH_NS;
        while SystemClock.monotonic_ns() < next_ns {
            std::hint::spin_loop();
        }
        // The monotonic clock is the same in all processes.
        send(SystemClock.monotonic_ns())?;
    }
    Ok(())
}

fn speak(buffer: &CaptureBuffer, chunks: usize) -> Result<()> {
    let mut writer = buffer.writer()?;
    let mut chunk = [0_i32; CHUNK];
    each_due(chunks, |now_ns| {
        (chunk[0], chunk[1]) = ((now_ns >> 32) as i32, now_ns as i32);
        Ok(writer.write(&chunk)?)
    })
}

fn quantiles(late_ns: &Histogram<u64>) -> Vec<f64> {
    [0.5, 0.99, 0.999].map(|quantile| late_ns.value_at_quantile(quantile) as f64).to_vec()
}

fn record(late_ns: &mut Histogram<u64>, written_ns: i64) {
    late_ns.saturating_record(SystemClock.monotonic_ns().saturating_sub(written_ns).max(1).unsigned_abs());
}

/// Polls without a pause, reads each chunk, and measures how late it is.
fn listen(buffer: &CaptureBuffer, chunks: usize) -> Result<Vec<f64>> {
    let mut late_ns = histogram()?;
    let mut chunk = [0_i32; CHUNK];
    let deadline = Instant::now() + LONGEST;
    let mut number = 0;
    while number < chunks as u64 {
        let newest = buffer.frames().end / CHUNK as u64;
        if newest <= number {
            if Instant::now() > deadline {
                return Err("no chunk came".into());
            }
            std::hint::spin_loop();
            continue;
        }
        let span = Span::Frames(number * CHUNK as u64..(number + 1) * CHUNK as u64);
        match buffer.read_into(span, &ReadOptions::new(), &mut chunk) {
            Ok(_) => record(&mut late_ns, i64::from(chunk[0]) << 32 | i64::from(chunk[1] as u32)),
            // The reader was held up for longer than the ring is.
            Err(capbuf::Error::Evicted { .. }) => number = newest - 1,
            Err(error) => return Err(error.into()),
        }
        number += 1;
    }
    Ok(quantiles(&late_ns))
}

/// The longest wait for a chunk.
const LONGEST: Duration = Duration::from_secs(30);

fn print(numbers: &[f64]) {
    numbers.iter().for_each(|number| println!("{number}"));
}

/// Runs in the other process of [`to_process`].
pub(crate) fn child_listens(base: &Path, name: &str, chunks: usize) -> Result<()> {
    let buffer = open(base)?.get(name).ok_or("no buffer")?;
    println!("ready");
    print(&listen(&buffer, chunks)?);
    Ok(())
}

#[cfg(feature = "iceoryx2")]
pub(crate) mod iceoryx {
    //! The same by iceoryx2's publish-subscribe, which passes chunks without a copy and keeps none.

    use std::path::Path;
    use std::time::Instant;

    use iceoryx2::prelude::*;

    use super::{CHUNK, LONGEST, each_due, print, quantiles, record};
    use crate::Result;
    use crate::children::Other;
    use crate::rounds::histogram;

    type Service = iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [i32; CHUNK], ()>;

    fn service(name: &str) -> Result<(Node<ipc::Service>, Service)> {
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let builder = node.service_builder(&name.try_into()?).publish_subscribe::<[i32; CHUNK]>();
        let service = builder.subscriber_max_buffer_size(64).enable_safe_overflow(true).open_or_create()?;
        Ok((node, service))
    }

    pub(super) fn to_process(base: &Path, chunks: usize) -> Result<Vec<f64>> {
        let name = format!("capbuf-benches-{}", std::process::id());
        let (_node, service) = service(&name)?;
        let publisher = service.publisher_builder().create()?;
        let other = Other::start(&format!("iceoryx2:{name}"), base, chunks)?;
        let (mut chunk, mut number) = ([0_i32; CHUNK], 0);
        each_due(chunks, |now_ns| {
            (chunk[0], chunk[1]) = ((now_ns >> 32) as i32, now_ns as i32);
            (chunk[2], number) = (number, number + 1);
            publisher.loan_uninit()?.write_payload(chunk).send()?;
            Ok(())
        })?;
        other.numbers()
    }

    /// Runs in the other process.
    pub(crate) fn child_listens(name: &str, chunks: usize) -> Result<()> {
        let (_node, service) = service(name)?;
        let subscriber = service.subscriber_builder().create()?;
        println!("ready");
        let mut late_ns = histogram()?;
        let mut out = [0_i32; CHUNK];
        let deadline = Instant::now() + LONGEST;
        loop {
            let Some(sample) = subscriber.receive()? else {
                if Instant::now() > deadline {
                    return Err("no chunk came".into());
                }
                std::hint::spin_loop();
                continue;
            };
            // Copied out, as ours: a sample that is kept blocks one of the publisher's few.
            out.copy_from_slice(sample.payload());
            record(&mut late_ns, i64::from(out[0]) << 32 | i64::from(out[1] as u32));
            // Chunks beyond the subscriber's buffer are lost, the last one never is.
            if out[2] as usize + 1 >= chunks {
                break;
            }
        }
        print(&quantiles(&late_ns));
        Ok(())
    }
}
