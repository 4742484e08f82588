//! Arguments → settings that cannot be wrong.
//!
//! * [`RunConfig::resolve`], [`PreviewConfig::resolve`], [`DemoConfig::resolve`]: check all
//!   arguments and return the first error.
//! * [`check_places`]: checks that the outputs can be written, before hours of work.

mod clashes;
mod column_names;
mod csv;
mod demo;
mod error;
mod output;
mod places;
mod preview;
mod recipe;
mod redis;
mod run;
mod serve;
mod sheet_name;
mod spec;
mod submit;
mod units;

pub use demo::DemoConfig;
pub use error::UsageError;
pub use output::{Output, printed};
pub use places::{PlaceError, check_files, check_places};
pub use preview::PreviewConfig;
pub use recipe::{encoding, limits};
pub use redis::{QueueConfig, QueueTask, RedisRun, WorkersConfig};
pub use run::{RunConfig, Verbosity, work_folder};
pub use serve::ServeConfig;
pub use spec::Wanted;
pub use submit::{SubmitConfig, options_of};
pub use units::time;
