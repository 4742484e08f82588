//! Turns a pile of files into one sheet: the coordinator's side of Sheaf.
//!
//! `what was typed → settings → sources → plan ══ queue ══▶ … ──▶ ledger → spool → outputs → report`
//!
//! * [`cli`]: what can be typed.
//! * [`config`]: what was typed → settings that cannot be wrong.
//! * [`discover`]: inputs → sources: which files are read, in which order.
//! * [`plan`]: sources → what goes into one task.
//! * [`ledger`]: which rows came, and the place of each unit: a pure state machine.
//! * [`spool`]: segments on disk and the journal: how a run goes on after a crash.
//! * [`assemble`]: segments → outputs.
//! * [`run`]: one run, with all of these. [`signals`]: those of this process that it hears.
//! * [`local`]: this machine's worker. [`cpu`]: what the coordinator itself costs.
//! * [`report`]: what people are told: progress, summary, job log.
//! * [`errors`]: how errors speak, and the exit codes.
//! * [`frame`]: messages on disk that are whole or found to be broken.
//! * [`human`]: numbers, sizes, times and names as people read them. [`clock`]: the time of day.
//! * [`dry_run`], [`preview`], [`demo`], [`workers`], [`jobs`] (`sheaf queue`), [`status`],
//!   [`documents`]: the commands beside the run itself.

pub mod assemble;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cpu;
pub mod demo;
pub mod discover;
pub mod documents;
pub mod dry_run;
pub mod errors;
pub mod frame;
pub mod human;
pub mod jobs;
pub mod ledger;
pub mod local;
pub mod plan;
pub mod preview;
pub mod report;
pub mod run;
pub mod signals;
pub mod spool;
pub mod status;
pub mod workers;
