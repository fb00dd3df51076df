//! Number and name of a thread, for logs.

use std::cell::RefCell;

use crate::sync::fork;

/// Passes number and name of this thread to `with`.
pub(super) fn with_thread<R>(with: impl FnOnce(u32, &str) -> R) -> R {
    thread_local! {
        static THREAD: RefCell<Option<(u32, u32, String)>> = const { RefCell::new(None) };
    }
    let mut with = Some(with);
    let known = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        // A forked child's thread has another number.
        let known = thread.take().filter(|(generation, ..)| *generation == fork::generation());
        let (_, number, name) = thread.insert(known.unwrap_or_else(|| {
            let number = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
            let name = std::thread::current().name().map(str::to_owned);
            // Threads of other languages have names, too.
            let kernels = || std::fs::read_to_string(format!("/proc/self/task/{number}/comm")).ok();
            let name = name.or_else(kernels).unwrap_or_default();
            (fork::generation(), number, name.trim_end().to_owned())
        }));
        with.take().map(|with| with(*number, name))
    });
    match (known, with) {
        (Ok(Some(result)), _) => result,
        (_, Some(with)) => with(0, ""),
        (_, None) => unreachable!("`with` is taken only where its result is returned"),
    }
}
