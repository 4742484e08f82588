//! Extracts rows and renders segments.
//!
//! `task → slot → EXTRACT in a child process, or RENDER on the slot's thread → outcome`
//!
//! * [`extract`]: a file's bytes → rows.
//! * [`pool`]: the child processes that extract, and their limits.
//! * [`render`]: rows and their place → segments.
//! * [`run`]: the worker loop over the queue.
//! * [`cli`], [`service`]: `sheaf-worker` around the loop: arguments, connecting, registering,
//!   health, stopping.
//! * [`host`]: the name of this machine.
//! * [`signals`]: the signals that `sheaf` and `sheaf-worker` handle.

pub mod cli;
pub mod extract;
pub mod host;
pub mod pool;
pub mod render;
pub mod run;
pub mod service;
pub mod signals;
