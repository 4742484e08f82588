//! A file's bytes → rows.
//!
//! `open → unpack → sniff → decode → parse → select → rows`: each step is a file here, and says
//! with a [`FileProblem`](sheaf_common::problem::FileProblem) why it cannot go on. It runs in a child process that may be killed at any
//! moment, so nothing here keeps state between files, and no row leaves before all that can fail
//! has been done.
//!
//! * [`extractor`]: the compiled recipe, and one file's way through the steps.
//! * [`open`]: the bytes of a source, if it is still what it was when it was listed.
//! * [`mod@pack`]: how it goes over a network.
//! * [`unpack`]: `.gz`, `.bz2`, `.zst`, `.xz`.
//! * [`sniff`]: what is not text; [`foreign`]: text that is no page.
//! * [`mod@decode`], [`meta`]: bytes → text, and which encoding.
//! * [`mod@parse`]: text → tree.
//! * [`selectors`], [`setup`]: the recipe's CSS, and what is wrong with it; [`element`],
//!   [`pseudo`]: what it matches.
//! * [`notice`]: what is hardly ever meant, noted for the report.
//! * [`tree`]: descendants, texts and attributes as the DOM standard has them.
//! * [`chunk`]: rows, written down and handed on.

mod chunk;
mod decode;
mod element;
mod extractor;
mod foreign;
mod meta;
mod notice;
mod open;
mod pack;
mod parse;
mod pseudo;
mod selectors;
mod setup;
mod sniff;
mod tree;
mod unpack;

pub use chunk::{CHUNK, Chunk};
pub use decode::{Decoded, FoundBy, decode};
pub use extractor::{Done, Extracted, Extractor};
pub use open::read;
pub use pack::pack;
pub use parse::{STEP, parse, strip};
pub use setup::{Place, SetupError};
