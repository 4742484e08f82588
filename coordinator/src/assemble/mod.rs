//! Where outputs go. What stands in them is the formats' business (`sheaf_format`).
//!
//! * [`whole`]: a file that appears whole or not at all. [`sink`]: that, or a pipe.

mod sink;
mod whole;

pub use sink::{Sink, is_flow};
pub use whole::{WholeFile, followed, unfinished_name};
