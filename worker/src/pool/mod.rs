//! The process pool: slots, each with a child process that parses untrusted bytes under hard
//! limits.
//!
//! * [`slot`]: the parent's side: hands a child its files, gathers rows, kills it at a limit, tries
//!   again.
//! * [`child`]: the child's side: a loop over the files that it is given.
//! * [`process`]: starting, watching and ending the child.
//! * [`unfit`]: what keeps the machine from running one.
//! * [`protocol`]: what the two say to each other over the child's standard input and output.

pub mod child;
mod process;
mod protocol;
mod slot;
mod unfit;

pub use process::Program;
pub use slot::{Care, HowFar, Interrupted, Read, Slot};
pub use unfit::Unfit;
