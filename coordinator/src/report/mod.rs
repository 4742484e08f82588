//! What people are told: while it runs, at its end, and in the job log.

mod joblog;
mod progress;
mod summary;
mod tally;

pub use joblog::{JobLine, JobLog, JobLogError, Status};
pub use progress::{Mode, Progress};
pub use summary::{Summary, Written};
pub use tally::{Example, Examples, Tally};
