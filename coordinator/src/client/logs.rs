//! The job log of a job, and the files that failed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::calls::FileFilter;
use super::download::{Remote, copy};
use super::{ClientError, Patience, Server};
use crate::api::{FileLine, FilePage, JobId, ProblemCode};
use crate::human::{count, number, shown};

/// How often a log that grows is asked for.
const EVERY: Duration = Duration::from_secs(1);
/// The columns of the longest code of a problem, `memory-limit`.
const KIND: usize = 12;

/// Writes the job log as it is. `follow`: goes on until the job is finished.
///
/// # Errors
/// Those of the service and of `out`.
pub fn log(
    server: &Server,
    id: &JobId,
    follow: bool,
    out: &mut dyn Write,
) -> Result<(), ClientError> {
    let mut at = 0;
    loop {
        // Asked first: what is written before the job is finished is in the log after that.
        let is_over = !follow || server.job(id)?.state.is_finished();

        at = match copy(server, &Remote::log(id), at, out, OUT, &mut |_| {}) {
            // It has not begun, so it has none.
            Err(error) if follow && error.code() == Some(ProblemCode::NotFound) && !is_over => at,
            copied => copied?,
        };
        out.flush().map_err(not_printed)?;

        if is_over {
            return Ok(());
        }
        std::thread::sleep(EVERY);
    }
}

/// Writes a line for each file that a filter lets pass: its kind of problem, path and reason, or a
/// JSON object. Returns how many failed for each kind, among all files.
///
/// # Errors
/// Those of the service and of `out`.
pub fn files(
    server: &Server,
    id: &JobId,
    filter: &FileFilter,
    json: bool,
    out: &mut dyn Write,
) -> Result<BTreeMap<String, u64>, ClientError> {
    let mut offset = 0;
    loop {
        let page: FilePage = Patience::default().with(|| server.files(id, filter, offset, 1000))?;

        for file in &page.files {
            let line = if json {
                serde_json::to_string(file).expect("texts and numbers are JSON")
            } else {
                line(file)
            };
            writeln!(out, "{line}").map_err(not_printed)?;
        }

        offset += page.files.len() as u64;
        if page.files.is_empty() || offset >= page.total {
            out.flush().map_err(not_printed)?;
            return Ok(page.kinds);
        }
    }
}

/// `time-limit    a/b.html: took longer than 60 s`
fn line(file: &FileLine) -> String {
    let path = shown(file.path.as_bytes());
    match (&file.kind, &file.reason) {
        (Some(kind), reason) => {
            let reason = shown(reason.as_deref().unwrap_or_default().as_bytes());
            format!("{kind:KIND$}  {path}: {reason}")
        }
        (None, _) => format!("{:KIND$}  {path}: {}", "", count(file.rows, "row")),
    }
}

/// `12 files failed: 10 time-limit, 2 gone`
pub fn kinds(kinds: &BTreeMap<String, u64>) -> String {
    let all = kinds.values().sum();
    let mut counts: Vec<_> = kinds.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));

    let parts: Vec<_> =
        counts.iter().map(|(kind, count)| format!("{} {kind}", number(**count))).collect();
    match parts.is_empty() {
        true => "no file failed".into(),
        false => format!("{} failed: {}", count(all, "file"), parts.join(", ")),
    }
}

const OUT: &str = "standard output";

fn not_printed(source: io::Error) -> ClientError {
    ClientError::Write { place: OUT.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FileStatusName;

    #[test]
    fn a_file_is_a_line() {
        let file = FileLine {
            sequence: 3,
            path: "a\nb".into(),
            status: FileStatusName::Failed,
            kind: Some("gone".into()),
            reason: Some("no longer there".into()),
            rows: 0,
            bytes: 0,
            encoding: None,
            attempts: 0,
            seconds: 0.0,
            slot: None,
        };
        assert_eq!(line(&file), "gone          a\\nb: no longer there");
    }

    #[test]
    fn the_most_frequent_kind_comes_first() {
        let of = |counts: &[(&str, u64)]| {
            kinds(&counts.iter().map(|(kind, count)| (kind.to_string(), *count)).collect())
        };
        assert_eq!(
            of(&[("gone", 2), ("time-limit", 1000)]),
            "1,002 files failed: 1,000 time-limit, 2 gone"
        );
        assert_eq!(of(&[]), "no file failed");
    }
}
