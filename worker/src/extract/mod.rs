//! A file's bytes → rows.
//!
//! `open → unpack → reader (sniff → decode → parse) → documents → recipe → rows`: each step is a
//! file here, and returns a [`FileProblem`](sheaf_common::problem::FileProblem) if it cannot go on.
//! All of it runs in a child process that may be killed at any moment. So nothing here has state
//! across files, and rows count only with the end of their file.
//!
//! * [`extractor`]: one file's way through the steps; [`facts`]: what the report needs beside rows.
//! * [`open`]: the bytes of a source, if it has not changed since it was listed.
//! * [`mod@pack`]: compresses a file for the network.
//! * [`unpack`]: reads through `.gz`, `.bz2`, `.zst`, `.xz`.
//! * [`reader`]: unpacked bytes → documents; [`reader::html`]: the only reader so far.
//! * [`mod@text`]: bytes → text, for readers of text. [`sniff`]: refuses binary files; [`foreign`]:
//!   refuses text that is not HTML; [`mod@decode`], [`meta`]: find the encoding.
//! * [`recipe`]: documents → rows. [`selectors`], [`setup`]: the recipe's CSS, and its errors;
//!   [`pseudo`]: pseudo-classes.
//! * [`notice`]: notes what is probably not intended.
//! * [`chunk`]: rows → chunks of bytes.

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
pub use open::{Pieces, read, read_in_chunks};
pub use pack::pack;
pub use reader::html::{STEP, parse};
pub use setup::{Place, SetupError};
pub use text::strip;
