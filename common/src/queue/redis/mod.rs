//! The queue on a Redis server: streams and consumer groups.
//!
//! Redis is only transport, the coordinator's journal is the truth: tasks that the server loses are
//! pushed again ([`JobQueue::missing`](super::JobQueue::missing)). Every change of state is one Lua
//! script, so it happens as a whole or not at all, and the only clock is the server's.
//!
//! * [`keys`]: every key, with its type, lifetime and writers.
//! * [`scripts`]: one Lua file for each operation, and the calls of them.
//! * [`settings`]: a queue as it was typed. [`config`]: a checked queue, with its [`server`] (by
//!   [`url`]) and [`certificates`]. [`redact`]: URLs without their passwords.
//! * [`socket`], [`tls`], [`connection`]: one connection, greeted, and closed when it is silent.
//! * [`route`]: the node of a cluster that has the queue, the master that sentinels name.
//! * [`pool`], [`link`]: few connections for all [`request`]s. [`connect`]: the first check, and
//!   the pauses between tries.
//! * [`check`]: whether the server can be used at all, in words.
//! * [`fault`]: what an error means, and what helps. [`troubles`]: faults that last. [`why`]: why a
//!   job waits, in words.
//! * [`engine`]: connects, and makes the handles of both sides. [`state`]: what the handles share.
//!   [`own_jobs`]: the jobs of this process. [`limits`]: the size of requests. [`reply`]: reads answers.
//! * The coordinator's side, [`job`] (what its parts share: [`of_job`]): [`mod@push`], [`collect`]
//!   ([`stored`]: outcomes as they stand on the queue), [`audit`] (missing, rescue),
//!   [`mod@close`], [`sign`] (of life), [`lost`] and [`why`].
//! * A worker's side, [`worker`] ([`of_worker`]): [`listen`], [`lease`] ([`confirm`]: tells the
//!   server that the answer arrived; [`unconfirmed`]: the answers still to be confirmed),
//!   [`extend`], [`complete`], [`release`] ([`mod@by_stream`]: leases by their streams), [`rows`],
//!   [`mod@notify`], [`past`] (of tasks that failed before).
//! * [`batch`]: the encoding of outcomes on the queue. [`blobs`]: bytes too large for a script.
//!   [`pace`]: how fast blobs arrive. [`due`]: chores that are due at intervals.
//! * [`registry`]: the list of workers. [`jobs`]: the list of jobs, and whether their coordinators
//!   are alive. [`usage`]: the memory that jobs take.
//!
//! A call that drains the server's memory (finishing, render tasks, collecting) is never refused
//! when that is full: its script begins with a write that needs no memory, and Redis asks only at
//! the first write of a script.

mod audit;
mod batch;
mod blobs;
mod by_stream;
mod certificates;
mod check;
mod close;
mod collect;
mod complete;
mod config;
mod confirm;
mod connect;
mod connection;
mod due;
mod engine;
mod extend;
mod fault;
mod job;
mod jobs;
mod keys;
mod lease;
mod limits;
mod link;
mod listen;
mod lost;
mod notify;
mod of_job;
mod of_worker;
mod own_jobs;
mod pace;
mod past;
mod pool;
mod push;
mod redact;
mod registry;
mod release;
mod reply;
mod request;
mod route;
mod rows;
mod scripts;
mod server;
mod settings;
mod sign;
mod socket;
mod state;
mod stored;
mod tls;
mod token;
mod troubles;
mod unconfirmed;
mod url;
mod usage;
mod why;
mod worker;

pub use config::RedisConfig;
pub use engine::RedisQueue;
pub use job::{RedisJob, RedisOutlook, RedisSupply};
pub use jobs::JobSeen;
pub use registry::{Activity, VersionInUse, WorkerInfo, WorkerSeen};
pub use settings::{RedisSettings, Timing};
pub use worker::RedisWorker;
