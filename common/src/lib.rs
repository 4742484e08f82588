//! Everything that both sides of Sheaf must agree on.
//!
//! `sources → EXTRACT task → rows + outcome → ledger → RENDER task → segments → spool → output`
//!
//! This crate defines the nouns of that line that cross the queue, and the queue itself.
//!
//! * [`recipe`]: what to extract: the record's selector and the columns.
//! * [`numbers`]: the numbers of files, tasks, units and blocks.
//! * [`job`]: everything that decides the bytes of the output, and names of jobs and tasks.
//! * [`task`]: the work on the queue: extract, render, nap.
//! * [`outcome`]: the results of tasks, file by file, segment by segment.
//! * [`problem`]: why a file gave no rows; [`codec`]: how files are packed.
//! * [`rows`]: the names of blocks of rows, and where they are. [`notes`]: what the extractor
//!   noticed about a file.
//! * [`row`]: the encoding of rows between extraction and rendering.
//! * [`cell`]: the limits of a spreadsheet, and how a long text is cut into parts.
//! * [`escape`]: characters that a cell cannot hold, and their escapes.
//! * [`wire`]: how messages are encoded, and decoded from untrusted bytes.
//! * [`xpath`]: recognised where CSS is expected, and put into CSS.
//! * [`queue`]: the traits through which coordinator and workers meet, and their engines.
//! * [`said`]: repeats messages about a lasting state, but not all the time.
//! * [`units`]: sizes and times as people type them; [`human`]: as people read them.
//! * [`fit`]: numbers put into smaller types.
//! * [`allocator`]: how both programs reuse memory.

pub mod allocator;
pub mod cell;
pub mod codec;
pub mod escape;
pub mod fit;
pub mod human;
pub mod job;
pub mod notes;
pub mod numbers;
pub mod outcome;
pub mod problem;
pub mod queue;
pub mod recipe;
pub mod row;
pub mod rows;
pub mod said;
pub mod task;
pub mod units;
pub mod wire;
pub mod xpath;

/// The version that is part of every task: segments of different versions never mix in one output.
/// In a build that is no release it has date and commit: `0.1.0-20261128.1a2b3c4d`.
pub const VERSION: &str = env!("SHEAF_VERSION");
