//! The data folder of the service: its lock, and a folder for each job.
//!
//! ```text
//! DIR/service.lock                 held by the service, with its process id
//! DIR/last-id                      the last number that was given as an id
//! DIR/contents/                    uploaded files, see `contents`
//! DIR/jobs/KEY/job.json            the record of a job
//! DIR/jobs/KEY/inputs              the list of its files
//! DIR/jobs/KEY/hashes              the hashes of their contents, if they were uploaded
//! DIR/jobs/KEY/joblog.tsv          the job log
//! DIR/jobs/KEY/summary.json        the summary of a finished job
//! DIR/jobs/KEY/out/0.xlsx          its outputs, numbered; beside the first, its run's folder
//! ```
//!
//! KEY is made by the service, 16 hexadecimal digits: no word of a caller becomes a path.

mod folder;
mod lock;
mod place;

pub use folder::{Found, Store, StoreError};
pub use lock::{Lock, LockError};
pub use place::{JobPlace, Key};
