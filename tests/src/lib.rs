//! The library of the tests that cross crates. They run the real binaries from outside.
//!
//! * [`archive`]: the parts of a workbook.
//! * [`binary`]: the paths of `sheaf` and `sheaf-worker`, which are built if needed.
//! * [`run`]: a run of a binary: arguments, input, signals → exit code and output.
//! * [`parts`]: parts for a [`script`].
//! * [`place`]: a folder, workers and runs for the same job over Redis.
//! * [`process`]: facts from /proc about a process: its children, its memory.
//! * [`corpus`]: input files, good and bad.
//! * [`faults`]: jobs with faults by a seeded plan.
//! * [`hosts`]: several hosts on one machine, each with its own network.
//! * [`http`]: asks a server over HTTP.
//! * [`in_process`]: runs within the process of a test.
//! * [`job`]: a job of real size, and the bytes that it must give.
//! * [`joblog`]: reads a job log.
//! * [`mounts`]: file systems that are full or read-only.
//! * [`python`]: the virtual environment, the oracle and the readers of workbooks.
//! * [`both`]: a queue from both sides. [`conformance`]: the rules for every queue, as functions
//!   over the traits.
//! * [`redis_server`]: a real `redis-server` for one test.
//! * [`proxy`]: a proxy in front of a server, which can be cut, stalled and opened again.
//! * [`make`]: small tasks and outcomes.
//! * [`wait`]: waits until a condition holds.
//! * [`service`]: a real `sheaf serve` for one test.
//! * [`script`]: a service that plays a part.
//! * [`skip`](skip()): notes that a test cannot run on this machine.

pub mod archive;
pub mod binary;
pub mod both;
pub mod conformance;
pub mod corpus;
pub mod faults;
pub mod hosts;
pub mod http;
pub mod in_process;
pub mod incremental;
pub mod job;
pub mod joblog;
pub mod make;
pub mod mounts;
pub mod parts;
pub mod place;
pub mod process;
pub mod proxy;
pub mod python;
pub mod redis_server;
pub mod run;
pub mod script;
pub mod service;
pub mod skip;
pub mod wait;

pub use binary::{sheaf_bin, worker_bin};
pub use run::{Finished, Run, Running};
pub use skip::{skip, skip_without};
