//! Tracking: where allocations come from, and how to see it.
//!
//! A registry that tracks records each attempt to get a buffer: its result, time, thread, call site
//! and stack, in a log of bounded size. Off, it costs one relaxed load an attempt.
//! [`enable_allocation_tracking`](crate::Registry::enable_allocation_tracking) switches it on, or
//! the environment's `DEBUG_BUFFER_ALLOC`, without a change in the program.
//!
//! # `DEBUG_BUFFER_ALLOC`
//! | value | meaning |
//! |---|---|
//! | `true`, `1`, `yes`, `on` | every registry tracks, unless it was opened with another setting |
//! | unset, empty, `false`, `0`, `no`, `off` | none does |
//! | another | none does; reported once on stderr, with what is allowed |
//!
//! A domain's report is made from outside: `capbuf report`. The first domain that is opened says so
//! on stderr, once in a process.
//!
//! A private registry is seen by its own process only, so its report is printed to stderr:
//!
//! - when its last handle is dropped, or at an orderly end of the process, whichever comes first;
//! - at SIGUSR2, within half a second, and the process goes on.
//!
//! A separate thread prints reports, with all signals blocked. Each write blocks SIGPIPE, so a
//! closed pipe on stderr does not end the process. A forked child prints nothing for its parent's
//! registries.
//!
//! | host | orderly end | SIGUSR2 |
//! |---|---|---|
//! | Rust, C, C++ | a return from `main`, or `exit`, which runs `atexit` | unless the host handles or ignores it when the registry is made |
//! | Python | the end of the program, also by `sys.exit` or an exception | as above: `signal.signal` before or after wins |
//! | Go | `Registry.Close` only: Go runs nothing of a library at `os.Exit` or the end of `main` | in addition to the host's `signal.Notify`; not after `signal.Ignore` |
//!
//! Nothing is printed at `_exit`, `quick_exit`, `os._exit`, `abort`, or a signal that ends the
//! process. A host that sets its own handler for SIGUSR2 later replaces this one. SIGUSR2 may
//! arrive on the audio thread: its handler adds one to a word, and makes no system call.
//!
//! # Switching a running process
//! `capbuf track on` and `capbuf track off` switch all registries of a domain, and those that open
//! it later; `capbuf track` shows which are on. A later call of `enable_allocation_tracking`
//! changes the registry that it is called on. Each registry has a word in a file of the domain, see
//! [`layout`](super::layout), and loads that one word with each attempt.
//!
//! Not switched: private registries; registries opened with `track_allocations(false)`; registries
//! for which the file or one of its 1023 places was not available. A registry whose domain's folder
//! was taken away keeps its setting. Go asks for the setting at one request in eight, as a call of
//! C costs as much as a lookup: the next few requests are recorded without their Go stack.
//!
//! # Parts of a report, and a reset
//! `capbuf report --pid` and `--since` show a part: of one process; call sites and stacks that were
//! used since. `--reset` writes the counts of that moment into a file of the domain, and later
//! reports of the command show what came after them (`--all`: everything). Logs, metrics, events
//! and reports of programs stay as they are, so no counter goes backwards.
//!
//! # Unknown numbers
//! Attempts and allocations are known only if they were recorded: without tracking they are unknown
//! in reports, and absent from the metrics of a domain. Attempts that a log has no room for are
//! counted by result, as those of "(other sources)".
