//! The files of a job, as its job log has them.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::api::{FileLine, FilePage, FileStatusName};
use crate::human::shown;

/// Which files are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `Some(true)`: those that failed; `Some(false)`: the others.
    pub failed: Option<bool>,
    /// The code of a problem.
    pub kind: Option<String>,
    /// A part of the path or of the reason, whatever its case.
    pub text: Option<String>,
    pub offset: u64,
    pub limit: usize,
}

impl Wanted {
    fn takes(&self, line: &FileLine) -> bool {
        let failed = line.status != FileStatusName::Done;
        let is_kind = self.kind.is_none() || self.kind == line.kind;

        self.failed.is_none_or(|wanted| wanted == failed)
            && is_kind
            && self.text.as_ref().is_none_or(|text| has(line, text))
    }
}

fn has(line: &FileLine, text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |field: &str| field.to_lowercase().contains(&text);
    has(&line.path) || line.reason.as_deref().is_some_and(has)
}

/// The wanted files of a job log, in order; none if there is no log yet. A line that is being
/// written is left out. Leaves [`FilePage::kinds`] empty.
///
/// # Errors
/// Those of the system.
pub fn page(joblog: &Path, wanted: &Wanted) -> io::Result<FilePage> {
    let mut page = FilePage { files: Vec::new(), total: 0, kinds: Default::default() };
    let file = match File::open(joblog) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(page),
        Err(error) => return Err(error),
    };

    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut line = Vec::new();
    let mut columns = Columns::default();

    for number in 0_u64.. {
        line.clear();
        input.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            break;
        }

        if number == 0 {
            columns = Columns::of(&line);
            continue;
        }

        let Some(file) = columns.line(&line).filter(|file| wanted.takes(file)) else { continue };
        let is_before = page.total < wanted.offset;
        page.total += 1;
        if !is_before && page.files.len() < wanted.limit {
            page.files.push(file);
        }
    }

    Ok(page)
}

/// The names of the columns of a job log.
#[derive(Default)]
struct Columns(Vec<String>);

impl Columns {
    fn of(header: &[u8]) -> Self {
        Columns(String::from_utf8_lossy(header).split('\t').map(String::from).collect())
    }

    fn line(&self, line: &[u8]) -> Option<FileLine> {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        let field = |name: &str| {
            let index = self.0.iter().position(|column| column == name)?;
            fields.get(index).map(|field| String::from_utf8_lossy(&unescaped(field)).into_owned())
        };
        let filled = |name: &str| field(name).filter(|text| !text.is_empty());

        Some(FileLine {
            sequence: field("sequence")?.parse().ok()?,
            path: shown(field("path")?.as_bytes()),
            status: match field("status")?.as_str() {
                "failed" => FileStatusName::Failed,
                "dead" => FileStatusName::Dead,
                _ => FileStatusName::Done,
            },
            kind: filled("kind"),
            reason: filled("reason").map(|reason| shown(reason.as_bytes())),
            rows: field("rows")?.parse().ok()?,
            bytes: field("bytes")?.parse().ok()?,
            encoding: filled("encoding"),
            attempts: field("attempts")?.parse().ok()?,
            seconds: field("seconds")?.parse().ok()?,
            slot: filled("slot"),
        })
    }
}

/// Undoes the escapes of a job log: `\t`, `\n`, `\r` and `\\`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();

    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }

        match bytes.next() {
            Some(b't') => plain.push(b'\t'),
            Some(b'n') => plain.push(b'\n'),
            Some(b'r') => plain.push(b'\r'),
            Some(other) => plain.push(*other),
            None => {}
        }
    }

    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "sequence\tpath\tstatus\tkind\treason\trows\tbytes\tencoding\treplaced\t\
                       attempts\tstart\tseconds\tslot\n\
                       0\ta/one\tdone\t\t\t3\t10\tUTF-8\t0\t1\t2026\t0.500\th:1/0\n\
                       1\ta\\ttwo\tfailed\tnot-text\tits bytes are not text\t0\t9\t\t0\t1\t\t0.001\t\n\
                       2\tb/three\tdead\ttime-limit\ttoo slow\t0\t9\t\t0\t3\t\t60.0\th:1/1\n\
                       3\tb/four\tdo";

    fn found(wanted: Wanted) -> FilePage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("joblog.tsv");
        std::fs::write(&path, LOG).unwrap();
        page(&path, &wanted).unwrap()
    }

    fn paths(page: &FilePage) -> Vec<&str> {
        page.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn whole_lines_become_files() {
        let page = found(Wanted { limit: 10, ..Wanted::default() });

        assert_eq!(page.total, 3);
        assert_eq!(paths(&page), ["a/one", "a\\ttwo", "b/three"]);
        assert_eq!((page.files[0].rows, page.files[0].encoding.as_deref()), (3, Some("UTF-8")));
        assert_eq!(page.files[1].kind.as_deref(), Some("not-text"));
        assert_eq!((page.files[2].status, page.files[2].attempts), (FileStatusName::Dead, 3));
    }

    #[test]
    fn files_are_found_by_status_kind_and_text() {
        let failed = found(Wanted { failed: Some(true), limit: 1, ..Wanted::default() });
        assert_eq!((failed.total, paths(&failed).len()), (2, 1));

        let next = Wanted { failed: Some(true), offset: 1, limit: 1, ..Wanted::default() };
        assert_eq!(paths(&found(next)), ["b/three"]);

        let kind = Wanted { kind: Some("time-limit".into()), limit: 9, ..Wanted::default() };
        assert_eq!(paths(&found(kind)), ["b/three"]);

        let text = Wanted { text: Some("NOT TEXT".into()), limit: 9, ..Wanted::default() };
        assert_eq!(found(text).total, 1);
    }

    #[test]
    fn a_job_before_its_beginning_has_no_files() {
        let page = page(Path::new("/nowhere/joblog.tsv"), &Wanted::default()).unwrap();
        assert_eq!(page.total, 0);
    }
}
