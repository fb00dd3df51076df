//! The command `capbuf`, called as a user or a script calls it.

mod allocations;
mod calibrating;
mod clipping;
mod daemon;
mod domains;
mod ending;
mod failures;
mod forms;
mod help;
mod limits;
mod monitoring;
mod passwords;
mod program;
mod recording;
mod reloading;
mod schemas;
mod scraping;
#[path = "../../../tests/src/sound_cards.rs"]
#[allow(dead_code, unreachable_pub)]
mod sound_cards;
#[path = "../../../tests/src/stalls.rs"]
#[allow(dead_code, unreachable_pub)]
mod stalls;
mod successors;
mod top;
mod tracking;
mod waits;
mod without_stalls;
