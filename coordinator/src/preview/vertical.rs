//! Rows with a line for each cell, for more columns than a table can show.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::cell::{cut, one_line};
use super::table::{MISSING, Preview, footer};
use crate::human::{Paint, number};

/// The most terminal columns of a name.
const WIDEST_NAME: usize = 30;
/// The most terminal columns of the rule above a row.
const WIDEST_RULE: usize = 40;
/// The least terminal columns of a text, however narrow the terminal is.
const NARROWEST: usize = 10;

/// A paragraph for each row with a line for each cell, and below them the number of rows and the
/// encoding.
///
/// No line is wider than `width`, if there is room for a name and [`NARROWEST`] columns of its
/// text.
pub fn render_vertical(columns: &[&str], found: &Preview, width: usize, paint: Paint) -> String {
    let names: Vec<String> = columns.iter().map(|name| cut(&one_line(name), WIDEST_NAME)).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let room = width.saturating_sub(widest + 2).max(NARROWEST);

    let mut text = String::new();
    for (index, row) in found.rows.iter().enumerate() {
        let title = format!("─── row {} ", number(index as u64 + 1));
        let rule =
            format!("{title}{}", "─".repeat(width.min(WIDEST_RULE).saturating_sub(title.width())));
        push(&mut text, &paint.dim(&rule));

        for (name, cell) in names.iter().zip(row) {
            let pad = " ".repeat(widest - name.width());
            let shown = match cell {
                Some(cell) => cut(&one_line(cell), room),
                None => paint.dim(MISSING),
            };

            push(&mut text, format!("{}{pad}  {shown}", paint.bold(name)).trim_end_matches(' '));
        }
    }

    if !found.rows.is_empty() {
        text.push('\n');
    }

    push(&mut text, &paint.dim(&footer(found, 0)));
    text
}

fn push(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Preview {
        let rows = vec![
            vec![Some("1".into()), Some("\n   지미 카터".into()), None],
            vec![Some("2".into()), Some("x".repeat(100)), Some("a\r\nb".into())],
        ];
        Preview { rows, total: 2, encoding: "UTF-8".into(), ..Preview::default() }
    }

    #[test]
    fn every_cell_has_a_line() {
        let text = render_vertical(&["id", "제목", "text"], &found(), 30, Paint::Plain);
        let expected = "─── row 1 ────────────────────\nid    1\n제목  지미 카터\ntext  –\n\
            ─── row 2 ────────────────────\nid    2\n제목  xxxxxxxxxxxxxxxxxxxxxxx…\ntext  a⏎b\n\n2 rows · UTF-8\n";
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| line.width() <= 30));
    }

    #[test]
    fn a_table_is_chosen_if_every_column_fits() {
        use super::super::table::fits;
        assert!(fits(&["id", "title", "text"], &found(), 30));
        assert!(!fits(&["id", "title", "text"], &found(), 16));
        let many = Preview {
            rows: vec![vec![Some("long enough".into()); 20]],
            total: 1,
            ..Preview::default()
        };

        assert!(!fits(&["column"; 20], &many, 100));
        assert!(fits(&["column"; 20], &many, 240));
    }
}
