//! How it works, and why it is right. No code, to be read in this order: [`ordering`], [`domains`], [`layout`].

pub mod domains;
pub mod layout;
pub mod ordering;
