//! The parts of `sheaf-worker` around the worker loop.
//!
//! `arguments → config → connect → serve (work, announce, note health) → drain → leave`
//!
//! * [`config`]: arguments → valid settings.
//! * [`connect`]: waits for a server that is not up yet.
//! * [`mod@serve`]: from the first connection to the last task handed in or back.
//! * [`presence`]: keeps the registry and the health file up to date.
//! * [`health`]: the health file, for `sheaf-worker health`.
//! * [`metrics`]: figures for Prometheus.
//! * [`failure`]: errors as the user sees them, and exit codes.

mod config;
mod connect;
mod failure;
mod health;
mod metrics;
mod presence;
mod serve;

pub use config::Config;
pub use failure::{Exit, Failure};
pub use health::{HealthFile, default_health_file};
pub use serve::serve;
