//! The summary on the terminal, at the end of a run.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sheaf_common::cell::SHEET_DATA_ROWS;
use sheaf_common::job::JobSpec;

use super::{Tally, notes};
use crate::discover::LeftOut;
use crate::human::{Paint, count, number, rate, shown, size, time};

/// The results of a finished run.
#[derive(Debug, Clone)]
pub struct Summary<'a> {
    pub tally: &'a Tally,
    pub spec: &'a JobSpec,
    /// What was found in the inputs but not read.
    pub left_out: LeftOut,
    /// The bytes that this run read, without earlier runs of the job.
    pub read_bytes: u64,
    /// How long this run took, without earlier runs of the job.
    pub elapsed: Duration,
    pub written: &'a [Written],
    /// The folder of `--per-file`.
    pub per_file: Option<&'a Path>,
    pub joblog: Option<&'a Path>,
    /// The folder that is kept for the next run, and how many bytes are in it.
    pub kept: Option<(&'a Path, u64)>,
}

/// A written output.
#[derive(Debug, Clone)]
pub struct Written {
    pub path: PathBuf,
    pub bytes: u64,
    /// The number of its sheets, with those of long cells; `None` if its format has no sheets.
    pub sheets: Option<u32>,
    /// Whether it replaced a file.
    pub replaced: bool,
}

impl Summary<'_> {
    /// The whole text, which ends with a line end:
    ///
    /// ```text
    /// final.xlsx  1 sheet, 4.20 MB
    /// 130 rows from 5 files in 0.42 s (84.2 MB/s)
    /// 4 of 5 files reused from the earlier run
    /// kept for the next `--changed`: 5.20 MB in final.xlsx.sheaf
    /// ```
    /// The last two are for runs with `--changed`. Then come [`Summary::notes`], [`Summary::emptied`] and [`Summary::failed`].
    pub fn text(&self, paint: Paint) -> String {
        let tally = self.tally;
        let mut text = String::new();

        let width =
            self.written.iter().map(|one| name(&one.path).chars().count()).max().unwrap_or(0);
        for one in self.written {
            let pad = " ".repeat(width - name(&one.path).chars().count());
            let sheets = one.sheets.map(|sheets| format!("{}, ", count(sheets.into(), "sheet")));
            let sheets = sheets.unwrap_or_default();

            let replaced = if one.replaced { ", replaces an earlier file" } else { "" };

            line(
                &mut text,
                &format!(
                    "{}{pad}  {sheets}{}{replaced}",
                    paint.bold(&name(&one.path)),
                    size(one.bytes)
                ),
            );
        }

        if let Some(folder) = self.per_file {
            let books = tally.files - tally.failed;
            line(
                &mut text,
                &format!("{}  {}", paint.bold(&name(folder)), count(books, "workbook")),
            );
        }

        // Of reused files nothing was read, and a speed without them would say little.
        let speed = match tally.reused {
            0 => format!(" ({})", rate(self.read_bytes, self.elapsed)),
            _ => String::new(),
        };
        let good = count(tally.files - tally.failed, "file");
        line(
            &mut text,
            &format!("{} from {good} in {}{speed}", count(tally.rows, "row"), time(self.elapsed)),
        );
        if let Some(reused) = self.reused() {
            line(&mut text, &reused);
        }
        if let Some((folder, bytes)) = self.kept {
            let bytes = size(bytes);
            line(&mut text, &format!("kept for the next `--changed`: {bytes} in {}", name(folder)));
        }
        self.notes().iter().for_each(|words| note(&mut text, paint, words));

        // Problems come last, where they are seen.
        text + &self.emptied(paint) + &self.failed(paint)
    }

    /// How many files were reused, in words; `None`: none were.
    fn reused(&self) -> Option<String> {
        let Tally { files, reused, .. } = *self.tally;
        let all = count(files, "file");
        (reused > 0).then(|| format!("{} of {all} reused from the earlier run", number(reused)))
    }

    /// A line for each thing worth knowing: further sheets, long cells, replaced characters, what
    /// the extractor noticed, files that were left out, files without a record.
    pub fn notes(&self) -> Vec<String> {
        let tally = self.tally;
        let mut notes = Vec::new();

        // Outputs without sheets hold long cells as they are.
        let with_sheets = self.written.iter().any(|one| one.sheets.is_some());
        let workbooks = self.per_file.is_some() || with_sheets;
        if with_sheets && tally.rows > SHEET_DATA_ROWS {
            notes.push(more_sheets(tally.rows, &self.spec.sheet_name));
        }

        if tally.overflow_rows > 0 && workbooks {
            let parts = count(tally.overflow_rows, "row");
            let cells = count(tally.long_cells, "long cell");
            notes.push(format!("{cells}: carried on in {parts} of the sheet `overflow`"));
        }

        if tally.truncated_cells > 0 && workbooks {
            let cells = count(tally.truncated_cells, "long cell");
            notes.push(format!(
                "{cells}: cut at 32,767 characters in workbooks (`--long-cells overflow` keeps all)"
            ));
        }

        if tally.replaced > 0 {
            notes.push(self.replaced_characters());
        }

        notes.extend(notes::noticed(tally, self.spec));
        if !self.left_out.is_none() {
            notes.push(left_out(self.left_out));
        }

        // If no file has a record, that is an error of its own: see [`notes::no_record`].
        if tally.empty > 0 && tally.rows > 0 {
            notes.push(self.without_record());
        }

        notes
    }

    fn replaced_characters(&self) -> String {
        let tally = self.tally;
        let first = tally.first_replaced.iter().next();
        let first = first.map_or(String::new(), |path| format!(" (first `{path}`)"));
        let characters = count(tally.replaced, "character");
        let files = count(tally.replaced_files, "file");

        format!(
            "{characters} in {files}{first} could not be decoded and became `\u{fffd}`: \
             `--encoding NAME` says how files are encoded"
        )
    }

    fn without_record(&self) -> String {
        let tally = self.tally;
        let paths = tally.first_empty.iter().map(|path| format!("`{path}`"));
        let paths: Vec<String> = paths.collect();

        let more = if paths.len() as u64 == tally.empty { "" } else { ", …" };
        let files = count(tally.empty, "file");
        format!("{files} without a record: {}{more}", paths.join(", "))
    }

    /// A line for each output that replaced a file and has no row. Printed with `--quiet`, too.
    pub fn emptied(&self, paint: Paint) -> String {
        let mut said = String::new();
        if self.tally.rows == 0 {
            for one in self.written.iter().filter(|one| one.replaced) {
                let path = name(&one.path);
                note(
                    &mut said,
                    paint,
                    &format!("the earlier `{path}` is gone, this one has no row"),
                );
            }
        }
        said
    }

    /// A paragraph about the files that failed, after an empty line; empty if none did. Printed
    /// with `--quiet`, too.
    pub fn failed(&self, paint: Paint) -> String {
        let tally = self.tally;
        let mut said = String::new();
        if tally.failed == 0 {
            return said;
        }

        let text = &mut said;
        line(text, "");
        let rest = tally.failed - tally.first_failed.iter().len() as u64;

        // If all files are listed, their reasons say it.
        let kinds = if rest > 0 { self.kinds() } else { String::new() };
        let files = count(tally.failed, "file");
        line(text, &paint.error(&format!("{files} failed{kinds}:")));

        for one in tally.first_failed.iter() {
            line(text, &format!("  {}: {}", one.path, one.reason()));
        }

        // A job log names the other files; without one, a hint says how to get it.
        match self.joblog {
            Some(path) if rest > 0 => {
                line(text, &format!("  and {} more: see `{}`", number(rest), name(path)))
            }
            None if rest > 0 => {
                line(text, &format!("  and {} more", number(rest)));
                line(
                    text,
                    &format!(
                        "\n{} `--joblog FILE` lists every file and what came of it",
                        paint.hint("hint:")
                    ),
                );
            }
            _ => {}
        }

        said
    }

    /// How many files failed for each kind of problem, in brackets, the most frequent first; empty
    /// if there is only one kind.
    fn kinds(&self) -> String {
        let mut kinds: Vec<_> = self.tally.failed_by_kind.iter().collect();
        if kinds.len() < 2 {
            return String::new();
        }

        kinds.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
        let words = kinds.iter().map(|(kind, files)| format!("{} {kind}", number(**files)));
        format!(" ({})", words.collect::<Vec<_>>().join(", "))
    }
}

/// How much was left out of the inputs, in words.
pub fn left_out(left_out: LeftOut) -> String {
    let mut parts = Vec::new();
    if left_out.unwanted > 0 {
        let noun = if left_out.unwanted == 1 {
            "hidden file or folder"
        } else {
            "hidden files or folders"
        };

        parts
            .push(format!("{} {noun} left out (`--hidden` reads them)", number(left_out.unwanted)));
    }

    if left_out.own > 0 {
        parts.push(format!(
            "{} left out that this command itself writes",
            count(left_out.own, "file")
        ));
    }

    parts.join("; ")
}

/// Names the sheets that hold the rows past the limit of one sheet.
fn more_sheets(rows: u64, sheet: &str) -> String {
    let held = number(SHEET_DATA_ROWS);
    let sheets = rows.div_ceil(SHEET_DATA_ROWS);
    let name = shown(sheet.as_bytes());
    let last = if sheets == 2 { String::new() } else { format!(" to `{name} {sheets}`") };
    format!("a sheet holds {held} rows: the others go on in `{name} 2`{last}")
}

fn note(text: &mut String, paint: Paint, words: &str) {
    line(text, &format!("{} {words}", paint.warning("note:")));
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{words}").expect("writing to memory does not fail");
}

fn name(path: &Path) -> String {
    shown(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::numbers::FileIndex;
    use sheaf_common::outcome::FileReport;
    use sheaf_common::problem::{FileProblem, Step, SystemError};
    use sheaf_common::recipe::Recipe;

    fn written(name: &str, bytes: u64, sheets: u32) -> Written {
        let sheets = (sheets > 0).then_some(sheets);
        Written { path: name.into(), bytes, sheets, replaced: false }
    }

    fn summary<'a>(
        tally: &'a Tally,
        written: &'a [Written],
        joblog: Option<&'a str>,
    ) -> Summary<'a> {
        let spec: &'static JobSpec =
            Box::leak(Box::new(JobSpec { recipe: no_columns(), ..JobSpec::default() }));
        let (elapsed, joblog) = (Duration::from_millis(500), joblog.map(Path::new));
        let (left_out, read_bytes) = (LeftOut::default(), 42_100_000);
        let (per_file, kept) = (None, None);
        Summary { tally, spec, left_out, read_bytes, elapsed, written, per_file, joblog, kept }
    }

    /// Without columns, so that no note says that one is empty.
    fn no_columns() -> Recipe {
        Recipe { columns: Vec::new(), ..Recipe::default() }
    }

    fn text(tally: &Tally, joblog: Option<&str>) -> String {
        let written = [written("w.xlsx", 4_200_000, 2), written("rows.jsonl", 999, 0)];
        summary(tally, &written, joblog).text(Paint::Plain)
    }

    #[test]
    fn a_good_run_is_told_in_few_words() {
        let tally = Tally { files: 5, rows: 130, ..Tally::default() };
        let expected = "w.xlsx      2 sheets, 4.20 MB\nrows.jsonl  999 B\n130 rows from 5 files in 0.50 s (84.2 MB/s)\n";
        assert_eq!(text(&tally, None), expected);
    }

    #[test]
    fn long_cells_matter_to_workbooks_only() {
        let tally = Tally {
            files: 1,
            rows: 1,
            long_cells: 1,
            overflow_rows: 1,
            truncated_cells: 1,
            ..Tally::default()
        };

        let told = |written: &[Written]| summary(&tally, written, None).text(Paint::Plain);
        assert!(!told(&[written("a.jsonl", 1, 0)]).contains("long cell"));
        assert!(told(&[written("a.jsonl", 1, 0), written("b.xlsx", 1, 1)]).contains("long cell"));
    }

    #[test]
    fn further_sheets_replaced_files_and_omissions_are_reported() {
        let tally = Tally { files: 1, rows: 3 * SHEET_DATA_ROWS, ..Tally::default() };
        let book = Written { replaced: true, ..written("w.xlsx", 1, 3) };
        let summary =
            Summary { left_out: LeftOut { unwanted: 2, own: 1 }, ..summary(&tally, &[], None) };
        let told = Summary { written: &[book], ..summary }.text(Paint::Plain);
        for part in [
            "w.xlsx  3 sheets, 1 B, replaces an earlier file\n",
            "note: a sheet holds 1,048,575 rows: the others go on in `rows 2` to `rows 3`\n",
            "note: 2 hidden files or folders left out (`--hidden` reads them); 1 file left out that this command",
        ] {
            assert!(told.contains(part), "{part:?} in:\n{told}");
        }
        assert!(more_sheets(SHEET_DATA_ROWS + 1, "r").ends_with("go on in `r 2`"));
    }

    #[test]
    fn the_summary_reports_rows_notes_and_failures() {
        let mut tally = Tally {
            files: 10,
            rows: 130,
            long_cells: 2,
            overflow_rows: 7,
            replaced: 1,
            replaced_files: 1,
            ..Tally::default()
        };

        let denied = FileProblem::System { step: Step::Find, error: SystemError::Denied };
        let denied = FileReport::unreadable(FileIndex(0), denied);
        (0..7).for_each(|index| tally.add(format!("f{index}").as_bytes(), 0, &denied));

        tally.empty = 1;
        let told = text(&tally, None);
        for part in [
            "130 rows from 10 files",
            "note: 2 long cells: carried on in 7 rows of the sheet `overflow`",
            "note: 1 character in 1 file could not be decoded",
            "note: 1 file without a record",
            "\n\n7 files failed:\n  f0: permission denied\n",
            "  f4: permission denied\n  and 2 more\n\nhint: `--joblog FILE` lists",
        ] {
            assert!(told.contains(part), "{part:?} in:\n{told}");
        }
        let told = text(&tally, Some("log.tsv"));
        assert!(told.ends_with("  and 2 more: see `log.tsv`\n"), "{told}");

        (0..8).for_each(|_| {
            tally.add(b"x", 0, &FileReport::unreadable(FileIndex(0), FileProblem::Gone))
        });
        let told = text(&tally, None);
        assert!(told.contains("\n15 files failed (8 gone, 7 not-allowed):\n  f0: "), "{told}");
    }
}
