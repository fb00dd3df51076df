//! How it works, and why it is right. No code, to be read in this order: [`ordering`].

pub mod ordering;
