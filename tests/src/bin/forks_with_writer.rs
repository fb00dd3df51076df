//! Acquires a writer, writes 4000 frames of the position signal, and forks.
//!
//! First the child obeys commands on standard input, with the inherited handles; once it has ended,
//! the parent does. Each line of input gets a line of output.
//!
//! usage: `forks_with_writer DOMAIN SOURCE [clone]`; `clone` forks without fork handlers
//!
//! | command | reply |
//! |---|---|
//! | `id` | `process PID child of PID`, or `process PID` |
//! | `read` | `right FRAMES`: all frames, through the inherited handle |
//! | `write FRAMES` | `written NEXT_FRAME`, by the current writer |
//! | `writer` | `writer NEXT_FRAME`: replaces the inherited writer by a new one |
//! | `reopen` | `reopened`: opens the domain again, as a process of its own |
//! | `parent-drops` | `done`: the parent dropped its writer |
//! | `end`, `_exit` | `ends`: ends with or without dropping the handles |
//!
//! A capbuf error is the reply `error KIND MESSAGE`.

use std::error::Error;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write};

use capbuf::{AllocateOptions, CaptureBuffer, Length, Lifetime, Registry, SampleFormat, Span, Spec, Writer};
use capbuf_tests::position;

type Outcome<T = String> = Result<T, Box<dyn Error>>;

/// The handles of the parent or the child.
struct Process {
    writer: Option<Writer>,
    buffer: CaptureBuffer,
    registry: Registry,
    domain: String,
    /// In the child: pipes to and from the parent.
    parent: Option<(PipeWriter, PipeReader)>,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [domain, source, how @ ..] = &arguments[..] else {
        return Err("usage: forks_with_writer DOMAIN SOURCE [clone]".into());
    };
    let registry = Registry::open(domain)?;
    let spec = Spec::new(Length::Frames(48_000), 48_000, 1, SampleFormat::S16)?;
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let buffer = registry.get_or_allocate_with(source, spec, &options)?;
    let mut writer = buffer.writer()?;
    // After many chunks on time, most take the shortest path.
    for first in (0..4000).step_by(4) {
        writer.write_at(&position::samples(first..first + 4), utc_ns(first))?;
    }
    let (mut requests, to_parent) = io::pipe()?;
    let (from_parent, mut replies) = io::pipe()?;
    let mut process = Process { writer: Some(writer), buffer, registry, domain: domain.clone(), parent: None };
    let fork: unsafe extern "C" fn() -> libc::pid_t = if how.is_empty() { libc::fork } else { fork_without_handlers };
    // SAFETY: the child has only the thread that forked. Locks that other threads may have held are
    // the allocator's, which the C library keeps usable, and those of the helper thread, which the
    // child does not use.
    let child = unsafe { fork() };
    if child < 0 {
        return Err(io::Error::last_os_error().into());
    }
    if child == 0 {
        drop((requests, replies));
        process.parent = Some((to_parent, from_parent));
        return process.obey();
    }
    drop((to_parent, from_parent));
    // The child's end closes the pipe.
    while requests.read_exact(&mut [0]).is_ok() {
        process.writer = None;
        replies.write_all(&[0])?;
    }
    // SAFETY: waits for this process's own child; a null pointer ignores its status.
    if unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) } != child {
        return Err(io::Error::last_os_error().into());
    }
    process.obey()
}

/// Forks as `_Fork` does.
///
/// # Safety
/// As `fork`.
unsafe extern "C" fn fork_without_handlers() -> libc::pid_t {
    // SAFETY: without flags it shares nothing but what a fork shares.
    unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::pid_t }
}

impl Process {
    fn obey(mut self) -> Outcome<()> {
        // Byte by byte: input that a child reads ahead is lost for its parent.
        while let Some(line) = next_line()? {
            let words: Vec<&str> = line.split(' ').collect();
            let reply = match (&words[..], self.writer.as_mut()) {
                (["end" | "_exit"], _) => "ends".to_owned(),
                (["id"], _) if self.parent.is_some() => {
                    format!("process {} child of {}", std::process::id(), std::os::unix::process::parent_id())
                }
                (["id"], _) => format!("process {}", std::process::id()),
                (["read"], _) => as_reply(self.read())?,
                (["write", frames], Some(writer)) => as_reply(write(writer, frames.parse()?))?,
                (["writer"], _) => as_reply(self.take_writer())?,
                (["reopen"], _) => as_reply(self.reopen())?,
                (["parent-drops"], _) => {
                    let (to_parent, from_parent) = self.parent.as_mut().ok_or("this is the parent")?;
                    to_parent.write_all(&[0])?;
                    from_parent.read_exact(&mut [0])?;
                    "done".to_owned()
                }
                _ => return Err(format!("{line:?} is no command now").into()),
            };
            // Unbuffered: `_exit` would lose the standard library's buffer.
            rustix::io::write(io::stdout(), format!("{reply}\n").as_bytes())?;
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

    fn reopen(&mut self) -> Outcome {
        self.registry = Registry::open(&self.domain)?;
        self.buffer = self.registry.get(self.buffer.source().as_str()).ok_or("it has no buffer")?;
        Ok("reopened".to_owned())
    }

    fn take_writer(&mut self) -> Outcome {
        let writer = self.buffer.writer()?;
        let next_frame = writer.next_frame();
        self.writer = Some(writer);
        Ok(format!("writer {next_frame}"))
    }
}

/// When a frame was captured.
fn utc_ns(frame: u64) -> i64 {
    1_800_000_000_000_000_000 + (frame * 1_000_000_000 / 48_000).cast_signed()
}

fn write(writer: &mut Writer, frames: u64) -> Outcome {
    let next_frame = writer.next_frame();
    writer.write_at(&position::samples(next_frame..next_frame + frames), utc_ns(next_frame))?;
    Ok(format!("written {}", writer.next_frame()))
}

/// Turns a capbuf error into a reply.
fn as_reply(outcome: Outcome) -> Outcome {
    outcome.or_else(|error| match error.downcast_ref::<capbuf::Error>() {
        Some(error) => Ok(format!("error {:?} {error}", error.code())),
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
