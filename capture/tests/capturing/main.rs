//! Captures, stations, triggers and clips, through the public interface.
#![allow(clippy::panic)]

mod bad_sources;
mod claims;
mod clips;
mod clocks;
mod files;
mod latency;
mod live_server;
mod losing;
mod machine;
mod passwords;
mod processed;
mod rates;
mod reconnects;
mod replays;
mod shares;
mod signals;
mod sounds;
mod stations;
mod supervision;
mod taken_away;
mod triggers;
mod waiting;
