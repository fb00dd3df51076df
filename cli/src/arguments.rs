//! The arguments of the command, hidden from other users where they hold a password.
//!
//! Every user of the machine can read the arguments of a process. So a command whose arguments hold
//! a password in a URL starts itself anew, in the same process: the URL is redacted in its
//! arguments, and the whole arguments come through a pipe.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The last argument of a command whose arguments come through standard input.
const THROUGH_STDIN: &str = "--arguments-through-stdin";
/// More does not fit into a pipe that nobody reads yet.
const MAX_BYTES: usize = 32 * 1024;

static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Returns the arguments as they were passed, with the name of the program.
pub(crate) fn all() -> &'static [OsString] {
    ARGUMENTS.get_or_init(|| {
        let given: Vec<OsString> = std::env::args_os().collect();
        if given.last().is_some_and(|last| last == THROUGH_STDIN) { from_stdin().unwrap_or(given) } else { given }
    })
}

fn from_stdin() -> Option<Vec<OsString>> {
    let mut bytes = Vec::new();
    io::stdin().take(MAX_BYTES as u64).read_to_end(&mut bytes).ok()?;
    // Each ends with a zero byte.
    bytes.pop()?;
    Some(bytes.split(|byte| *byte == 0).map(|argument| OsString::from_vec(argument.to_vec())).collect())
}

/// Starts the program anew if an argument holds a password. Returns if none does, if standard input
/// is an argument, or if it can't be started.
///
/// Call it before there are threads, and before standard input is read.
pub(crate) fn hide() {
    let given = all();
    let is_anew = std::env::args_os().next_back().is_some_and(|last| last == THROUGH_STDIN);
    let holds_secret = given.iter().skip(1).any(|argument| shown(argument) != *argument);
    if is_anew || !holds_secret || given.iter().any(|argument| argument == "-") {
        return;
    }
    let mut bytes: Vec<u8> = Vec::new();
    given.iter().for_each(|argument| bytes.extend(argument.as_bytes().iter().chain(b"\0")));
    let (Ok((reader, mut writer)), Ok(program)) = (io::pipe(), std::env::current_exe()) else { return };
    if bytes.len() > MAX_BYTES || writer.write_all(&bytes).is_err() {
        return;
    }
    // The reader must see the end.
    drop(writer);
    let mut command = Command::new(program);
    command.arg0(given.first().map_or(OsStr::new("capbuf"), OsString::as_os_str));
    command.args(given.iter().skip(1).map(|argument| shown(argument))).arg(THROUGH_STDIN);
    // It returns only if the program can't be started; the command then goes on as it is.
    let _ = command.stdin(Stdio::from(reader)).exec();
}

/// Returns an argument without the secrets of its URL.
fn shown(argument: &OsStr) -> OsString {
    let Some(text) = argument.to_str().filter(|text| has_secret(text)) else { return argument.to_owned() };
    // The value of an option may stand behind its name.
    match text.split_once('=').filter(|(name, _)| name.starts_with("--")) {
        Some((name, value)) => format!("{name}={}", capbuf::redact(value)).into(),
        None => capbuf::redact(text).into(),
    }
}

/// Returns whether an argument is a URL with a secret.
pub(crate) fn has_secret(argument: &str) -> bool {
    argument.contains("://") && capbuf::redact(argument) != argument
}
