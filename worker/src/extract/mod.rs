//! A file's bytes → rows.
