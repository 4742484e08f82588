//! The look of a workbook: the widths of columns and the height of rows that its first rows need.
//!
//! It depends only on the first rows of the first unit, so it is the same however the job runs, and
//! no cell needs an attribute.

use serde::{Deserialize, Serialize};
use sheaf_common::wire::{self, WireError};
use unicode_width::UnicodeWidthStr;

/// How many rows are measured.
pub const FIRST_ROWS: u64 = 100;
/// The widest column, in digits.
const WIDEST: usize = 80;
/// The highest row, in lines: texts behind more blank lines stay hidden.
const MOST_LINES: usize = 4;
/// How many bytes of a text are measured.
const FIRST_BYTES: usize = 2048;

/// The room that the first rows of a workbook need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The width of each column, in digits of the default font.
    pub widths: Vec<u8>,
    /// The lines down to the first one with text: 1 where texts begin with it.
    pub lines: u8,
}

impl Look {
    /// The look as metadata of the segment that begins a workbook.
    pub fn to_meta(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads the metadata that [`Look::to_meta`] made.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_meta(meta: &[u8]) -> Result<Look, WireError> {
        wire::decode(meta)
    }
}

/// Measures rows.
pub struct Measure {
    widths: Vec<usize>,
    /// How many rows need one line, two, …
    rows_by_lines: [u32; MOST_LINES],
}

impl Measure {
    pub fn new(columns: usize) -> Self {
        Measure { widths: vec![0; columns], rows_by_lines: [0; MOST_LINES] }
    }

    pub fn row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        // The cell that needs the most lines decides for its row.
        let mut lines = 1;
        for (width, text) in self.widths.iter_mut().zip(cells) {
            let mut end = text.len().min(FIRST_BYTES);
            // Not within a character.
            while !text.is_char_boundary(end) {
                end -= 1;
            }

            let shown = &text[..end];
            let widest = shown.split('\n').map(|line| line.trim_end().width()).max();
            *width = (*width).max(widest.unwrap_or(0)).min(WIDEST);

            if let Some(blank) = shown.split('\n').position(|line| !line.trim().is_empty()) {
                lines = lines.max(blank + 1);
            }
        }

        // No height up to the limit would show its text, so it does not count for a higher one.
        let lines = if lines > MOST_LINES { 1 } else { lines };
        self.rows_by_lines[lines - 1] += 1;
    }

    /// The look; `None` before any row. The height is enough for nine rows of ten.
    pub fn look(&self) -> Option<Look> {
        let rows: u32 = self.rows_by_lines.iter().sum();

        let mut seen = 0;
        let enough = |(_, count): &(u8, &u32)| {
            seen += *count;
            seen * 10 >= rows * 9
        };

        let lines = (1..).zip(&self.rows_by_lines).find(enough).map_or(1, |(lines, _)| lines);
        let widths =
            self.widths.iter().map(|width| u8::try_from(*width).unwrap_or(u8::MAX)).collect();
        (rows > 0).then_some(Look { widths, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(rows: &[[&str; 2]]) -> Option<Look> {
        let mut measure = Measure::new(2);
        rows.iter().for_each(|row| measure.row(row.iter().copied()));
        measure.look()
    }

    #[test]
    fn columns_fit_their_widest_line_within_a_limit() {
        assert_eq!(
            look(&[["12", "a\nthe widest line  \n"], ["가을", ""]]).unwrap().widths,
            [4, 15]
        );
        assert_eq!(look(&[["", &"x".repeat(100_000)]]).unwrap().widths, [0, 80]);
        assert_eq!(look(&[["", &"한".repeat(1_000)]]).unwrap().widths, [0, 80]);
        assert_eq!(look(&[]), None);
    }

    #[test]
    fn row_height_suits_first_texts_of_most_rows() {
        let lines = |rows: &[[&str; 2]]| look(rows).unwrap().lines;
        assert_eq!(lines(&[["1", "text\n\nmore"]]), 1);
        assert_eq!(lines(&[["1", "\n  text"]]), 2);
        assert_eq!(lines(&[["1", "\n \t\n  text"], ["", ""]]), 3);
        assert_eq!(
            lines(&[["1", "\n\n\n\n\n\n\ntext"], ["2", "\n"]]),
            1,
            "it would not be seen anyway"
        );

        let mut rows = vec![["1", "text"]; 95];
        rows.extend([["2", "\n\ntext"]; 5]);
        assert_eq!(lines(&rows), 1, "a few do not make all rows high");
    }
}
