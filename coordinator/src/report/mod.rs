//! What people are told: while it runs, at its end, and in the job log.

mod joblog;
mod notes;
mod noticed;
mod progress;
mod summary;
mod tally;

pub use joblog::{JobLine, JobLog, JobLogError, Status};
pub use notes::no_record;
pub use noticed::{Noticed, Seen};
pub use progress::{Mode, Progress};
pub use summary::{Summary, Written, left_out};
pub use tally::{Example, Examples, Tally};
