//! The caller of a registry, as a binding of another language describes it.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use super::stack;
use super::thread::with_thread;

/// The language of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Language {
    /// Rust.
    Rust = 1,
    /// C, or a caller through the C interface.
    C = 2,
    /// Go.
    Go = 3,
    /// Python.
    Python = 4,
}

impl Language {
    /// All languages, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Rust, Self::C, Self::Go, Self::Python];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::Go => "Go",
            Self::Python => "Python",
        }
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|language| *language as u64 == number)
    }
}

/// A place in a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodePlace {
    /// A line of a source file.
    Line {
        /// The file's path, in the notation of the language.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The function; may be empty.
        function: String,
    },
    /// A return address in this process, to be resolved when a report is made.
    Address(usize),
}

/// The caller of a registry, as a binding of another language describes it: innermost place first,
/// which is the call site.
///
/// Rust callers need none: every method of a registry knows its caller. The first 23 places of a
/// stack are recorded.
///
/// ```
/// use capbuf::{Caller, CodePlace, Language, Length, Registry, SampleFormat, Spec};
///
/// let registry = Registry::private();
/// registry.enable_allocation_tracking(true);
/// let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16)?;
/// let place = CodePlace::Line { file: "detector.py".into(), line: 88, function: "listen".into() };
/// let buffer = Caller::new(Language::Python, vec![place]).scope(|| registry.get_or_allocate("tone:440", spec))?;
/// assert!(registry.allocation_report().to_string().contains("detector.py:88"));
/// # drop(buffer);
/// # Ok::<(), capbuf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(crate) language: Language,
    pub(crate) stack: Vec<CodePlace>,
    pub(crate) thread: Option<(u32, String)>,
}

thread_local! {
    static CALLER: RefCell<Option<Rc<Caller>>> = const { RefCell::new(None) };
}

impl Caller {
    /// Describes a caller.
    pub fn new(language: Language, stack: Vec<CodePlace>) -> Self {
        Self { language, stack, thread: None }
    }

    /// Records this thread as the caller's, even if the calls are made on another one.
    pub fn of_this_thread(self) -> Self {
        Self { thread: Some(with_thread(|number, name| (number, name.to_owned()))), ..self }
    }

    /// Runs `calls` with this caller on record for their attempts. Thread-local.
    pub fn scope<R>(self, calls: impl FnOnce() -> R) -> R {
        /// Restores the previous caller, also when unwinding.
        struct Back(Option<Rc<Caller>>);
        impl Drop for Back {
            fn drop(&mut self) {
                let before = self.0.take();
                let _ = CALLER.try_with(|caller| *caller.borrow_mut() = before);
            }
        }
        let before = CALLER.try_with(|caller| caller.borrow_mut().replace(Rc::new(self))).ok().flatten();
        let _back = Back(before);
        calls()
    }

    /// Carries the current caller to another thread: attempts of `calls` there are recorded as made
    /// here.
    #[track_caller]
    pub fn carry<R>(calls: impl FnOnce() -> R) -> impl FnOnce() -> R {
        let here = Location::caller();
        let place = || CodePlace::Line { file: here.file().to_owned(), line: here.line(), function: String::new() };
        let caller = Self::current().map(Rc::unwrap_or_clone);
        let caller = caller.unwrap_or_else(|| Self::new(Language::Rust, vec![place()]));
        let caller = if caller.thread.is_some() { caller } else { caller.of_this_thread() };
        || caller.scope(calls)
    }

    /// Describes the caller of the function that begins at `entry`: the return addresses of this
    /// thread's stack beyond it, or all of them if it is not on the stack. For bindings that are
    /// called by machine code.
    pub fn native(language: Language, entry: usize) -> Self {
        let (addresses, count) = stack::capture_beyond(Some(entry));
        Self::new(language, addresses[..count].iter().map(|address| CodePlace::Address(*address)).collect())
    }

    /// True inside the scope of a caller.
    pub fn is_given() -> bool {
        CALLER.try_with(|caller| caller.borrow().is_some()).unwrap_or(false)
    }

    /// True inside the scope of a caller whose language has stacks of its own.
    pub(crate) fn is_foreign() -> bool {
        let is_foreign = |caller: &Rc<Self>| matches!(caller.language, Language::Go | Language::Python);
        CALLER.try_with(|caller| caller.borrow().as_ref().is_some_and(is_foreign)).unwrap_or(false)
    }

    /// The caller of the current scope.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CALLER.try_with(|caller| caller.borrow().clone()).ok().flatten()
    }
}
