//! `sheaf serve`: the service that takes jobs and runs them.
//!
//! ```text
//!  http ──▶ submit ──▶ jobs (registry) ──▶ scheduler ──▶ running ──▶ engine: Run on the shared queue
//!               │        │  ▲                               │
//!               ▼        ▼  └──── watch (progress) ◀────────┘
//!           contents   store: a folder for each job            finish: outputs, summary, state
//! ```
//!
//! * [`core`]: what all parts share. [`lifecycle`]: the states of a job, pure.
//! * [`jobs`]: the registry of all jobs; every change goes through it. [`record`]: what is kept of a
//!   job. [`store`]: the data folder. [`inputs`]: the list of a job's files.
//! * [`submit`]: a wish → a record. [`scheduler`]: starts runs. [`running`]: one run. [`watch`]: its
//!   progress. [`finish`]: its end. [`engine`]: the queue and this machine's worker.
//! * [`retention`], [`disk`]: what is removed, and what is refused. [`feed`]: news for watchers.
//! * [`http`]: connections, who may do what, errors, files, the page. [`contents`]: uploaded files.

pub mod app;
pub mod contents;
pub mod core;
pub mod disk;
pub mod earlier;
pub mod engine;
pub mod explain;
pub mod feed;
pub mod figures;
pub mod files;
pub mod finish;
pub mod http;
pub mod inputs;
pub mod jobs;
pub mod lifecycle;
pub mod record;
pub mod retention;
mod routes;
pub mod running;
pub mod scheduler;
pub mod store;
pub mod submit;
pub mod watch;
