//! Inputs → sources: which files are read, and in which order.
//!
//! `inputs ─given→ paths ─walk→ entries ─list→ Sources`
//!
//! The order is that of the inputs, and within a folder the natural one ([`natural`]): it depends
//! on names alone, so it is the same on every machine. What cannot be read keeps its place in the
//! list, with the reason.

mod arena;
mod builder;
mod changes;
mod filter;
mod given;
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
pub use given::{DiscoverError, Input, Request, discover};
pub use sources::{Source, Sources};
pub use unwanted::LeftOut;
