//! Extracts rows and renders segments.
//!
//! `task → slot → EXTRACT in a child process, or RENDER on the slot's thread → outcome`
//!
//! * [`extract`]: a file's bytes → rows.
//! * [`pool`]: the child processes in which that happens, and their limits.
//! * [`render`]: rows and their place → segments.
//! * [`run`]: the worker loop over the queue.
//! * [`cli`], [`service`]: what `sheaf-worker` is around that: arguments, connecting, registering,
//!   health, stopping.
//! * [`host`]: the name of this machine.
//! * [`signals`]: the signals that both programs take.

pub mod cli;
pub mod extract;
pub mod host;
pub mod pool;
pub mod render;
pub mod run;
pub mod service;
pub mod signals;
