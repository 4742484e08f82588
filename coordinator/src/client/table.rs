//! `sheaf jobs`: jobs as a table, as ids, or as JSON.

use std::io::{self, Write};

use super::details::{age, state};
use crate::api::Job;
use crate::human::{Paint, number, shown, table};

/// How jobs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Table(Paint),
    /// An id a line.
    Ids,
    /// An object a line.
    Json,
}

/// The longest name that a table shows, in characters.
const NAME: usize = 40;

/// Prints jobs.
///
/// # Errors
/// Those of `out`.
pub fn print(jobs: &[Job], look: Look, out: &mut dyn Write) -> io::Result<()> {
    match look {
        Look::Table(paint) => write!(out, "{}", text(jobs, paint))?,
        Look::Ids => jobs.iter().try_for_each(|job| writeln!(out, "{}", job.id))?,
        Look::Json => {
            for job in jobs {
                let object = serde_json::to_string(job).expect("texts and numbers are JSON");
                writeln!(out, "{object}")?;
            }
        }
    }

    out.flush()
}

fn text(jobs: &[Job], paint: Paint) -> String {
    let header = ["ID", "NAME", "STATE", "PROGRESS", "FILES", "FAILED", "AGE"];
    let rows = jobs.iter().map(|job| {
        let progress = &job.progress;
        [
            job.id.to_string(),
            job.name.as_deref().map_or("–".into(), short),
            job.state.word().into(),
            share(job),
            number(progress.files_total),
            if progress.files_failed > 0 { number(progress.files_failed) } else { "–".into() },
            age(&job.times.created).unwrap_or_else(|| "?".into()),
        ]
    });

    // Colour comes last: it must not count as width.
    let text = table(header, rows);
    if paint == Paint::Plain {
        return text;
    }

    let mut lines = text.lines();
    let mut coloured = paint.bold(lines.next().unwrap_or_default()) + "\n";
    for (line, job) in lines.zip(jobs) {
        let word = format!("  {}  ", job.state.word());
        let painted = format!("  {}  ", state(job.state, paint));
        coloured.push_str(&line.replacen(&word, &painted, 1));
        coloured.push('\n');
    }

    coloured
}

fn share(job: &Job) -> String {
    let progress = &job.progress;
    let (done, total) = match progress.bytes_total {
        0 => (progress.files, progress.files_total),
        total => (progress.bytes, total),
    };

    let percent = (done.min(total) * 100).checked_div(total);
    percent.map_or("–".into(), |percent| format!("{percent} %"))
}

fn short(name: &str) -> String {
    let name = shown(name.as_bytes());
    if name.chars().count() <= NAME {
        return name;
    }

    name.chars().take(NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::details::tests::job;
    use super::*;
    use crate::api::State;

    fn printed(look: Look) -> String {
        let mut named = job("nightly", State::OverBudget);
        named.name = Some("x".repeat(50));
        named.progress.files_failed = 1234;

        let mut out = Vec::new();
        print(&[job("2", State::Running), named], look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_has_a_line_for_each_job() {
        let text = printed(Look::Table(Paint::Plain));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("ID       NAME "), "{text}");
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(words, ["2", "–", "running", "50", "%", "10", "–", "?"]);
        assert!(lines[2].contains("xxx…  over-budget  50 %      10     1,234"), "{text}");
    }

    #[test]
    fn colour_changes_no_column() {
        let coloured = printed(Look::Table(Paint::Colour));
        assert!(coloured.contains("\x1b["));
        assert_eq!(console::strip_ansi_codes(&coloured), printed(Look::Table(Paint::Plain)));
    }

    #[test]
    fn programs_get_ids_or_objects() {
        assert_eq!(printed(Look::Ids), "2\nnightly\n");
        let json = printed(Look::Json);
        let back: Vec<Job> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(back[1].state, State::OverBudget);
    }
}
