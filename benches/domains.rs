//! What it costs that buffers are shared by processes: beside a private registry, between two processes, and with ten
//! thousand sources.
//!
//! Not criterion: it starts processes, and what it measures once (opening, sweeping) can't be repeated in place. Each ratio is
//! of two medians of one run. What it says of two processes needs two free cores.
#![allow(missing_docs, clippy::print_stdout)]

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use capbuf::{
    AllocateOptions, CaptureBuffer, Clock as _, Length, Lifetime, ReadOptions, Registry, SampleFormat, Spec, Stretch,
    SystemClock,
};
use capbuf_benches::{Capbuf, Ring as _, minute, source};
use hdrhistogram::Histogram;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const NAME: &str = "bench";
const THREE_SECONDS: usize = 3 * 48_000;
const READS: usize = 10_000;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", "read", base] => child_reads(base),
        ["child", "listen", base, chunks] => child_listens(base, chunks.parse()?),
        ["child", "hold", base, count] => child_holds(base, count.parse()?),
        ["child", "make", base, count] => child_makes(base, count.parse()?),
        _ => {
            let (base, other) = (folder()?, folder()?);
            beside_a_private_registry(base.path())?;
            between_processes(base.path())?;
            many_sources(other.path(), 10_000)
        }
    }
}

/// Domains of this run only, in shared memory as the real ones.
fn folder() -> Result<tempfile::TempDir> {
    let shared_memory = Path::new("/dev/shm");
    Ok(if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() }?)
}

fn open(base: impl AsRef<Path>) -> Result<Registry> {
    Ok(Registry::builder().domains_folder(base).open(NAME)?)
}

/// A process of this program in another role; killed when dropped.
struct Other {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it, and waits until it has done what it does first.
    fn start(role: &str, base: &Path, number: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["child", role]).arg(base).stdout(Stdio::piped());
        if role != "read" {
            command.arg(number.to_string());
        }
        let mut child = command.spawn()?;
        let says = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut other = Self { child, says };
        let mut line = String::new();
        other.says.read_line(&mut line)?;
        if line.trim() == "ready" { Ok(other) } else { Err(format!("the other process said {line:?}").into()) }
    }

    /// Waits for its end, and returns the numbers that it said.
    fn numbers(mut self) -> Result<Vec<u64>> {
        let mut said = String::new();
        self.says.read_to_string(&mut said)?;
        Ok(said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The time of one call, in ns, of so many.
fn each_ns(calls: u32, mut call: impl FnMut()) -> f64 {
    let begin = Instant::now();
    (0..calls).for_each(|_| call());
    begin.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn print_ratio(what: &str, ours: (&str, f64), base: (&str, f64)) {
    println!("{what:44} {} {:.0} ns, {} {:.0} ns, ratio {:.2}", ours.0, ours.1, base.0, base.1, ours.1 / base.1);
}

/// The same writes and reads in a domain and in a private registry, in turn.
fn beside_a_private_registry(base: &Path) -> Result<()> {
    let domain = open(base)?;
    let mut shared = Capbuf::of(domain.get_or_allocate("minute", minute()?)?)?;
    let mut own = Capbuf::of(Registry::private().get_or_allocate("minute", minute()?)?)?;
    // Each page once.
    for ring in [&mut shared, &mut own] {
        (0..700).for_each(|_| ring.write(&[7; 4800]));
    }
    for samples in [480, 1920] {
        let chunk = vec![7; samples];
        // Turns so short that most of them pass undisturbed on a busy machine.
        let turns = (0..2000).map(|_| [&mut shared, &mut own].map(|ring| each_ns(500, || ring.write(&chunk))));
        let (shared_ns, own_ns) = turns.map(|[shared, own]| (shared, own)).unzip();
        let what = format!("write {} bytes", samples * 2);
        print_ratio(&what, ("domain", median(shared_ns)), ("private", median(own_ns)));
    }
    let mut out = vec![0; THREE_SECONDS];
    let turns = (0..READS).map(|_| [&shared, &own].map(|ring| each_ns(1, || assert!(ring.last(&mut out)))));
    let (shared_ns, own_ns) = turns.map(|[shared, own]| (shared, own)).unzip();
    let own_ns = median(own_ns);
    print_ratio("read 3 s", ("domain", median(shared_ns)), ("private", own_ns));

    let other = Other::start("read", base, 0)?.numbers()?;
    print_ratio("read 3 s in another process", ("domain", other[0] as f64), ("private", own_ns));
    // The other one reads while this one writes as fast as it can: cache lines are fought for.
    let mut other = Other::start("read", base, 0)?;
    let chunk = vec![7; 480];
    let mut beside = Vec::new();
    while other.child.try_wait()?.is_none() {
        beside.push(each_ns(500, || shared.write(&chunk)));
    }
    let read_ns = other.numbers()?[0] as f64;
    print_ratio("the same, while this one writes all the time", ("domain", read_ns), ("private, idle", own_ns));
    println!("{:44} domain {:.0} ns", "write 960 bytes, another process reading", median(beside));
    domain.remove("minute")?;
    Ok(())
}

fn child_reads(base: &str) -> Result<()> {
    let buffer = open(base)?.get("minute").ok_or("no buffer")?;
    let mut out = vec![0_i16; THREE_SECONDS];
    println!("ready");
    let mut took_ns = Vec::new();
    while took_ns.len() < READS {
        let begin = Instant::now();
        let newest = buffer.frames().end;
        let stretch = Stretch::Frames(newest - THREE_SECONDS as u64..newest);
        match buffer.read_into(stretch, &ReadOptions::new(), &mut out) {
            Ok(_) => took_ns.push(begin.elapsed().as_nanos() as f64),
            // At full speed a minute is overwritten in a fraction of a millisecond: less than a process may have to wait for a core.
            Err(capbuf::Error::Evicted { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    println!("{}", median(took_ns).round());
    Ok(())
}

const CHUNK: usize = 48;
const CHUNKS: usize = 20_000;

/// From before a chunk is written until another has read it: a thread of this process, and another process.
fn between_processes(base: &Path) -> Result<()> {
    let spec = Spec::new(Length::Seconds(10.0), 48_000, 1, SampleFormat::S32)?;
    let registry = open(base)?;
    let buffer = registry.get_or_allocate("thread", spec)?;
    let within = std::thread::scope(|scope| -> Result<Vec<u64>> {
        let listener = scope.spawn(|| listen(&buffer, CHUNKS).map_err(|error| error.to_string()));
        speak(&buffer, CHUNKS)?;
        Ok(listener.join().map_err(|_| "the listener panicked")??)
    })?;
    let buffer = registry.get_or_allocate("process", spec)?;
    let other = Other::start("listen", base, CHUNKS)?;
    speak(&buffer, CHUNKS)?;
    let between = other.numbers()?;
    for (which, at) in [("median", 0), ("p99", 1), ("p99.9", 2)] {
        let what = format!("from write until read, {which}");
        print_ratio(&what, ("other process", between[at] as f64), ("other thread", within[at] as f64));
    }
    registry.remove("thread")?;
    registry.remove("process")?;
    Ok(())
}

/// Writes chunks, each of which begins with the time at which it was written, five thousand a second.
fn speak(buffer: &CaptureBuffer, chunks: usize) -> Result<()> {
    let mut writer = buffer.writer()?;
    let mut chunk = [0_i32; CHUNK];
    // The listener is looking by then.
    std::thread::sleep(Duration::from_millis(50));
    let mut next_ns = SystemClock.monotonic_ns();
    for _ in 0..chunks {
        next_ns += 200_000;
        while SystemClock.monotonic_ns() < next_ns {
            std::hint::spin_loop();
        }
        // The clock counts since the machine was started, the same for all processes.
        let now_ns = SystemClock.monotonic_ns();
        (chunk[0], chunk[1]) = ((now_ns >> 32) as i32, now_ns as i32);
        writer.write(&chunk)?;
    }
    Ok(())
}

/// Looks without a pause, reads each chunk, and returns how late it was: median, p99, p99.9.
fn listen(buffer: &CaptureBuffer, chunks: usize) -> Result<Vec<u64>> {
    let mut late_ns = Histogram::<u64>::new(3)?;
    let mut chunk = [0_i32; CHUNK];
    for number in 0..chunks as u64 {
        let end = (number + 1) * CHUNK as u64;
        while buffer.frames().end < end {
            std::hint::spin_loop();
        }
        buffer.read_into(Stretch::Frames(end - CHUNK as u64..end), &ReadOptions::new(), &mut chunk)?;
        let written_ns = i64::from(chunk[0]) << 32 | i64::from(chunk[1] as u32);
        late_ns.record(SystemClock.monotonic_ns().saturating_sub(written_ns).max(1).unsigned_abs())?;
    }
    Ok([0.5, 0.99, 0.999].map(|quantile| late_ns.value_at_quantile(quantile)).to_vec())
}

fn child_listens(base: &str, chunks: usize) -> Result<()> {
    let buffer = open(base)?.get("process").ok_or("no buffer")?;
    println!("ready");
    listen(&buffer, chunks)?.iter().for_each(|number| println!("{number}"));
    Ok(())
}

fn timed<T>(count: usize, what: &str, job: impl FnOnce() -> Result<T>) -> Result<T> {
    let begin = Instant::now();
    let done = job()?;
    let took = begin.elapsed();
    let each = took.as_secs_f64() * 1e6 / count as f64;
    println!("{what:44} {:.1} ms, {each:.2} us each", took.as_secs_f64() * 1e3);
    Ok(done)
}

/// A tenth of a second at 8 kHz: what matters here is how many there are.
fn short() -> Result<Spec> {
    Ok(Spec::new(Length::Seconds(0.1), 8000, 1, SampleFormat::S16)?)
}

fn many_sources(base: &Path, count: usize) -> Result<()> {
    println!("{count} sources:");
    let names: Vec<_> = (0..count).map(source).collect();
    let registry = open(base)?;
    let options = AllocateOptions::new();
    let get_all = |registry: &Registry| -> Result<()> {
        names.iter().try_for_each(|name| registry.with(name, |_| ()).ok_or("not found"))?;
        Ok(())
    };
    timed(count, "allocate", || make(&registry, &names, &options))?;
    let lister = timed(count, "open", || open(base))?;
    for what in ["list, first: maps each", "list, again"] {
        let listed = timed(count, what, || Ok(lister.buffers().len()))?;
        assert_eq!(listed, count);
    }
    let finder = open(base)?;
    timed(count, "look up, first: maps each", || get_all(&finder))?;
    timed(count, "look up, again", || get_all(&finder))?;
    timed(count, "close what mapped each", || {
        drop(finder);
        Ok(())
    })?;

    timed(count, "sweep, nobody died", || Ok(registry.sweep()?))?;
    drop(Other::start("hold", base, count)?);
    let swept = timed(count, "sweep, one died who had each open", || Ok(registry.sweep()?))?;
    assert_eq!((swept.processes, swept.buffers), (1, 0));
    timed(count, "remove", || Ok(names.iter().try_for_each(|name| registry.remove(name))?))?;
    drop((registry, lister));

    let registry = open(base)?;
    drop(Other::start("make", base, count)?);
    let swept = timed(count, "sweep, the only one who had each open died", || Ok(registry.sweep()?))?;
    assert_eq!((swept.processes, swept.buffers), (1, count));
    Ok(())
}

fn make(registry: &Registry, names: &[String], options: &AllocateOptions) -> Result<()> {
    let spec = short()?;
    Ok(names.iter().try_for_each(|name| registry.get_or_allocate_with(name, spec, options).map(drop))?)
}

/// Says that it has done its first part, and waits to be killed.
fn until_killed() -> ! {
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn child_holds(base: &str, count: usize) -> Result<()> {
    let registry = open(base)?;
    assert_eq!(registry.buffers().len(), count);
    until_killed()
}

fn child_makes(base: &str, count: usize) -> Result<()> {
    let registry = open(base)?;
    let names: Vec<_> = (0..count).map(source).collect();
    make(&registry, &names, &AllocateOptions::new().lifetime(Lifetime::WhileOpen))?;
    until_killed()
}
