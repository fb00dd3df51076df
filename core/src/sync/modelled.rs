//! The body for the model checker.
