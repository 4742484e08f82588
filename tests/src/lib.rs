//! What the tests that cross crates share: they run the real binaries from outside.
//!
//! * [`archive`]: the parts of a workbook.
//! * [`binary`]: where `sheaf` and `sheaf-worker` are, built first if need be.
//! * [`run`]: a run of a binary: arguments, input, signals → exit code and what it said.
//! * [`place`]: a folder, workers and runs for the same job over Redis.
//! * [`process`]: what /proc knows of a process: its children, its memory.
//! * [`corpus`]: input files, good and bad.
//! * [`faults`]: jobs while things break by a seeded plan.
//! * [`hosts`]: several hosts on one machine, each with a network of its own.
//! * [`job`]: a job of real size, and the bytes that it must give.
//! * [`joblog`]: reading a job log.
//! * [`mounts`]: file systems that are full or read-only.
//! * [`python`]: the virtual environment, the oracle and the readers of workbooks.
//! * [`both`]: both sides of a queue in one hand. [`conformance`]: what every queue must do, as
//!   functions over the traits.
//! * [`redis_server`]: a real `redis-server` for one test.
//! * [`proxy`]: a way to a server that can be cut, stalled and opened again.
//! * [`make`]: small tasks and outcomes.
//! * [`wait`]: waiting for something to become true.
//! * [`skip`](skip()): says that a test cannot run on this machine.

pub mod archive;
pub mod binary;
pub mod both;
pub mod conformance;
pub mod corpus;
pub mod faults;
pub mod hosts;
pub mod job;
pub mod joblog;
pub mod make;
pub mod mounts;
pub mod place;
pub mod process;
pub mod proxy;
pub mod python;
pub mod redis_server;
pub mod run;
pub mod skip;
pub mod wait;

pub use binary::{sheaf_bin, worker_bin};
pub use run::{Finished, Run, Running};
pub use skip::{skip, skip_without};
