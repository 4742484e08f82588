//! All jobs of the service, in memory and on disk.
//!
//! * [`Jobs`]: the registry. Every change of a job goes through it: state machine, record, news.
//!   [`runs`]: its part about runs.
//! * [`entry`]: a job with what is only in memory. [`list`]: paging and filters. [`select`]: the jobs
//!   that a user points at.

mod entry;
mod list;
mod registry;
mod runs;
mod select;

pub use entry::Entry;
pub use list::Filter;
pub use registry::{Created, JobError, Jobs};
pub use runs::Started;
pub use select::SelectError;
