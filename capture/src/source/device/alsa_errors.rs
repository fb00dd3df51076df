//! The errors that ALSA would print on the standard error.

#[cfg(target_os = "linux")]
type Output = std::rc::Rc<std::cell::RefCell<alsa::Output>>;
#[cfg(not(target_os = "linux"))]
type Output = std::convert::Infallible;

/// Collects the errors of ALSA on the calling thread, and keeps them off the standard error.
pub(super) struct AlsaErrors(Option<Output>);

impl AlsaErrors {
    /// Starts to collect. An earlier collection on this thread receives no more.
    pub(super) fn collect() -> Self {
        #[cfg(target_os = "linux")]
        return Self(alsa::Output::local_error_handler().ok());
        #[cfg(not(target_os = "linux"))]
        Self(None)
    }

    /// Returns the first error: the cause of those that followed.
    pub(super) fn first(&self) -> Option<String> {
        const MAX_CHARS: usize = 200;
        let output = self.0.as_ref()?;
        #[cfg(target_os = "linux")]
        let output = output.try_borrow().ok()?.to_string();
        let line = output.lines().next()?;
        // Each line begins with the name of the function that reports it.
        let message = line.split_once(": ").map_or(line, |(_, message)| message);
        Some(message.chars().filter(|sign| !sign.is_control()).take(MAX_CHARS).collect())
    }
}
