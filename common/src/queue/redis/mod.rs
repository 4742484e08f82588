//! The queue on a Redis server: streams and consumer groups.
//!
//! Redis is transport, the coordinator's journal is the truth: whatever the server loses is pushed
//! again ([`JobQueue::missing`](super::JobQueue::missing)). Every change of state is one Lua script,
//! so it happens whole or not at all, and the only clock is the server's.
//!
//! * [`keys`]: every key, with its type, lifetime and writers.
//! * [`scripts`]: one Lua file per operation, and the meaning of their answers.
//! * [`settings`]: what was typed. [`config`]: a queue that can be used, its [`server`] (by
//!   [`url`]) with [`certificates`]. [`redact`]: URLs as they may be shown.
//! * [`socket`], [`tls`], [`connection`]: one connection, greeted, and given up when it is silent.
//! * [`route`]: the node of a cluster that has the queue, the master that sentinels name.
//! * [`pool`], [`link`]: few connections for all [`request`]s. [`connect`]: the first look, and when
//!   to try again.
//! * [`check`]: whether the server can be used at all, in words.
//! * [`fault`]: the meaning of errors, of the server or of the way to it. [`troubles`]: those that
//!   last. [`why`]: why nothing comes, in words.
//! * [`engine`]: connects, and gives both sides. [`state`]: what they share. [`limits`]: how much
//!   goes into one request. [`reply`]: reads answers.
//! * The coordinator's side, [`job`] (what its parts share: [`of_job`]): [`mod@push`], [`collect`]
//!   ([`stored`]: outcomes as they stand on the queue), [`audit`] (missing, rescue),
//!   [`mod@close`], [`sign`] (of life), [`lost`] and [`why`].
//! * A worker's side, [`worker`] ([`of_worker`]): [`listen`], [`lease`] ([`confirm`]: its answer
//!   was heard; [`unconfirmed`]: of which the server does not know that yet), [`extend`],
//!   [`complete`], [`release`] ([`holds`]: leases by their streams), [`rows`], [`mod@notify`],
//!   [`past`] (of tasks that were not done at once).
//! * [`batch`]: how outcomes stand on the queue. [`blobs`]: bytes that are too large for a script.
//!   [`pace`]: how fast these come. [`due`]: what is done now and then.
//! * [`registry`]: the list of workers. [`jobs`]: the list of jobs, and whether their coordinators
//!   live. [`usage`]: the memory that jobs take.
//!
//! A call that drains the server's memory (finishing, render tasks, collecting) is never refused
//! when that is full: its script begins with a write that needs no memory, and Redis asks only at
//! the first write of a script.

mod audit;
mod batch;
mod blobs;
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
mod holds;
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
