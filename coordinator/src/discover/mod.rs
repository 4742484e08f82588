//! Inputs → sources: the files to read, in their order.
//!
//! `inputs ─given→ paths ─walk→ entries ─list→ Sources`
//!
//! Files come in the order of the inputs, and within a folder in natural order ([`natural`]). It
//! depends on names alone, so it is the same on every machine. A file that cannot be read stays in
//! the list, with the reason.

mod arena;
mod builder;
mod changes;
mod filter;
mod given;
mod listed;
pub mod natural;
mod problem;
mod save;
mod sources;
#[cfg(test)]
mod tests;
mod unwanted;
mod walk;

pub use changes::Changes;
pub use filter::{BadPattern, Filter};
pub use given::{DiscoverError, Input, Request, discover, paths_in};
pub use listed::ListedFile;
pub use sources::{Source, Sources};
pub use unwanted::LeftOut;
