//! The parts of `sheaf-worker` around the worker loop.
//!
//! `arguments → config → connect → serve (work, announce, note health) → drain → leave`
//!
//! * [`config`]: what was typed → settings that can be used.
//! * [`connect`]: waits for a server that is not there yet.
//! * [`mod@serve`]: from the first connection to the last task handed in or back.
//! * [`presence`]: the registry, and the note for `sheaf-worker health`.
//! * [`health`]: that note.
//! * [`failure`]: how errors are worded, and what the exit code means.

mod config;
mod connect;
mod failure;
mod health;
mod presence;
mod serve;

pub use config::Config;
pub use failure::{Exit, Failure};
pub use health::{HealthFile, default_health_file};
pub use serve::serve;
