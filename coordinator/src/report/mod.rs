//! Reports to people and programs: progress and status during a run, the summary at its end, the
//! job log.

mod advice;
mod bar;
mod joblog;
mod measure;
mod notes;
mod noticed;
mod observer;
mod progress;
mod screen;
mod status;
mod summary;
mod summary_file;
mod tally;

pub use advice::with_advice;
pub use bar::{HowFar, line};
pub use joblog::{JobLine, JobLog, JobLogError};
pub use measure::{Measure, UnderWay};
pub use notes::{frequent, no_record};
pub use noticed::{Noticed, Seen};
pub use observer::{Notice, Observer};

pub use progress::Progress;
pub use screen::{Mode, Screen};
pub use status::{RunStatus, StatusFile, VERSION as STATUS_VERSION};
pub use summary::{Summary, Written, left_out};
pub use summary_file::SummaryFile;
pub use tally::{Failed, First, Tally};
