//! Domains: one allocator for every process.
//!
//! A domain is a folder in shared memory, with a file for each source. Every process of one user that opens the domain of a
//! name has the same buffers, whatever language it is written in and whichever copy of this library it has:
//!
//! ```
//! # let folder = tempfile::tempdir()?;
//! use capbuf::{AllocateOptions, Length, Lifetime, Registry, SampleFormat, Spec, Span};
//!
//! // A recorder...
//! let registry = Registry::builder().domains_folder(folder.path()).open("birds")?;
//! let spec = Spec::new(Length::Seconds(10.0), 48_000, 1, SampleFormat::S16)?;
//! let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
//! let buffer = registry.get_or_allocate_with("device:default", spec, &options)?;
//! buffer.writer()?.write(&[1_i16; 48_000])?;
//!
//! // ... and, in another process, a reader of the same memory.
//! let elsewhere = Registry::builder().domains_folder(folder.path()).open("birds")?;
//! let same = elsewhere.get("device:default").expect("the recorder made it");
//! assert!(same.same_as(&buffer));
//! assert_eq!(same.read(Span::Frames(0..48_000))?.frames(), 48_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where
//! In `CAPBUF_DIR`, or `/dev/shm/capbuf-UID`; the domain that is meant when none is named is `CAPBUF_DOMAIN`, or `default`. Folders
//! have mode 0700 and files 0600; what belongs to another user, is open to others, or is a link, is refused. Processes that are
//! to share a domain must see the same folder: containers need it mounted, and Docker's 64 MB of `/dev/shm` made larger.
//!
//! # What is in the folder
//! | file | what it is |
//! |---|---|
//! | `HASH-N.ring` | a buffer, laid out as [`layout`](super::layout) says; `HASH` is of the source's name, `N` tells sources with one hash apart |
//! | `HASH.claim` | the lock under which the buffer of a source is made or removed, and its feed is claimed |
//! | `HASH.new` | a buffer that is being made |
//! | `HASH.feed` | the lock of who feeds a source, from before it has a buffer |
//! | `process-NUMBER` | the lock that shows that a process lives which has the domain open |
//!
//! # Made once
//! Who wants to make a buffer takes the lock file, looks whether there is one by now, reserves the space, builds the buffer under a name
//! that nobody looks for, and publishes it by an atomic rename. A claimer that dies, at whatever step, loses its lock to the
//! next one at once, and that one begins anew. A lock file is taken away only by who holds its lock, so who has locked it
//! and finds it still there is alone.
//!
//! # Who lives
//! A process holds one lock for as long as it has a domain open, and the kernel drops it however the process ends. A writer's
//! lease and the mark of who has a buffer open bear the number of that lock's file, and count for as long as it is locked. So
//! the lease of a killed writer is free at once, and the next writer goes on in the same ring, after a gap that is on record.
//!
//! A forked child lets go of its parent's locks and may go on reading. A writer that it inherited refuses to write.
//!
//! # How long a buffer stays
//! Until it is removed, by default: the next process finds the audio where the last one left it, whether that one closed the domain or
//! was killed. Or while a process has it open: [`Lifetime::WhileOpen`](crate::Lifetime::WhileOpen). What the killed left of those is
//! taken away by the next process that opens the domain, or by [`Registry::sweep`](crate::Registry::sweep). Memory goes back when
//! the file is gone and no process has it mapped any more.
//!
//! # What is trusted
//! Nothing that is read from a file: sizes are computed from the checked shape and compared, counters are bounded where they are
//! used, and what does not fit is an error; removing the source takes away what is damaged. Only a file that is cut short while it is mapped can still end a process, by a signal from
//! the kernel, and nobody but the same user can do that.
