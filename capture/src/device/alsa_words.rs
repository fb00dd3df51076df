//! What ALSA would otherwise say on the standard error.

#[cfg(target_os = "linux")]
type Output = std::rc::Rc<std::cell::RefCell<alsa::Output>>;
#[cfg(not(target_os = "linux"))]
type Output = std::convert::Infallible;

/// Keeps what ALSA says on the calling thread, from now on, and keeps it off the standard error.
pub(super) struct AlsaWords(Option<Output>);

impl AlsaWords {
    /// Begins to listen. Who listened before on this thread hears no more.
    pub(super) fn listen() -> Self {
        #[cfg(target_os = "linux")]
        return Self(alsa::Output::local_error_handler().ok());
        #[cfg(not(target_os = "linux"))]
        Self(None)
    }

    /// The first thing it said: the cause of what followed.
    pub(super) fn first(&self) -> Option<String> {
        const LONGEST: usize = 200;
        let said = self.0.as_ref()?;
        #[cfg(target_os = "linux")]
        let said = said.try_borrow().ok()?.to_string();
        let line = said.lines().next()?;
        // Each line begins with the function that says it.
        let words = line.split_once(": ").map_or(line, |(_, words)| words);
        Some(words.chars().filter(|sign| !sign.is_control()).take(LONGEST).collect())
    }
}
