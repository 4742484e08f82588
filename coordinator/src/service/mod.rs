//! `sheaf serve`: a long-running coordinator that takes jobs over HTTP.
//!
//! * [`http`]: connections, who may do what, errors, files, the page.
//! * [`contents`]: uploaded files.

pub mod contents;
pub mod http;
