//! Extracts rows and renders segments.
//!
//! `task → slot → EXTRACT in a child process, or RENDER on the slot's thread → outcome`
//!
//! * [`extract`]: a file's bytes → rows.
//! * [`render`]: rows and their place → segments.

pub mod extract;
pub mod render;
