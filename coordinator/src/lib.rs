//! Turns a pile of files into one sheet: the coordinator's side of Sheaf.
//!
//! `arguments → settings → sources → plan ══ queue ══▶ … ──▶ ledger → spool → outputs → report`
//!
//! * [`cli`]: the arguments, as clap reads them.
//! * [`config`]: arguments → settings that cannot be wrong.
//! * [`discover`]: inputs → sources: the files to read, in their order.
//! * [`plan`]: sources → the files of each task.
//! * [`ledger`]: the rows that came, and the place of each unit: a pure state machine.
//! * [`spool`]: segments on disk and the journal: how a run goes on after a crash.
//! * [`assemble`]: segments → outputs.
//! * [`run`]: one run, made of all these. [`signals`]: how signals of the process reach it.
//! * [`local`]: this machine's worker. [`cpu`]: the CPU time of the coordinator itself.
//! * [`reuse`]: what a run keeps for a later one, and reuses of an earlier one.
//! * [`report`]: progress, summary, job log.
//! * [`api`]: the interface of `sheaf serve`, shared by the service and its clients.
//! * [`client`]: the command line as its client.
//! * [`service`]: `sheaf serve`.
//! * [`errors`]: how errors are written, and the exit codes.
//! * [`frame`]: messages on disk, framed so that a broken one is recognised.
//! * [`human`]: numbers, sizes, times and names as people read them. [`clock`]: the time of day.
//! * [`dry_run`], [`preview`], [`demo`], [`workers`], [`jobs`] (`sheaf queue`), [`status`],
//!   [`documents`]: the other commands.
//!
//! The program `sheaf` is `main.rs`, with its `commands`.

pub mod api;
pub mod assemble;
pub mod cli;
pub mod client;
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
pub mod reuse;
pub mod run;
pub mod service;
pub mod signals;
pub mod spool;
pub mod status;
pub mod workers;
