//! The bytes of a file, through a window that can be looked into ahead of the position.

use std::io::{self, Read, Seek, SeekFrom};

/// The bytes that an [`Input`] reads: those of a file or, in a test, in memory.
pub(super) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A file with a position. Holds no more than was peeked at once, rounded up to a step. Its errors
/// are reasons why the file can't be read.
pub(super) struct Input {
    from: Box<dyn Bytes>,
    /// The length of the file when it was opened.
    len: u64,
    /// The position of `held[start]` in the file.
    pos: u64,
    held: Vec<u8>,
    start: usize,
}

/// The least number of bytes to read at once.
const STEP: usize = 1 << 16;

fn failed(error: io::Error) -> String {
    error.to_string()
}

impl Input {
    pub(super) fn new(mut from: Box<dyn Bytes>) -> Result<Self, String> {
        let len = from.seek(SeekFrom::End(0)).map_err(failed)?;
        from.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Self { from, len, pos: 0, held: Vec::new(), start: 0 })
    }

    /// Returns the number of bytes after the position, as of the opening.
    pub(super) fn left(&self) -> u64 {
        self.len.saturating_sub(self.pos)
    }

    pub(super) fn pos(&self) -> u64 {
        self.pos
    }

    pub(super) fn seek(&mut self, to: u64) -> Result<(), String> {
        match to.checked_sub(self.pos) {
            Some(ahead) if ahead <= (self.held.len() - self.start) as u64 => self.consume(ahead as usize),
            _ => {
                self.held.clear();
                self.start = 0;
                self.pos = self.from.seek(SeekFrom::Start(to)).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Skips bytes, beyond the end, too.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), String> {
        self.seek(self.pos.saturating_add(bytes).min(i64::MAX as u64))
    }

    /// Returns at least `wanted` bytes from the position on; fewer only at the end of the file.
    ///
    /// # Errors
    /// Those of reading, and that the file has become shorter since it was opened.
    pub(super) fn peek(&mut self, wanted: usize) -> Result<&[u8], String> {
        if self.held.len() - self.start < wanted {
            self.held.drain(..self.start);
            self.start = 0;
            let missing = (wanted - self.held.len()).max(STEP) as u64;
            self.from.by_ref().take(missing).read_to_end(&mut self.held).map_err(failed)?;
            let end = self.pos + self.held.len() as u64;
            if self.held.len() < wanted && end < self.len {
                return Err(format!("it was cut short while it was read: {end} of its {} bytes are left", self.len));
            }
        }
        Ok(&self.held[self.start..])
    }

    /// Moves the position over peeked bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held.len() - self.start);
        self.start += bytes;
        self.pos += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_moves_over_the_file_and_stays_small() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
        let mut input = Input::new(Box::new(io::Cursor::new(bytes.clone()))).expect("bytes");
        let mut seen = Vec::new();
        loop {
            let peeked = input.peek(1000).expect("bytes");
            let part = peeked.len().min(777);
            if part == 0 {
                break;
            }
            seen.extend_from_slice(&peeked[..part]);
            input.consume(part);
            assert!(input.held.capacity() < 4 * STEP);
        }
        assert_eq!(seen, bytes);
        input.seek(500_003).expect("there");
        assert_eq!((input.peek(1).expect("bytes")[0], input.left()), (bytes[500_003], 499_997));
        input.skip(u64::MAX).expect("beyond the end");
        assert!(input.peek(10).expect("nothing").is_empty());
    }

    /// A file of 1000 bytes that becomes one of 400.
    struct CutShort(io::Cursor<Vec<u8>>);

    impl Read for CutShort {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let left = 400_u64.saturating_sub(self.0.position());
            self.0.by_ref().take(left).read(into)
        }
    }

    impl Seek for CutShort {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn file_that_is_cut_short_while_it_is_read_has_no_end() {
        let mut input = Input::new(Box::new(CutShort(io::Cursor::new(vec![7; 1000])))).expect("bytes");
        assert_eq!(input.peek(400).expect("what is left").len(), 400);
        input.consume(400);
        let error = input.peek(1).expect_err("the rest is missing").to_string();
        assert!(error.contains("400 of its 1000 bytes are left"), "{error}");
    }
}
