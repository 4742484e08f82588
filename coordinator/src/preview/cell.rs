//! The text of a cell on a terminal: in one line, and cut to a width.

use unicode_width::UnicodeWidthStr;

use crate::human::steers_the_terminal;

/// The most characters of a cell that are looked at: no terminal is wider.
const LONGEST: usize = 2000;
/// By how many columns the parts of an emoji may seem wider than the whole.
const SLACK: usize = 4;
/// Stands for the rest of a text that was cut.
const CUT: &str = "…";

/// A text in one line, without white space at its start. Line breaks become `⏎`, other control
/// characters their pictures, marks that change the direction of text U+FFFD.
pub(super) fn one_line(text: &str) -> String {
    let head: String =
        // Twice as many, as `\r\n` becomes one character.
        text.trim_start().chars().take(2 * LONGEST).collect::<String>().replace("\r\n", "\n");
    let shown = head.chars().take(LONGEST).map(|c| match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => '⏎',
        '\t' => ' ',
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '␡',
        c if steers_the_terminal(c) => '\u{fffd}',
        c => c,
    });

    shown.collect()
}

/// The head of `text` that fits into `width` columns, with `…` if it was cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }

    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());

    // With joined emoji a longer head may be narrower than a shorter one, so heads that are
    // slightly too wide are passed over.
    let widths =
        ends.map(|end| (end, text[..end].width())).take_while(|(_, found)| *found <= width + SLACK);
    let end = widths.filter(|(_, found)| *found < width).last().map_or(0, |(end, _)| end);

    // A joiner at the end would join the emoji with the `…`.
    format!("{}{CUT}", text[..end].trim_end_matches(['\u{200d}', ' ']))
}
