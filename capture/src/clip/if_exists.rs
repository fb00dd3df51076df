//! Names of clips that are in use.

/// The treatment of a clip whose name an existing file has. The choice is atomic: writers in any
/// number of processes never lose a file to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfExists {
    /// The clip is not written: an error.
    #[default]
    Fail,
    /// The clip gets a numbered name: `owl.wav`, `owl-2.wav`, `owl-3.wav`.
    Number,
    /// The clip replaces the file.
    Overwrite,
}
