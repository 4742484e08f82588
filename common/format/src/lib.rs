//! The formats that Sheaf writes. All knowledge of a format is in its module here.
//!
//! `rows → UnitWriter → segments ══ queue, spool ══▶ joined segments → OutputWriter → output`
//!
//! A worker renders units to segments, and the coordinator assembles outputs, both without knowing
//! the format: they ask the [`Format`]. A new one is a module with a type that implements
//! [`Format`], or [`text::TextFormat`] if it is nothing but text, and a line in [`registry`].
//!
//! * [`format`](mod@format): the traits of a format.
//! * [`registry`]: the list of formats, found by extension or name.
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
