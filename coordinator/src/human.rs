//! Colour, tables and names for people. Numbers, sizes and times come from [`sheaf_common::human`].

use std::fmt::Write;

pub use sheaf_common::human::{count, number, rate, size, time};

/// Whether a text may have colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colour,
}

impl Paint {
    /// Errors, and files that failed.
    pub fn error(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// The word `hint:`.
    pub fn hint(self, text: &str) -> String {
        self.wrap("1;36", text)
    }

    /// The part that is done.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// The word `note:`, and the number of failures.
    pub fn warning(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Names and headings.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Less important text.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.into(),
            Paint::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// A table with aligned columns: a line for the header, and one for each row.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let lines: Vec<[String; N]> = std::iter::once(header.map(String::from)).chain(rows).collect();

    let mut widths = [0; N];
    for line in &lines {
        line.iter()
            .zip(&mut widths)
            .for_each(|(cell, width)| *width = cell.chars().count().max(*width));
    }

    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }

    text
}

/// A name or reason that is safe on a terminal. Control characters, which could steer the terminal
/// or break the line, become escapes (`\n`, `\u{1b}`); bytes that are not UTF-8 become U+FFFD.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.chars().any(steers_the_terminal) {
        return text.into_owned();
    }

    // Rare: most names are returned above without this loop.
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers_the_terminal(c) {
            write!(safe, "{}", c.escape_default()).expect("writing to memory does not fail");
        } else {
            safe.push(c);
        }
    }

    safe
}

/// Whether a terminal would do more than show it: control characters, and marks that change the
/// direction of text.
pub fn steers_the_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The choice that was probably meant by `typed`; `None` if more than a third of the letters
/// differ.
pub fn did_you_mean<'a>(typed: &str, choices: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let (distance, choice) =
        choices.iter().map(|choice| (edits(&typed, choice), *choice)).min_by_key(|(d, _)| *d)?;

    (distance * 3 <= choice.chars().count().max(typed.chars().count())).then_some(choice)
}

/// The edit distance: the number of letters to change, drop, add, or swap with a neighbour, to turn
/// `a` into `b`.
fn edits(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();

    // The distance of each head of `a` from each head of `b`, the shortest first.
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut best = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best = best.min(table[i - 2][j - 2] + 1);
                    }

                    best
                }
            };
        }
    }

    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_table_are_aligned() {
        let rows = [["a".into(), "1".into()], ["long".into(), "22".into()]];
        assert_eq!(table(["NAME", "N"], rows), "NAME  N\na     1\nlong  22\n");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(shown("한국어 😀.html".as_bytes()), "한국어 😀.html");
        assert_eq!(shown(b"a\n\x1b[2J\xff"), "a\\n\\u{1b}[2J\u{fffd}");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }

    #[test]
    fn what_was_meant_is_near() {
        assert_eq!(did_you_mean("xlxs", &["xlsx", "csv"]), Some("xlsx"));
        assert_eq!(did_you_mean("JSON", &["xlsx", "jsonl"]), Some("jsonl"));
        assert_eq!(did_you_mean("pdf", &["xlsx", "csv"]), None);
    }
}
