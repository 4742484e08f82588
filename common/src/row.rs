//! The encoding of rows between extraction and rendering.
//!
//! A block of rows is the cells of its rows, one after another, each a bincode `Option<&str>`. Rows
//! have no header, as all rows of a job have the same number of cells. So blocks concatenate, and
//! every run of whole rows is a block.

use std::sync::Arc;

use bincode::config::{self, Configuration};

/// A block of rows, shared without copies.
pub type Block = Arc<Vec<u8>>;

const CONFIG: Configuration = config::standard();

/// A block of rows is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the rows are damaged at byte {at}")]
pub struct DamagedRows {
    at: usize,
}

/// Appends a cell; `None`: its record did not have it.
pub fn write_cell(block: &mut Vec<u8>, cell: Option<&str>) {
    bincode::encode_into_std_write(cell, block, CONFIG).expect("writing to memory does not fail");
}

/// Reads the rows of a block, each of `width` cells, without copying texts.
pub struct Rows<'a> {
    block: &'a [u8],
    at: usize,
    width: usize,
}

impl<'a> Rows<'a> {
    pub fn new(block: &'a [u8], width: usize) -> Self {
        Rows { block, at: 0, width }
    }

    /// Fills `cells` with the next row; `false` at the end.
    ///
    /// # Errors
    /// [`DamagedRows`] when the bytes are not whole rows of UTF-8 cells.
    pub fn next_into(&mut self, cells: &mut Vec<Option<&'a str>>) -> Result<bool, DamagedRows> {
        cells.clear();
        if self.at == self.block.len() {
            return Ok(false);
        }

        // A block that ends within a row fails here, as the next cell cannot be read.
        for _ in 0..self.width {
            let (cell, read) = bincode::borrow_decode_from_slice(&self.block[self.at..], CONFIG)
                .map_err(|_| DamagedRows { at: self.at })?;
            cells.push(cell);
            self.at += read;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_blocks_concatenate() {
        let mut block = Vec::new();
        for cell in [Some("1"), None, Some(""), Some("한 😀")] {
            write_cell(&mut block, cell);
        }

        let twice = [block.clone(), block].concat();
        let mut rows = Rows::new(&twice, 2);
        let mut cells = Vec::new();
        let mut all = Vec::new();
        while rows.next_into(&mut cells).unwrap() {
            all.push(cells.clone());
        }

        assert_eq!(all.len(), 4);
        assert_eq!(all[0], [Some("1"), None]);
        assert_eq!(all[3], [Some(""), Some("한 😀")]);
    }

    #[test]
    fn damage_is_an_error_not_a_panic() {
        let mut block = Vec::new();
        write_cell(&mut block, Some("text"));

        let mut cells = Vec::new();
        assert!(Rows::new(&block[..3], 1).next_into(&mut cells).is_err());
        assert!(Rows::new(&[1, 2, 0xff, 0xff], 1).next_into(&mut cells).is_err());
    }
}
