//! Rows as a table that fits the terminal.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::cell::{cut, one_line};
use crate::human::{Paint, count, number};
use crate::report::frequent;

/// The contents of a file, as far as a preview shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// The first rows. A cell is `None` if its record has no such element or attribute.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows the file has in all.
    pub total: u64,
    /// The encoding that was used; empty if there is none.
    pub encoding: String,
    /// How many characters could not be decoded.
    pub replaced: u64,
    /// The path of the file, if a folder was given.
    pub chosen: Option<String>,
    /// The most frequent elements and their counts, if the file has no record.
    pub elements: Vec<(String, u64)>,
}

/// The gap between columns.
const GAP: &str = "  ";
/// The least width to which a column is cut.
const NARROWEST: usize = 4;
pub(super) const MISSING: &str = "–";

/// The width from which on a column that is cut can be read.
const READABLE: usize = 10;

/// Whether a table of this width has room for every column, whole or at least [`READABLE`] wide.
pub(super) fn fits(columns: &[&str], found: &Preview, width: usize) -> bool {
    let needed = |(index, name): (usize, &&str)| {
        let cells = found.rows.iter().filter_map(|row| row.get(index)?.as_deref());
        let widest =
            cells.map(|cell| one_line(cell).width()).max().unwrap_or(0).max(one_line(name).width());
        widest.clamp(1, READABLE) + GAP.len()
    };

    columns.iter().enumerate().map(needed).sum::<usize>() <= width + GAP.len()
}

/// The table, and below it the number of rows and the encoding.
///
/// No line is wider than `width`, if at least one column of the table fits. Long texts end in `…`,
/// and columns without room are counted. Nothing in a cell can steer the terminal.
pub fn render_table(columns: &[&str], found: &Preview, width: usize, paint: Paint) -> String {
    let heads: Vec<String> = columns.iter().map(|name| one_line(name)).collect();

    let cells =
        |row: &Vec<Option<String>>| row.iter().map(|cell| cell.as_deref().map(one_line)).collect();
    let rows: Vec<Vec<Option<String>>> = found.rows.iter().map(cells).collect();

    let natural = |index: usize| {
        let widest = rows
            .iter()
            .filter_map(|row| row.get(index)?.as_deref())
            .map(UnicodeWidthStr::width)
            .max();
        widest.unwrap_or(0).max(heads[index].width()).max(1)
    };

    let widths = fit((0..heads.len()).map(natural).collect(), width);

    let mut text = String::new();
    if !rows.is_empty() {
        let head = heads.iter().zip(&widths).map(|(head, width)| (cut(head, *width), Shade::Bold));
        line(&mut text, head, &widths, paint);
        line(
            &mut text,
            widths.iter().map(|width| ("─".repeat(*width), Shade::Dim)),
            &widths,
            paint,
        );

        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| match cell {
                Some(cell) => (cut(cell, *width), Shade::None),
                None => (MISSING.into(), Shade::Dim),
            });

            line(&mut text, cells, &widths, paint);
        }

        text.push('\n');
    }

    writeln!(text, "{}", paint.dim(&footer(found, heads.len() - widths.len())))
        .expect("writing to memory does not fail");

    text
}

#[derive(Clone, Copy)]
enum Shade {
    None,
    Bold,
    Dim,
}

fn line(
    text: &mut String,
    cells: impl Iterator<Item = (String, Shade)>,
    widths: &[usize],
    paint: Paint,
) {
    for (index, (cell, shade)) in cells.enumerate() {
        let last = index + 1 == widths.len();
        let pad = if last { 0 } else { widths[index].saturating_sub(cell.width()) };
        text.push_str(&match shade {
            Shade::None => cell,
            Shade::Bold => paint.bold(&cell),
            Shade::Dim => paint.dim(&cell),
        });

        text.extend(std::iter::repeat_n(' ', pad));
        text.push_str(if last { "" } else { GAP });
    }

    // An empty last cell leaves the gap in front of it.
    text.truncate(text.trim_end_matches(' ').len());

    text.push('\n');
}

pub(super) fn footer(found: &Preview, hidden: usize) -> String {
    let shown = found.rows.len() as u64;
    let mut parts = vec![match found.total {
        0 if found.elements.is_empty() => "no record in this file".into(),
        0 => format!("no record in this file; most elements are {}", frequent(&found.elements)),
        total if total > shown => format!("{} of {}", number(shown), count(total, "row")),
        total => count(total, "row"),
    }];

    if let Some(chosen) = &found.chosen {
        parts.insert(0, chosen.clone());
    }
    if hidden > 0 {
        parts.push(format!("{} more without room", count(hidden as u64, "column")));
    }
    if !found.encoding.is_empty() {
        parts.push(found.encoding.clone());
    }
    if found.replaced > 0 {
        parts.push(format!("{} replaced", count(found.replaced, "character")));
    }

    parts.join(" · ")
}

/// Cuts columns, the widest first, until they fit. If that is not enough, the last columns are
/// dropped.
fn fit(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    let least = |widths: &[usize]| -> usize {
        widths.iter().map(|width| NARROWEST.min(*width) + GAP.len()).sum::<usize>() - GAP.len()
    };

    // One column always stays, however narrow the terminal is.
    while widths.len() > 1 && least(&widths) > room {
        widths.pop();
    }

    let room = room.saturating_sub(GAP.len() * widths.len().saturating_sub(1));

    // The largest width to which all wider columns can be cut so that the sum fits.
    let sum = |limit: usize| widths.iter().map(|width| (*width).min(limit)).sum::<usize>();
    let widest = widths.iter().copied().max().unwrap_or(0);
    let limit =
        (NARROWEST..=widest.min(room)).rev().find(|limit| sum(*limit) <= room).unwrap_or(NARROWEST);

    // Room that is left over goes to the first columns that were cut.
    let mut spare = room.saturating_sub(sum(limit));
    for width in &mut widths {
        if *width > limit {
            let extra = spare.min(*width - limit);
            *width = limit + extra;
            spare -= extra;
        }
    }

    widths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::human::steers_the_terminal;

    fn found(rows: &[&[Option<&str>]]) -> Preview {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.map(str::to_string)).collect())
            .collect();
        Preview {
            total: rows.len() as u64,
            rows,
            encoding: "UTF-8".into(),
            replaced: 0,
            chosen: None,
            elements: Vec::new(),
        }
    }

    #[test]
    fn korean_and_emoji_are_aligned() {
        let found = found(&[
            &[Some("5"), Some("지미 카터"), Some("a\r\nb")],
            &[Some("12"), Some("😀"), None],
        ]);
        let expected = "\
id  title      text
──  ─────────  ────
5   지미 카터  a⏎b
12  😀         –

2 rows · UTF-8
";
        assert_eq!(render_table(&["id", "title", "text"], &found, 80, Paint::Plain), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "지미 카터 👩‍👩‍👧 long text ".repeat(100);
        let row: &[Option<&str>] =
            &[Some("1"), Some(&long), None, Some(&long), Some("e\u{301}e\u{301}")];
        let found = found(&[row, row]);
        for width in 4..200 {
            let text = render_table(
                &["id", "제목", "none", "text", "accents"],
                &found,
                width,
                Paint::Plain,
            );
            for line in text.lines().take(4) {
                assert!(line.width() <= width, "{width}: {} {line}", line.width());
            }
        }
    }

    #[test]
    fn short_columns_stay_whole_as_long_ones_shrink() {
        assert_eq!(fit(vec![3, 100, 5, 100], 60), [3, 23, 5, 23]);
        assert_eq!(fit(vec![3, 100], 60), [3, 55]);
        assert_eq!(fit(vec![100, 100], 61), [30, 29]);
        assert_eq!(fit(vec![3, 5], 60), [3, 5]);
        assert_eq!(fit(vec![10; 100], 20).len(), 3);
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let preview = Preview { total: 1300, replaced: 1, ..found(&[&[Some("a"); 50]]) };
        let text = render_table(&["column"; 50], &preview, 20, Paint::Plain);
        assert!(
            text.ends_with(
                "1 of 1,300 rows · 47 columns more without room · UTF-8 · 1 character replaced\n"
            ),
            "{text}"
        );
        assert_eq!(
            render_table(&["a"], &Preview::default(), 80, Paint::Plain),
            "no record in this file\n"
        );

        let elements = vec![("li".into(), 1200), ("ul".into(), 1)];
        let none = Preview { elements, ..Preview::default() };
        assert_eq!(
            render_table(&["a"], &none, 80, Paint::Plain),
            "no record in this file; most elements are `li` ×1,200, `ul` ×1\n"
        );
    }

    #[test]
    fn a_cell_cannot_steer_the_terminal() {
        let found = found(&[&[Some("\x1b[2J\u{9b}31m\u{202e}\0\x7f")]]);
        let text = render_table(&["\x1b]0;x\x07"], &found, 80, Paint::Plain);
        assert!(!text.chars().any(|c| c != '\n' && steers_the_terminal(c)), "{text:?}");
        assert!(render_table(&["a"], &found, 80, Paint::Colour).contains("\x1b[1ma\x1b[0m"));
    }
}
