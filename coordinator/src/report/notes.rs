//! The extractor's notes in words: one line for each kind, however many files have it.

use sheaf_common::job::JobSpec;
use sheaf_common::notes::NoteKind;

use super::{Seen, Tally};
use crate::human::{count, number, shown, size};

/// The most encodings that are named: of those that were guessed, and of those that were doubted.
const ENCODINGS: usize = 3;
/// The most columns that are named.
const COLUMNS: usize = 10;
/// The most elements that are named.
const ELEMENTS: usize = 5;

/// A line for each kind of note, and one for columns that are empty in every row.
pub fn noticed(tally: &Tally, spec: &JobSpec) -> Vec<String> {
    let record = shown(spec.recipe.record.as_bytes());
    let mut notes: Vec<String> = empty_columns(tally, spec).into_iter().collect();

    let mut guessed = Vec::new();
    let mut doubted = Vec::new();
    for (kind, seen) in tally.noticed.kinds() {
        match kind {
            NoteKind::Nested => notes.push(nested(seen, &record)),
            NoteKind::LostTags => notes.push(lost_tags(seen, &record)),
            NoteKind::Grew => notes.push(grew(seen)),
            NoteKind::XmlAsHtml => notes.push(xml(seen)),
            NoteKind::Guessed { encoding } => guessed.push((encoding, seen)),
            NoteKind::Contradicted { declared } => doubted.push((declared, seen)),
        }
    }

    notes.extend(encodings(guessed, |encoding, seen| {
        let files = files(seen);
        let first = first(seen);
        format!(
            "{files} declared no encoding; the guess is {encoding}{first}: `--encoding NAME` says \
             which it is"
        )
    }));

    notes.extend(encodings(doubted, |encoding, seen| {
        let files = files(seen);
        let first = first(seen);
        format!(
            "{files} declared {encoding} and {} read so, though the bytes are valid \
             UTF-8{first}: if characters are wrong, `--encoding utf-8`",
            was(seen)
        )
    }));

    notes
}

/// Why a run has no row at all, with elements that could be records: the message and its hint.
/// `None` if there are rows, or all files failed.
pub fn no_record(tally: &Tally, spec: &JobSpec) -> Option<(String, String)> {
    // If all files failed, their reasons say enough.
    if tally.rows > 0 || tally.empty == 0 {
        return None;
    }

    let record = shown(spec.recipe.record.as_bytes());
    let files = if tally.empty == 1 {
        "1 file was".into()
    } else {
        format!("{} files were", number(tally.empty))
    };

    let mut message =
        format!("no record in any file: {files} read, and `{record}` matches nothing");

    let elements = tally.noticed.elements();

    // Text without markup, most likely.
    let Some((most, _)) = elements.first() else {
        message.push_str("; there is no element in them at all");
        return Some((message, "Sheaf reads HTML: records are elements, as `<doc>…</doc>`".into()));
    };

    message.push_str(&format!("; most of their elements are {}", frequent(&elements)));

    Some((message, format!("say which elements are the records, for example `--record {most}`")))
}

/// The first few elements of a list with their counts: `li` ×3, `ul` ×2.
pub fn frequent(elements: &[(String, u64)]) -> String {
    let named =
        elements.iter().take(ELEMENTS).map(|(name, count)| format!("`{name}` ×{}", number(*count)));
    named.collect::<Vec<_>>().join(", ")
}

fn empty_columns(tally: &Tally, spec: &JobSpec) -> Option<String> {
    if tally.rows == 0 {
        return None;
    }

    let columns = spec
        .recipe
        .columns
        .iter()
        .enumerate()
        .filter(|(index, _)| !tally.noticed.is_filled(*index));

    // With its expression, which is what may be wrong.
    let columns: Vec<String> = columns
        .map(|(_, column)| {
            let name = shown(column.name.as_bytes());
            let value = shown(column.value.to_string().as_bytes());
            format!("`{name}` (`{value}`)")
        })
        .collect();

    let rest = columns.len().saturating_sub(COLUMNS);
    let (noun, verb) = if columns.len() == 1 { ("column", "is") } else { ("columns", "are") };
    let more = if rest > 0 { format!(" and {} more", number(rest as u64)) } else { String::new() };
    let named = columns.iter().take(COLUMNS).cloned().collect::<Vec<_>>().join(", ");
    let rows = if tally.rows == 1 {
        "the only row".into()
    } else {
        format!("all {} rows", number(tally.rows))
    };

    (!columns.is_empty()).then(|| format!("{noun} {named}{more} {verb} empty in {rows}"))
}

fn nested(seen: &Seen, record: &str) -> String {
    let inner = number(seen.count);
    let all = number(seen.of);
    let files = files(seen);
    format!(
        "records inside records: {inner} of {all} `{record}` in {files} stand inside another{}, \
         so their text comes twice or more. Look whether an end tag is missing there",
        first(seen)
    )
}

fn lost_tags(seen: &Seen, record: &str) -> String {
    let lost = number(seen.count);
    let all = number(seen.of);
    let files = files(seen);
    format!(
        "{lost} of {all} `<{record}` in the text of {files} gave no record{}. They stand inside a \
         comment, a script, a style or an attribute, often because a quote or an end tag is \
         missing",
        first(seen)
    )
}

fn grew(seen: &Seen) -> String {
    let rows = size(seen.count);
    let text = size(seen.of);
    format!(
        "{} gave {rows} of rows from {text} of text{}: the same text comes many times",
        files(seen),
        first(seen)
    )
}

fn xml(seen: &Seen) -> String {
    let verb = if seen.files == 1 { "begins" } else { "begin" };
    format!(
        "{} {verb} with `<?xml` and {} read as HTML{}: elements like `<x/>` do not close there, \
         so what follows is inside them",
        files(seen),
        was(seen),
        first(seen)
    )
}

/// A note for each of the most frequent encodings, and one for all others.
fn encodings(mut all: Vec<(&String, &Seen)>, say: impl Fn(&str, &Seen) -> String) -> Vec<String> {
    // The most frequent first: the rest share one note.
    all.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.files));
    let mut notes: Vec<String> =
        all.iter().take(ENCODINGS).map(|(name, seen)| say(&shown(name.as_bytes()), seen)).collect();

    let rest = all.iter().skip(ENCODINGS).fold(Seen::default(), |sum, (_, seen)| Seen {
        files: sum.files + seen.files,
        first: if sum.files == 0 { seen.first.clone() } else { sum.first },
        ..sum
    });

    if rest.files > 0 {
        notes.push(say(&format!("one of {} others", all.len() - ENCODINGS), &rest));
    }

    notes
}

fn files(seen: &Seen) -> String {
    count(seen.files, "file")
}

fn was(seen: &Seen) -> &'static str {
    if seen.files == 1 { "was" } else { "were" }
}

/// The path of the first file, in brackets.
fn first(seen: &Seen) -> String {
    match seen.files {
        1 => format!(" (`{}`)", seen.first),
        _ => format!(" (first `{}`)", seen.first),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Noticed;
    use super::*;
    use sheaf_common::notes::{FileNotes, Note};

    fn tally(files: &[(&str, FileNotes)], rows: u64) -> Tally {
        let mut noticed = Noticed::default();
        files.iter().for_each(|(path, notes)| noticed.add(path.as_bytes(), notes));
        let empty = if rows == 0 { files.len() as u64 } else { 0 };
        Tally { files: files.len() as u64, rows, empty, noticed, ..Tally::default() }
    }

    fn note(kind: NoteKind, count: u64, of: u64) -> FileNotes {
        let mut notes =
            FileNotes { noticed: vec![Note::new(kind, count, of)], ..FileNotes::default() };
        (0..3).for_each(|column| notes.fill(column));
        notes
    }

    fn said(files: &[(&str, FileNotes)]) -> String {
        noticed(&tally(files, 5), &JobSpec::default()).join("\n")
    }

    #[test]
    fn each_kind_of_note_is_one_line() {
        let nested = || note(NoteKind::Nested, 3, 4);
        assert!(said(&[("a", nested())]).starts_with(
            "records inside records: 3 of 4 `doc` in 1 file stand inside another (`a`)"
        ));

        let two = said(&[("a", nested()), ("b", nested())]);
        assert!(
            two.contains("6 of 8 `doc` in 2 files")
                && two.contains("(first `a`)")
                && two.lines().count() == 1
        );
        assert!(
            said(&[("a", note(NoteKind::LostTags, 2, 9))])
                .starts_with("2 of 9 `<doc` in the text of 1 file")
        );
        assert!(
            said(&[("a", note(NoteKind::Grew, 508_000_000, 1_000_000))])
                .contains("508 MB of rows from 1.00 MB")
        );
        assert!(
            said(&[("a", note(NoteKind::XmlAsHtml, 1, 1))])
                .starts_with("1 file begins with `<?xml` and was read")
        );
    }

    #[test]
    fn few_encodings_are_named() {
        let guessed = |name: &str| note(NoteKind::Guessed { encoding: name.into() }, 1, 1);
        let names = ["GBK", "Big5", "EUC-KR", "EUC-KR", "KOI8-R", "Shift_JIS"];
        let files: Vec<(&str, FileNotes)> =
            names.iter().map(|name| (*name, guessed(name))).collect();
        let said = said(&files);
        let first = "2 files declared no encoding; the guess is EUC-KR (first `EUC-KR`): `--encoding NAME` says which it is";
        assert_eq!(said.lines().next(), Some(first));
        assert_eq!(said.lines().count(), ENCODINGS + 1);
        assert!(
            said.contains("2 files declared no encoding; the guess is one of 2 others"),
            "{said}"
        );
    }

    #[test]
    fn a_column_that_is_always_empty_is_named() {
        let mut notes = FileNotes::default();
        notes.fill(0);
        let said = noticed(&tally(&[("a", notes)], 5), &JobSpec::default());
        assert_eq!(
            said,
            ["columns `title` (`::attr(title)`), `text` (`::text`) are empty in all 5 rows"]
        );
    }

    #[test]
    fn a_run_without_records_names_common_elements() {
        let elements = vec![("li".to_string(), 3), ("ul".to_string(), 2)];
        let of = |elements| FileNotes { elements, ..FileNotes::default() };
        let (message, hint) =
            no_record(&tally(&[("a", of(elements))], 0), &JobSpec::default()).unwrap();
        assert!(
            message.ends_with("`doc` matches nothing; most of their elements are `li` ×3, `ul` ×2"),
            "{message}"
        );
        assert!(hint.ends_with("`--record li`"), "{hint}");
        let (message, _) =
            no_record(&tally(&[("a", of(Vec::new()))], 0), &JobSpec::default()).unwrap();
        assert!(message.ends_with("no element in them at all"), "{message}");
        assert_eq!(no_record(&tally(&[("a", FileNotes::default())], 1), &JobSpec::default()), None);
        assert_eq!(
            no_record(&Tally { files: 2, failed: 2, ..Tally::default() }, &JobSpec::default()),
            None
        );
    }
}
