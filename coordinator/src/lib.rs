//! Turns a pile of files into one sheet: the coordinator's side of Sheaf.
//!
//! `what was typed → settings → sources → plan ══ queue ══▶ … → report`
//!
//! * [`cli`]: what can be typed.
//! * [`config`]: what was typed → settings that cannot be wrong.
//! * [`discover`]: inputs → sources: which files are read, in which order.
//! * [`plan`]: sources → what goes into one task.
//! * [`report`]: what people are told: progress, summary, job log.
//! * [`errors`]: how errors speak, and the exit codes.
//! * [`human`]: numbers, sizes, times and names as people read them.
//! * [`dry_run`], [`preview`], [`demo`]: the commands beside the run itself.

pub mod cli;
pub mod config;
pub mod demo;
pub mod discover;
pub mod dry_run;
pub mod errors;
pub mod human;
pub mod plan;
pub mod preview;
pub mod report;
