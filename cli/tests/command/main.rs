//! The command `capbuf`, as a user or a script would call it.

mod ending;
mod program;
mod recording;
mod refusals;
mod speaking;
