//! Takes a writer, writes 4000 frames of the position signal, and forks. Both processes then do as they are told on standard
//! input: first the child, with what it inherited, and when that has ended the parent. Each answers a line by one.
//!
//! usage: `forks_with_writer DOMAIN SOURCE`
//!
//! | order | answer |
//! |---|---|
//! | `who` | `process PID child of PID`, or `process PID` |
//! | `read` | `right FRAMES`: all there are, through the inherited handle |
//! | `write FRAMES` | `written NEXT_FRAME`, by the inherited writer |
//! | `take` | `taken NEXT_FRAME`: an own writer, in place of the inherited one |
//! | `parent-drops` | `done`: the parent drops its writer |
//! | `end`, `_exit` | `ends`: drops everything and ends, or ends without dropping anything |
//!
//! Where capbuf refuses, the answer is `error KIND MESSAGE`.

use std::error::Error;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write};

use capbuf::{AllocateOptions, CaptureBuffer, Length, Lifetime, Registry, SampleFormat, Span, Spec, Writer};
use capbuf_tests::position;

type Outcome<T = String> = Result<T, Box<dyn Error>>;

/// What a process does as it is told.
struct Process {
    writer: Option<Writer>,
    buffer: CaptureBuffer,
    /// In the child: how to reach its parent.
    parent: Option<(PipeWriter, PipeReader)>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [domain, source] = &arguments[..] else { return Err("usage: forks_with_writer DOMAIN SOURCE".into()) };
    let registry = Registry::open(domain)?;
    let spec = Spec::new(Length::Frames(48_000), 48_000, 1, SampleFormat::S16)?;
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let buffer = registry.get_or_allocate_with(source, spec, &options)?;
    let mut writer = buffer.writer()?;
    writer.write(&position::samples(0..4000))?;
    let (mut orders, to_parent) = io::pipe()?;
    let (from_parent, mut answers) = io::pipe()?;
    let mut process = Process { writer: Some(writer), buffer, parent: None };
    // SAFETY: the child goes on with the one thread that forked. What another one may have held is the allocator's, which
    // the system's library keeps usable, and the helper's that commits memory, which the child does not ask for anything.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(io::Error::last_os_error().into());
    }
    if child == 0 {
        drop((orders, answers));
        process.parent = Some((to_parent, from_parent));
        return process.obey();
    }
    drop((to_parent, from_parent));
    // The child's end closes the pipe.
    while orders.read_exact(&mut [0]).is_ok() {
        process.writer = None;
        answers.write_all(&[0])?;
    }
    // SAFETY: waits for a child that this process has; a null pointer stands for no wish to know how it ended.
    if unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) } != child {
        return Err(io::Error::last_os_error().into());
    }
    process.obey()
}

impl Process {
    fn obey(mut self) -> Outcome<()> {
        // Byte by byte: what a child reads ahead its parent would miss.
        while let Some(line) = next_line()? {
            let words: Vec<&str> = line.split(' ').collect();
            let answer = match (&words[..], self.writer.as_mut()) {
                (["end" | "_exit"], _) => "ends".to_owned(),
                (["who"], _) if self.parent.is_some() => {
                    format!("process {} child of {}", std::process::id(), std::os::unix::process::parent_id())
                }
                (["who"], _) => format!("process {}", std::process::id()),
                (["read"], _) => refusal(self.read())?,
                (["write", frames], Some(writer)) => refusal(write(writer, frames.parse()?))?,
                (["take"], _) => refusal(self.take())?,
                (["parent-drops"], _) => {
                    let (to_parent, from_parent) = self.parent.as_mut().ok_or("it is the parent")?;
                    to_parent.write_all(&[0])?;
                    from_parent.read_exact(&mut [0])?;
                    "done".to_owned()
                }
                _ => return Err(format!("{line:?} is no order now").into()),
            };
            // Not through the buffer of the standard library: a child that exits by force would lose it.
            rustix::io::write(io::stdout(), format!("{answer}\n").as_bytes())?;
            match words[0] {
                "end" => return Ok(()),
                // SAFETY: ends the process at once.
                "_exit" => unsafe { libc::_exit(0) },
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&self) -> Outcome {
        let frames = self.buffer.frames();
        let segment = self.buffer.read(Span::Frames(frames.clone()))?;
        let samples = segment.samples().get::<i16>().ok_or("its samples are of another type")?;
        match position::first_wrong(frames.start, samples) {
            None => Ok(format!("right {}", samples.len())),
            Some(at) => Ok(format!("WRONG at frame {}", frames.start + at as u64)),
        }
    }

    fn take(&mut self) -> Outcome {
        let writer = self.buffer.writer()?;
        let next_frame = writer.next_frame();
        self.writer = Some(writer);
        Ok(format!("taken {next_frame}"))
    }
}

fn write(writer: &mut Writer, frames: u64) -> Outcome {
    let next_frame = writer.next_frame();
    writer.write(&position::samples(next_frame..next_frame + frames))?;
    Ok(format!("written {}", writer.next_frame()))
}

fn refusal(outcome: Outcome) -> Outcome {
    outcome.or_else(|error| match error.downcast_ref::<capbuf::Error>() {
        Some(refusal) => Ok(format!("error {:?} {refusal}", refusal.code())),
        None => Err(error),
    })
}

fn next_line() -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while rustix::io::read(io::stdin(), &mut byte)? == 1 {
        if byte[0] == b'\n' {
            return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
        }
        line.push(byte[0]);
    }
    Ok(None)
}
