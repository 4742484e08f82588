//! The formats that Sheaf writes: all that is special about one of them stands in its module here.
//!
//! `rows → UnitWriter → segments ══ queue, spool ══▶ joined segments → OutputWriter → output`
//!
//! A worker renders units to segments without knowing the format, and the coordinator puts outputs
//! together without knowing it: both ask the [`Format`]. A new one is a module with a type that
//! implements [`Format`], or [`text::TextFormat`] if it is nothing but text, and a line in
//! [`registry`].
//!
//! * [`format`](mod@format): what a format must say and do.
//! * [`registry`]: which formats there are, and which of them an extension or a name means.
//! * [`joined`]: the segments of a stream, one after another.
//! * [`packing`]: compression to bytes that can be joined.
//! * [`text`]: `.csv`, `.tsv`, `.jsonl`. [`workbook`]: `.xlsx`.

mod format;
mod joined;
mod packing;
mod registry;
mod text;
mod workbook;

pub use format::{Counts, CsvUse, Format, OutputWriter, PartSegment, Parts, Place, UnitWriter};
pub use joined::{Content, Joined, Meta};
pub use packing::Packer;
pub use registry::{Form, UnknownFormat, extensions, per_file, standard_output};
