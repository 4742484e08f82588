//! Encodes rows, and emits them in chunks.

use std::io;

use sheaf_common::cell::overflow_rows;
use sheaf_common::row::write_cell;

/// The most bytes of a chunk of several rows: 1 MiB. A larger row is a chunk by itself, as no row
/// is split.
pub const CHUNK: usize = 1 << 20;

/// Consecutive rows of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The rows in the form of [`sheaf_common::row`].
    pub bytes: &'a [u8],
    pub rows: u32,
    /// The number of overflow rows that these rows need.
    pub overflow: u32,
    /// The number of cells that continue in overflow rows.
    pub long_cells: u32,
}

/// Turns cells into chunks.
pub(super) struct Writer<'e> {
    emit: &'e mut dyn FnMut(Chunk<'_>) -> io::Result<()>,
    bytes: Vec<u8>,
    /// The complete rows in `bytes`.
    whole: Counts,
    /// The current row.
    row: Counts,
    /// Whether long cells continue in overflow rows.
    carry: bool,
    sums: Sums,
}

/// The sums over all rows of a file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    /// The bytes of the encoded rows.
    pub bytes: u64,
    /// The number of cells that are too long for a sheet.
    pub long_cells: u64,
}

/// The counts over consecutive rows.
#[derive(Default, Clone, Copy)]
struct Counts {
    length: usize,
    rows: u32,
    overflow: u32,
    long_cells: u32,
}

impl<'e> Writer<'e> {
    pub(super) fn new(carry: bool, emit: &'e mut dyn FnMut(Chunk<'_>) -> io::Result<()>) -> Self {
        Writer {
            emit,
            bytes: Vec::with_capacity(CHUNK + CHUNK / 8),
            whole: Counts::default(),
            row: Counts::default(),
            carry,
            sums: Sums::default(),
        }
    }

    /// Writes the next cell of the row.
    pub(super) fn cell(&mut self, cell: Option<&str>) {
        write_cell(&mut self.bytes, cell);
        let overflow = cell.map_or(0, overflow_rows);
        if overflow > 0 {
            self.sums.long_cells += 1;
            if self.carry {
                self.row.overflow += overflow;
                self.row.long_cells += 1;
            }
        }
    }

    /// Ends the row.
    ///
    /// # Errors
    /// Those of `emit`.
    pub(super) fn end_row(&mut self) -> io::Result<()> {
        // With this row the chunk would be too large: emit the rows before it.
        if self.bytes.len() > CHUNK && self.whole.rows > 0 {
            self.hand_on()?;
        }

        self.whole = Counts {
            length: self.bytes.len(),
            rows: self.whole.rows + 1,
            overflow: self.whole.overflow + self.row.overflow,
            long_cells: self.whole.long_cells + self.row.long_cells,
        };

        self.row = Counts::default();
        if self.bytes.len() >= CHUNK { self.hand_on() } else { Ok(()) }
    }

    /// Emits the last rows; returns the sums over all rows.
    ///
    /// # Errors
    /// Those of `emit`.
    pub(super) fn finish(mut self) -> io::Result<Sums> {
        if self.whole.rows > 0 {
            self.hand_on()?;
        }
        Ok(self.sums)
    }

    /// Emits the complete rows; the current one stays.
    fn hand_on(&mut self) -> io::Result<()> {
        let Counts { length, rows, overflow, long_cells } = std::mem::take(&mut self.whole);
        self.sums.bytes += length as u64;
        (self.emit)(Chunk { bytes: &self.bytes[..length], rows, overflow, long_cells })?;
        self.bytes.drain(..length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::cell::CELL_UNITS;

    fn write(texts: &[&str], carry: bool) -> (Vec<(usize, u32, u32, u32)>, u64) {
        let mut chunks = Vec::new();
        let mut emit = |chunk: Chunk<'_>| {
            chunks.push((chunk.bytes.len(), chunk.rows, chunk.overflow, chunk.long_cells));
            Ok(())
        };

        let mut writer = Writer::new(carry, &mut emit);
        for text in texts {
            writer.cell(Some(text));
            writer.end_row().unwrap();
        }

        let long = writer.finish().unwrap().long_cells;
        (chunks, long)
    }

    #[test]
    fn only_chunks_of_one_row_exceed_the_limit() {
        let (small, large) = ("x".repeat(400_000), "y".repeat(3 * CHUNK));
        let (chunks, long) = write(&[&small, &small, &small, &large, &small, ""], true);

        assert_eq!(chunks.iter().map(|chunk| chunk.1).collect::<Vec<_>>(), [2, 1, 1, 2]);
        assert!(chunks.iter().all(|chunk| chunk.0 <= CHUNK || chunk.1 == 1));
        assert_eq!(chunks.iter().map(|chunk| chunk.3).sum::<u32>(), 5);
        assert_eq!(long, 5);
    }

    #[test]
    fn no_rows_are_no_chunk() {
        assert_eq!(write(&[], true), (vec![], 0));
    }

    #[test]
    fn cells_that_are_cut_need_no_overflow() {
        let long = "x".repeat(CELL_UNITS * 2 + 1);
        assert_eq!(write(&[&long, "a"], true).0, [(long.len() + 4 + 3, 2, 2, 1)]);

        let (chunks, cut) = write(&[&long, "a"], false);
        assert_eq!((chunks[0].2, chunks[0].3, cut), (0, 0, 1));
    }
}
