//! The queue on a Redis server: streams and consumer groups.
//!
//! Redis is transport, the coordinator's journal is the truth: whatever the server loses is pushed
//! again ([`Queue::missing`](super::Queue::missing)). Every change of state is one Lua script, so
//! it happens whole or not at all, and the only clock is the server's.
//!
//! * [`keys`]: every key, with its type, lifetime and writers.
//! * [`scripts`]: one Lua file per operation, and the meaning of their answers.
//! * [`config`]: from the typed settings to a queue that can be used: its [`server`] (by [`url`])
//!   with [`certificates`].
//! * [`socket`], [`tls`], [`connection`]: one connection, greeted, and given up when it is silent.
//! * [`route`]: the node of a cluster that has the queue, the master that sentinels name.
//! * [`pool`], [`link`]: few connections for all requests. [`connect`]: the first look, and when to
//!   try again.
//! * [`check`]: whether the server can be used at all, in words.
//! * [`fault`]: the meaning of errors, of the server or of the way to it. [`troubles`]: those that
//!   last. [`why`]: why nothing comes, in words.
//! * [`supply`] (push, missing, forget, close), [`collect`], [`lease`], [`finish`] (extend,
//!   complete, release): the trait.
//! * [`confirm`]: tells the server that the answer to a lease call was heard.
//! * [`past`]: the past of tasks that were not done at once.
//! * [`batch`]: how outcomes stand on the queue. [`blobs`]: bytes that are too large for a script.
//!   [`pace`]: how fast these come.
//! * [`recent`]: rows that need not be fetched, as this process made them.
//! * [`registry`]: the list of workers. [`jobs`]: the list of jobs, and whether their coordinators
//!   live. [`usage`]: the memory that jobs take.
//!
//! A call that drains the server's memory (finishing, render tasks, collecting) is never refused
//! when that is full: its script begins with a write that needs no memory, and Redis asks only at
//! the first write of a script.

mod batch;
mod blobs;
mod certificates;
mod check;
mod collect;
mod config;
mod confirm;
mod connect;
mod connection;
mod engine;
mod fault;
mod finish;
mod jobs;
mod keys;
mod lease;
mod link;
mod lost;
mod pace;
mod past;
mod pool;
mod recent;
mod registry;
mod route;
mod scripts;
mod server;
mod socket;
mod supply;
mod tls;
mod token;
mod troubles;
mod url;
mod usage;
mod why;

pub use config::{RedisConfig, RedisSettings, Timing};
pub use engine::RedisQueue;
pub use jobs::JobSeen;
pub use registry::{VersionInUse, WorkerInfo, WorkerSeen};
