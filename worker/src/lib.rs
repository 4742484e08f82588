//! Extracts rows and renders segments.
//!
//! * [`extract`]: a file's bytes → rows.

pub mod extract;
