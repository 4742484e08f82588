//! A file's bytes → rows.
//!
//! `open → unpack → reader (sniff → decode → parse) → documents → recipe → rows`: each step is a
//! file here, and says with a [`FileProblem`](sheaf_common::problem::FileProblem) why it cannot go
//! on. It runs in a child process that may be killed at any moment, so nothing here keeps state
//! between files, and rows count only with the end of their file.
//!
//! * [`extractor`]: one file's way through the steps; [`facts`]: what becomes known on it.
//! * [`open`]: the bytes of a source, if it is still what it was when it was listed.
//! * [`mod@pack`]: how it goes over a network.
//! * [`unpack`]: `.gz`, `.bz2`, `.zst`, `.xz`.
//! * [`reader`]: what a file holds → documents; [`reader::html`]: the one reader so far.
//! * [`mod@text`]: bytes → text, for readers of text. [`sniff`]: what is not text; [`foreign`]: text
//!   that is no page; [`mod@decode`], [`meta`]: which encoding.
//! * [`recipe`]: documents → rows. [`selectors`], [`setup`]: the recipe's CSS, and what is wrong
//!   with it; [`pseudo`]: what depends on the document alone.
//! * [`notice`]: what is hardly ever meant, noted for the report.
//! * [`chunk`]: rows, written down and handed on.

mod chunk;
mod decode;
mod extractor;
mod facts;
mod foreign;
mod meta;
mod notice;
mod open;
mod pack;
mod pseudo;
mod reader;
mod recipe;
mod selectors;
mod setup;
mod sniff;
mod text;
mod unpack;

pub use chunk::{CHUNK, Chunk};
pub use decode::{Decoded, FoundBy, decode};
pub use extractor::Extractor;
pub use facts::{Done, Extracted};
pub use open::read;
pub use pack::pack;
pub use reader::html::{STEP, parse};
pub use setup::{Place, SetupError};
pub use text::strip;
