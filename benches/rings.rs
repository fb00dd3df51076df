//! Rings of 16-bit frames, ours and the alternatives: written in chunks, read by copying.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, SampleFormat, Span, Spec, Writer};
use ringbuf::traits::{Consumer as _, Producer as _, Split as _};

use crate::Result;
use crate::report::OURS;

/// The sample rate; all rings are mono.
pub(crate) const RATE_HZ: usize = 48_000;

/// Returns the spec of mono at 48 kHz in 16 bits.
///
/// # Errors
/// If no buffer can have this length.
pub(crate) fn spec(seconds: usize) -> Result<Spec> {
    Ok(Spec::new(Length::Seconds(seconds as f64), RATE_HZ as u32, 1, SampleFormat::S16)?)
}

/// Returns a frame of the test signal, which encodes its number.
pub(crate) fn signal(frame: u64) -> i16 {
    frame.wrapping_mul(40_503) as i16
}

/// A ring that is written in chunks of `N` frames.
pub(crate) trait Ring<const N: usize>: Sized {
    /// The name in the table.
    const NAME: &'static str;
    /// The number of chunks before [`Ring::make_room`]; only queues are limited.
    const CHUNKS: u64 = u64::MAX;

    /// Makes an empty ring.
    ///
    /// # Errors
    /// If the ring cannot be allocated.
    fn with_seconds(seconds: usize) -> Result<Self>;
    /// Writes the next frames.
    fn write(&mut self, chunk: &[i16; N]);
    /// Copies the newest chunk out.
    fn newest(&mut self, out: &mut [i16; N]) -> bool;
    /// Empties a queue.
    fn make_room(&mut self) {}

    /// Makes a ring, checks that it returns what is written, and touches its memory.
    ///
    /// # Errors
    /// If the ring returns other frames than were written.
    fn checked(seconds: usize) -> Result<Self> {
        let mut ring = Self::with_seconds(seconds)?;
        let (mut chunk, mut out) = ([0; N], [0; N]);
        for number in 0..(seconds * RATE_HZ / N + 10) as u64 {
            chunk.iter_mut().zip(number * N as u64..).for_each(|(to, frame)| *to = signal(frame));
            ring.write(&chunk);
            if !ring.newest(&mut out) || out != chunk {
                return Err(format!("{} returns other frames than were written", Self::NAME).into());
            }
        }
        Ok(ring)
    }
}

/// capbuf, with a capture time for each chunk, as a device passes it.
pub(crate) struct Capbuf {
    /// The buffer to read from.
    pub(crate) buffer: CaptureBuffer,
    writer: Writer,
    utc_ns: i64,
}

impl Capbuf {
    /// Acquires the writer of a buffer of mono at 48 kHz.
    ///
    /// # Errors
    /// If another writer holds the buffer.
    pub(crate) fn of(buffer: CaptureBuffer) -> Result<Self> {
        let writer = buffer.writer()?;
        Ok(Self { buffer, writer, utc_ns: 1_700_000_000_000_000_000 })
    }

    /// Writes the next frames and their time.
    pub(crate) fn put(&mut self, chunk: &[i16]) {
        // The only error is a removed buffer; this one is not removed.
        let _ = self.writer.write_at(chunk, self.utc_ns);
        self.utc_ns += chunk.len() as i64 * 1_000_000_000 / RATE_HZ as i64;
    }

    /// Copies the newest frames out.
    pub(crate) fn last(&self, out: &mut [i16]) -> bool {
        let newest = self.buffer.frames().end;
        let span = Span::Frames(newest.saturating_sub(out.len() as u64)..newest);
        self.buffer.read_into(span, &ReadOptions::new(), out).is_ok()
    }
}

impl<const N: usize> Ring<N> for Capbuf {
    const NAME: &'static str = OURS;

    fn with_seconds(seconds: usize) -> Result<Self> {
        // `checked` touches the memory. A helper thread for each ring, which no real program has,
        // would place its stack between the rings, at a distance at which their lines evict each
        // other from the nearest cache.
        let registry = Registry::builder().commit_ahead(false).build();
        Self::of(registry.get_or_allocate("bench", spec(seconds)?)?)
    }

    fn write(&mut self, chunk: &[i16; N]) {
        self.put(chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        self.last(out)
    }
}

/// The limit: `memcpy` to and from as much memory, without times or synchronization.
pub(crate) struct PlainCopy {
    memory: Vec<i16>,
    next: usize,
}

impl PlainCopy {
    /// Makes a ring.
    pub(crate) fn new(seconds: usize) -> Self {
        // Non-zero, so that each page is committed.
        Self { memory: vec![1; seconds * RATE_HZ], next: 0 }
    }

    /// Writes the next frames.
    pub(crate) fn put(&mut self, chunk: &[i16]) {
        let before = chunk.len().min(self.memory.len() - self.next);
        let (first, second) = chunk.split_at(before);
        self.memory[self.next..self.next + before].copy_from_slice(first);
        self.memory[..second.len()].copy_from_slice(second);
        self.next += chunk.len();
        if self.next >= self.memory.len() {
            self.next -= self.memory.len();
        }
    }

    /// Copies the newest frames out.
    pub(crate) fn last(&self, out: &mut [i16]) {
        let len = self.memory.len();
        let begin = (self.next + len - out.len()) % len;
        let (first, second) = out.split_at_mut(out.len().min(len - begin));
        first.copy_from_slice(&self.memory[begin..begin + first.len()]);
        second.copy_from_slice(&self.memory[..second.len()]);
    }
}

impl<const N: usize> Ring<N> for PlainCopy {
    const NAME: &'static str = "limit: memcpy";

    fn with_seconds(seconds: usize) -> Result<Self> {
        Ok(Self::new(seconds))
    }

    fn write(&mut self, chunk: &[i16; N]) {
        self.put(chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        self.last(out);
        true
    }
}

/// The usual way: the plain copy behind a lock.
pub(crate) type MutexRing = Mutex<PlainCopy>;

impl<const N: usize> Ring<N> for MutexRing {
    const NAME: &'static str = "Mutex ring";

    fn with_seconds(seconds: usize) -> Result<Self> {
        Ok(Self::new(PlainCopy::new(seconds)))
    }

    fn write(&mut self, chunk: &[i16; N]) {
        // Through the lock: `get_mut` would measure something else.
        let ring: &Self = self;
        ring.lock().unwrap_or_else(PoisonError::into_inner).put(chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        let ring: &Self = self;
        ring.lock().unwrap_or_else(PoisonError::into_inner).last(out);
        true
    }
}

/// Overwriting, one writer, many readers, messages of one size in slots of atomic words.
pub(crate) struct PhotonRing<const N: usize>(photon_ring::Publisher<[i16; N]>, photon_ring::Subscriber<[i16; N]>);

impl<const N: usize> Ring<N> for PhotonRing<N> {
    const NAME: &'static str = "photon-ring";

    fn with_seconds(seconds: usize) -> Result<Self> {
        let (publisher, subscribable) = photon_ring::channel((seconds * RATE_HZ / N).next_power_of_two());
        Ok(Self(publisher, subscribable.subscribe()))
    }

    fn write(&mut self, chunk: &[i16; N]) {
        self.0.publish(*chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        self.1.latest().is_some_and(|newest| {
            *out = newest;
            true
        })
    }
}

/// Overwriting, one writer, many readers, messages of any size.
///
/// Unsound: it writes by plain copies to memory behind a shared slice.
pub(crate) struct Bcast {
    writer: bcast::Writer,
    reader: bcast::Reader,
    _memory: Box<[UnsafeCell<u64>]>,
}

impl<const N: usize> Ring<N> for Bcast {
    const NAME: &'static str = "bcast (unsound)";

    fn with_seconds(seconds: usize) -> Result<Self> {
        let bytes = (seconds * RATE_HZ * 2).next_power_of_two() + bcast::HEADER_SIZE;
        let memory: Box<[_]> = (0..bytes.div_ceil(8)).map(|_| UnsafeCell::new(0_u64)).collect();
        // SAFETY: `memory` has at least `bytes` bytes and outlives the ring. bcast takes the memory
        // that it writes as a shared slice.
        let slice = unsafe { std::slice::from_raw_parts(memory.as_ptr().cast::<u8>(), bytes) };
        let ring = bcast::RingBuffer::new(slice);
        let writer = ring.clone().into_writer();
        Ok(Self { writer, reader: ring.into_reader(), _memory: memory })
    }

    fn write(&mut self, chunk: &[i16; N]) {
        let mut claim = self.writer.claim(size_of_val(chunk), true);
        claim.get_buffer_mut().copy_from_slice(bytes_of(chunk));
        claim.commit();
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        let mut read = false;
        while let Some(Ok(message)) = self.reader.receive_next() {
            let mut bytes = vec![0; size_of_val(out)];
            // The rest of a lap is an empty message.
            if message.read(&mut bytes).is_ok_and(|len| len == bytes.len()) {
                out.iter_mut().zip(bytes.as_chunks().0).for_each(|(to, from)| *to = i16::from_ne_bytes(*from));
                read = true;
            }
        }
        read
    }
}

/// Views samples as bytes.
fn bytes_of(samples: &[i16]) -> &[u8] {
    // SAFETY: each byte of a slice of integers is initialised, and bytes need no alignment.
    unsafe { std::slice::from_raw_parts(samples.as_ptr().cast(), size_of_val(samples)) }
}

/// Overwriting, one writer, many readers, messages of one size, in a file of shared memory.
///
/// Unsound: readers make plain copies of memory that is being written.
pub(crate) struct Ringfire<const N: usize> {
    producer: ringfire::RingProducer<[i16; N]>,
    consumer: ringfire::RingConsumer<[i16; N]>,
    _folder: tempfile::TempDir,
}

impl<const N: usize> Ring<N> for Ringfire<N> {
    const NAME: &'static str = "ringfire (unsound)";

    fn with_seconds(seconds: usize) -> Result<Self> {
        let folder = crate::children::shared_memory()?;
        let chunks = (seconds * RATE_HZ / N).next_power_of_two() as u64;
        let path = folder.path().join("ring");
        let producer = ringfire::RingProducer::create(&path, chunks)?;
        let consumer = ringfire::RingConsumer::attach(&path)?;
        Ok(Self { producer, consumer, _folder: folder })
    }

    fn write(&mut self, chunk: &[i16; N]) {
        self.producer.push(chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        self.consumer.try_recv().is_some_and(|newest| {
            *out = newest;
            true
        })
    }
}

/// A queue of one producer and one consumer: does not overwrite, one reader.
pub(crate) struct Rtrb(rtrb::Producer<i16>, rtrb::Consumer<i16>);

impl<const N: usize> Ring<N> for Rtrb {
    const NAME: &'static str = "rtrb (queue)";
    const CHUNKS: u64 = (QUEUE_FRAMES / N) as u64;

    fn with_seconds(_: usize) -> Result<Self> {
        let (producer, consumer) = rtrb::RingBuffer::new(QUEUE_FRAMES);
        Ok(Self(producer, consumer))
    }

    fn write(&mut self, chunk: &[i16; N]) {
        // Never full: `make_room` ran before.
        let _ = self.0.push_entire_slice(chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        self.1.pop_entire_slice(out).is_ok()
    }

    fn make_room(&mut self) {
        if let Ok(chunk) = self.1.read_chunk(self.1.slots()) {
            chunk.commit_all();
        }
    }
}

/// Sixty seconds.
const QUEUE_FRAMES: usize = 60 * RATE_HZ;

/// A queue of one producer and one consumer: does not overwrite, one reader.
pub(crate) struct Ringbuf(ringbuf::HeapProd<i16>, ringbuf::HeapCons<i16>);

impl<const N: usize> Ring<N> for Ringbuf {
    const NAME: &'static str = "ringbuf (queue)";
    const CHUNKS: u64 = (QUEUE_FRAMES / N) as u64;

    fn with_seconds(_: usize) -> Result<Self> {
        let (producer, consumer) = ringbuf::HeapRb::new(QUEUE_FRAMES).split();
        Ok(Self(producer, consumer))
    }

    fn write(&mut self, chunk: &[i16; N]) {
        self.0.push_slice(chunk);
    }

    fn newest(&mut self, out: &mut [i16; N]) -> bool {
        self.1.pop_slice(out) == N
    }

    fn make_room(&mut self) {
        self.1.clear();
    }
}

/// The limit of reading beside a writer at full speed: a plain ring whose writer waits for the
/// reader.
///
/// Useless, as its writer waits; but its reader does a `memcpy` of memory that another core has
/// just written.
pub(crate) struct WaitingRing {
    memory: Box<[UnsafeCell<i16>]>,
    /// One past the newest frame.
    head: AtomicU64,
    /// The oldest frame that the reader may be copying.
    reading: AtomicU64,
}

// SAFETY: the writer waits until `reading` excludes the chunk, and the reader copies only frames
// that `head` published.
unsafe impl Sync for WaitingRing {}

impl WaitingRing {
    /// Makes a ring.
    pub(crate) fn new(seconds: usize) -> Arc<Self> {
        let memory = (0..seconds * RATE_HZ).map(|_| UnsafeCell::new(1)).collect();
        Arc::new(Self { memory, head: AtomicU64::new(0), reading: AtomicU64::new(u64::MAX) })
    }

    /// Writes the next frames; `chunk`'s length must divide the ring's. For one thread.
    pub(crate) fn put(&self, chunk: &[i16]) {
        let (head, len) = (self.head.load(Ordering::Relaxed), self.memory.len() as u64);
        let end = head + chunk.len() as u64;
        // Announces, then looks at the reader, which announces and then looks at `head`.
        self.head.store(head, Ordering::SeqCst);
        while self.reading.load(Ordering::SeqCst).saturating_add(len / 2) < end {
            std::hint::spin_loop();
        }
        let to = self.memory[(head % len) as usize].get();
        // SAFETY: the chunk lies within the memory, since its length divides the ring's, and the
        // reader is not here: it is less than half the ring behind.
        unsafe { std::ptr::copy_nonoverlapping(chunk.as_ptr(), to, chunk.len()) };
        self.head.store(end, Ordering::Release);
    }

    /// Copies the newest frames out, at most a quarter of the ring. For one thread.
    pub(crate) fn last(&self, out: &mut [i16]) -> bool {
        let len = self.memory.len() as u64;
        let newest = self.head.load(Ordering::Acquire);
        let Some(begin) = newest.checked_sub(out.len() as u64) else { return false };
        self.reading.store(begin, Ordering::SeqCst);
        if self.head.load(Ordering::SeqCst) > begin + len / 2 {
            // The writer was faster and may overwrite the span.
            self.reading.store(u64::MAX, Ordering::SeqCst);
            return false;
        }
        let first = (begin % len) as usize;
        let (before, after) = out.split_at_mut(out.len().min(self.memory.len() - first));
        // SAFETY: within the memory, written before `head`, and `reading` keeps the writer away.
        unsafe { std::ptr::copy_nonoverlapping(self.memory[first].get(), before.as_mut_ptr(), before.len()) };
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(self.memory[0].get(), after.as_mut_ptr(), after.len()) };
        self.reading.store(u64::MAX, Ordering::Release);
        true
    }
}
