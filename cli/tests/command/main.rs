//! The command `capbuf`, as a user or a script would call it.

mod allocations;
mod clipping;
mod daemon;
mod domains;
mod ending;
mod losing;
mod monitoring;
mod program;
mod recording;
mod refusals;
mod schemas;
mod scraping;
#[path = "../../../tests/src/sound_cards.rs"]
#[allow(dead_code, unreachable_pub)]
mod sound_cards;
mod speaking;
mod top;
