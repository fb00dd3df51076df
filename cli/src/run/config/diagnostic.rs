//! A problem in the configuration file, with its line.

use std::fmt;
use std::ops::Range;

use toml::Spanned;

use crate::failure::without_secrets;

/// A problem in a file, and the values allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Diagnostic {
    file: String,
    line: Option<usize>,
    message: String,
}

impl Diagnostic {
    /// Makes a diagnostic about a file as a whole.
    pub(super) fn of_file(file: &str, message: String) -> Self {
        Self { file: file.to_owned(), line: None, message }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A place in a file, for problems that are found later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Place {
    file: String,
    line: Option<usize>,
}

impl Place {
    /// Makes a diagnostic about this place, without secrets.
    pub(in super::super) fn diagnostic(&self, message: &str) -> Diagnostic {
        Diagnostic { file: self.file.clone(), line: self.line, message: without_secrets(message) }
    }
}

/// The text of a file: finds the line of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Document<'_> {
    /// Returns the place of the value at these bytes.
    pub(super) fn place(&self, at: Option<Range<usize>>) -> Place {
        let line = at.and_then(|at| self.text.get(..at.start)).map(|before| before.matches('\n').count() + 1);
        Place { file: self.file.to_owned(), line }
    }

    /// Makes a diagnostic about the value at these bytes, without secrets.
    pub(super) fn diagnostic(&self, at: Option<Range<usize>>, message: &str) -> Diagnostic {
        self.place(at).diagnostic(message)
    }

    /// Parses a value.
    pub(super) fn read<T>(
        &self,
        value: &Spanned<String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Diagnostic> {
        parse(value.get_ref()).map_err(|message| self.diagnostic(Some(value.span()), &message))
    }

    /// Parses a value if the file has it.
    pub(super) fn read_if_set<T>(
        &self,
        value: Option<&Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Diagnostic> {
        value.map(|value| self.read(value, parse)).transpose()
    }
}
