//! The command `capbuf`, as a user or a script would call it.

mod allocations;
mod clipping;
mod daemon;
mod domains;
mod ending;
mod losing;
mod program;
mod recording;
mod refusals;
mod schemas;
mod scraping;
mod speaking;
mod top;
