//! The process pool: slots, each with a child process that parses untrusted bytes under hard
//! limits.
//!
//! * [`slot`]: the parent's side: gives a child its files, gathers rows, retries after a death.
//! * [`child`]: the child's side: a loop over the files that it is given.
//! * [`process`]: starts, watches and ends the child, and kills it at a limit.
//! * [`unfit`]: reasons why the machine cannot run a child.
//! * [`protocol`]: the messages between the two, over the child's standard input and output.

pub mod child;
mod process;
mod protocol;
mod slot;
mod unfit;

pub use process::Program;
pub use slot::{Care, HowFar, Interrupted, Read, Slot};
pub use unfit::{OPEN_FILES, Unfit};
