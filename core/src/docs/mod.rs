//! Design, guarantees and protocols.
//!
//! For users of the crate: [`patterns`], [`time`], [`realtime`], [`domains`], [`tracking`],
//! [`limitations`]. For those who change it: [`glossary`], [`lookup`], [`ordering`], [`layout`].

pub mod domains;
pub mod glossary;
pub mod layout;
pub mod limitations;
pub mod lookup;
pub mod ordering;
pub mod patterns;
pub mod realtime;
pub mod time;
pub mod tracking;
