//! The command line as a client of `sheaf serve`.
//!
//! `settings → Server ── HTTP ──▶ service`
//!
//! * [`ServerSettings`], [`Server`]: where the service is, and a request to it. `calls`: the
//!   interface as methods. [`ClientError`]: what can go wrong, as errors of a command.
//! * [`Patience`]: tries again while the service is away or busy.
//! * [`submit`]: a new job, with [`upload`] of its files.
//! * [`follow()`]: the events of a job until it is finished. [`Watch`]: shows them.
//! * [`download`]: outputs and logs, which go on after a cut.
//! * [`resolve`]: jobs by what the user typed. [`exit_of`], [`Worst`]: exit codes.
//! * [`table`], [`details`]: jobs as text.

mod address;
mod calls;
pub mod details;
pub mod download;
mod error;
mod events;
mod follow;
mod http;
pub mod list;
pub mod logs;
mod outcome;
mod patience;
mod select;
mod settings;
pub mod submit;
pub mod table;
pub mod upload;
mod watch;

pub use calls::{FileFilter, JobFilter};
pub use error::ClientError;
pub use follow::{Followed, Seen, follow};
pub use http::Server;
pub use outcome::{Worst, exit_of};
pub use patience::Patience;
pub use select::resolve;
pub use settings::{ServerSettings, SettingsError};
pub use watch::Watch;
