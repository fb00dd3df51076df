//! Domains: one allocator for every process.
//!
//! A domain is a folder in shared memory, with a file for each source. All processes of one user
//! that open a domain share its buffers, in whatever language they are written and whichever copy
//! of this library they load:
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
//! # Location
//! Domains lie in `CAPBUF_DIR`, or `/dev/shm/capbuf-UID`. The default domain is `CAPBUF_DOMAIN`, or
//! `default`. Folders have mode 0700 and files 0600, whatever the umask. Files of another user,
//! files open to others, and links are refused. A source that can't be looked up, for want of
//! permission or of descriptors, is an error, never absent: see
//! [`Registry::try_get`](crate::Registry::try_get). Processes that share a domain must see the same
//! folder: mount it into containers, and enlarge Docker's 64 MB of `/dev/shm`.
//!
//! A ring's memory is reserved before it is mapped, on file systems without `fallocate` by writing
//! zeros. A ring larger than the process's limit of a file (`ulimit -f`) is an error.
//!
//! # Files
//! | file | content |
//! |---|---|
//! | `HASH-N.ring` | a buffer, see [`layout`](super::layout); `HASH` is of the source's name and the key, `N` distinguishes sources with the same hash |
//! | `HASH.claim` | the lock file under which a source's buffer is allocated or removed |
//! | `HASH.new` | a buffer under construction |
//! | `HASH.feed` | the lock of a source claim, held from before the source has a buffer, with the state that the recorder publishes; it stays for a source that failed, while its recorder lives |
//! | `process-NUMBER` | the liveness lock of a process that has the domain open |
//! | `NUMBER.track` | the log of a process that tracks allocations |
//! | `NUMBER.found` | the findings of a process's watches |
//! | `ended.sums` | the counts of ended processes whose logs were removed |
//! | `.switches` | a word for each registry, by which tracking is switched: see [`layout`](super::layout) |
//! | `.found-sums` | the counts of findings whose files were removed, and the highest counts shown, in JSON |
//! | `.mark` | the counts at the last `capbuf report --reset`, in JSON |
//! | `.key` | the random key of these hashes, made with the domain: a source may hold a password, and no file's name lets it be guessed |
//!
//! Other files, and such files that are damaged, of another user or of a wrong mode, stop nothing
//! and stay: [`Registry::unusable_files`](crate::Registry::unusable_files) and reports name them.
//!
//! # Allocated once
//! A process that allocates a buffer takes the source's lock file, checks that there is still no
//! buffer, reserves the space, builds the buffer under a hidden name, and publishes it by an atomic
//! rename. If it dies, at whatever step, the kernel drops its lock, and the next process begins
//! anew. Only its holder removes a lock file, so a process that has locked it and still finds its
//! name is the only holder.
//!
//! A ring's name is removed under a lock on the ring's own file, so a ring can be removed where
//! there is no room for a lock file.
//!
//! # Without room, or for reading only
//! A process that finds no room for its liveness lock, or a file system that is mounted for
//! reading, can read. It has no mark in a ring: a buffer that stays only while it is open does not
//! stay for it. Everything else is an error, apart from removing and sweeping on a full file
//! system, which make room.
//!
//! # Liveness
//! A process holds one liveness lock while it has a domain open. The kernel drops it however the
//! process ends. A writer's lease and the mark of a process that has a buffer open bear the number
//! of that lock, and are valid while it is held. So the lease of a killed writer is free at once,
//! and the next writer continues in the same ring, after a gap on record. If the clock of an
//! earlier writer was ahead, the next one begins a new epoch with right times: see "Epochs" in
//! [`time`](super::time).
//!
//! The number of a liveness lock says which process took it: its PID, a hash of its PID namespace
//! and its start time. A lock file that is *missing* therefore decides nothing. The process counts,
//! and while it may live, its lease is not given away and its marks stay. A process puts back its
//! own lock files and the key when it finds them missing: at each allocation and claim, and once a
//! second while it captures.
//!
//! # Files that are taken away
//! Cleaners, `rm` and logind's `RemoveIPC` (at a user's last logout) remove files of running
//! processes. Memory that is mapped stays readable. Whoever finds the file of a buffer gone, or the
//! folder removed, moved or replaced, marks the buffer as removed:
//! [`CaptureBuffer::is_removed`](crate::CaptureBuffer::is_removed), the writer's next write, a
//! waiting read, [`SourceClaim::check`](crate::SourceClaim::check). The registry makes a new folder
//! for the next allocation; a capture records on into a new buffer, and reports a `lost buffer`.
//! Two processes that both found an empty folder may both have recorded a source for a second; the
//! later one then gets [`Error::WriterBusy`](crate::Error::WriterBusy).
//!
//! A wait for a lock (of a lock file, a ring's file, the key) ends after ten seconds with an error
//! that names the holder, which may be frozen; the wait is logged after one. The end of a handle
//! waits one second; what it leaves, a sweep removes.
//!
//! # Forks
//! A forked child has none of its parent's locks: it closes their descriptors as its first step. It
//! may read with what it inherited: look up buffers, also such as it has still to map, read them,
//! and ask for their status, reports and metrics. It may drop everything. All else is
//! [`Error::Forked`](crate::Error::Forked), at once, and changes nothing in the parent: allocating,
//! removing, claiming, taking a writer and writing, sweeping, trimming, watching, stopping a
//! capture, reconfiguring a station. What only a thread of the parent knows, as a watch's events,
//! is not in the child. A registry that the child opens is its own, and can do all.
//!
//! Whatever the parent's other threads were doing at the fork, no call in the child waits for them:
//! a child takes no inherited lock, joins no inherited thread, and replaces a slot that was being
//! filled. A child of `_Fork` or `clone`, for which no fork handler runs, is recognised by a page
//! that the kernel wipes (Linux 4.14); its inherited locks are closed by its first call other than
//! a write.
//!
//! A process may close the library's descriptors, as daemons do with all that they find open. The
//! library uses a number only while it still is its own file, as device and inode say. No file of
//! it gets number 0, 1 or 2.
//!
//! # Lifetime
//! By default a buffer stays until it is removed: the next process finds the audio, whether the
//! last one closed the domain or was killed. With
//! [`Lifetime::WhileOpen`](crate::Lifetime::WhileOpen) it stays while a process has it open, and
//! ends at once with the last one that ends in order. The next process that opens the domain, or
//! [`Registry::sweep`](crate::Registry::sweep), removes what killed readers left of those. Memory
//! is freed when the file is gone and no process has it mapped.
//!
//! If its recorder is killed, such a buffer is *orphaned*, and stays for a grace time: ten minutes,
//! or what [`RegistryBuilder::grace`](crate::RegistryBuilder::grace) or `CAPBUF_GRACE` (seconds, at
//! most seven days) say in the recorder. A recorder is a process that holds the writer, or whose
//! published state is not an end. The next one goes on in the buffer; one that asks for another
//! shape, and has claimed the source, replaces it, also under readers. The time begins when a
//! process first notices the death: by opening the domain, a sweep, a status, or by ending as the
//! last reader. It counts while the machine is suspended, and whatever the clock is set to. In a
//! `CAPBUF_DIR` on disk it may end early or late after a reboot: a time noticed before counts as
//! one since, once the machine has run for as long. Once it is over, the next process that opens
//! the domain, or the next sweep, removes the buffer, unless a recorder has claimed the source and
//! waits for it. `capbuf list` and
//! [`Status::orphaned_left`](crate::Status::orphaned_left) show the time left. The recorder's
//! `process-NUMBER` file stays as long. A program that ends without dropping its handles (`exit`,
//! or a Go program without `Close`) counts as killed.
//!
//! # Holders
//! A process that has a buffer open counts once, however many registries and handles it has. 128
//! processes are listed ([`CaptureBuffer::opened_by`](crate::CaptureBuffer::opened_by)). More can
//! read and write as the others do, and are counted:
//! [`Status::unlisted_processes`](crate::Status::unlisted_processes). That number is never above
//! that of the living processes that have the domain open and are not listed; below that, killed
//! ones stay counted until a sweep. A `WhileOpen` buffer does not stay for a reader that is not
//! listed, which keeps the memory that it has mapped. It stays for its writer, listed or not.
//!
//! # Trust
//! No value read from a file is trusted. Sizes are computed from the checked spec and compared,
//! counters are bounded where they are used, and a mismatch is an error; removing the source
//! removes damaged files. One fault remains: a file that is cut short while it is mapped ends a
//! process by SIGBUS when it touches what is gone, and only the same user can do that. It is looked
//! for, where that costs little, by asking the kernel for the last page: before a read into new
//! memory, after each sleep of a waiting read, when windows or a writer are taken, by a status, and
//! four times a second by a capture's watchdog. Whoever finds it gets
//! [`Error::Corrupt`](crate::Error::Corrupt), and the buffer is removed for this process; a capture
//! goes on in a new one. What is left: a call that touches the memory between the cut and the next
//! look, a read into the caller's memory, and kernels before 5.14.
