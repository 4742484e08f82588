//! Turns a pile of files into one sheet: the coordinator's side of Sheaf.
//!
//! `what was typed → settings → sources → plan ══ queue ══▶ … → report`
//!
//! * [`cli`]: what can be typed.
//! * [`config`]: what was typed → settings that cannot be wrong.
//! * [`discover`]: inputs → sources: which files are read, in which order.
//! * [`errors`]: how errors speak, and the exit codes.
//! * [`human`]: numbers, sizes, times and names as people read them.

pub mod cli;
pub mod config;
pub mod discover;
pub mod errors;
pub mod human;
