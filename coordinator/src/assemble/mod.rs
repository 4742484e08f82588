//! The places that outputs are written to. Their bytes are the business of the formats
//! (`sheaf_format`).
//!
//! * [`whole`]: a file that appears whole or not at all. [`sink`]: such a file, or a pipe.

mod sink;
mod whole;

pub use sink::{Sink, is_flow};
pub use whole::{WholeFile, folder_of, followed, take_after, unfinished_name};
