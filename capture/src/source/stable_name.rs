//! Names of sound cards that survive a reboot.

/// The prefixes of stable names of ALSA devices.
const STABLE_PREFIXES: [&str; 2] = ["usb:", "path:"];

/// A name of a sound card that survives a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StableName<'a> {
    /// The device itself; without `serial`, any device of the model.
    Usb { vendor: &'a str, product: &'a str, serial: Option<&'a str> },
    /// The socket.
    Path(&'a str),
}

impl<'a> StableName<'a> {
    /// Parses a name; `None` if it is not a stable one.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        if let Some(path) = name.strip_prefix("path:") {
            return Some(Self::Path(path));
        }
        let mut parts = name.strip_prefix("usb:")?.splitn(3, ':');
        let (vendor, product, serial) = (parts.next()?, parts.next()?, parts.next());
        // The number of a device may follow the product.
        let product_number = product.split(',').next()?;
        let is_number = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_named = is_number(vendor) && is_number(product_number) && serial != Some("");
        is_named.then_some(Self::Usb { vendor, product, serial })
    }
}

/// Returns whether the name of an ALSA device has the prefix of a stable one.
pub(crate) fn is_stable(name: &str) -> bool {
    STABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
