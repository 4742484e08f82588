//! Reads the rows to show in a slot, as a run does, so that no file can harm the command.

use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::anyhow;
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::FileStatus;
use sheaf_common::row::Rows;
use sheaf_common::task::{Content, Extract, SourceFile, modified_ns};
use sheaf_worker::pool::{Care, Interrupted, Program, Read, Slot};

use super::Preview;
use crate::config::PreviewConfig;
use crate::discover::{Filter, Input, Request, discover};
use crate::errors::{Exit, Failure};
use crate::human::shown;
use crate::report::with_advice;

/// Reads the file in a child process, which runs `child`.
///
/// # Errors
/// Why the file gives no rows.
pub fn read(config: &PreviewConfig, child: Program) -> Result<Preview, Failure> {
    let (file, chosen) = find(config)?;
    let failed = |error: anyhow::Error| failed(file.path.as_path(), error);

    let work = Extract { spec: Arc::new(config.spec.clone()), files: vec![file.clone()] };
    let read =
        Slot::new(child, Arc::new(AtomicBool::new(false))).extract(&work, &mut Care::default());
    let Read { mut reports, blocks } = read.map_err(|interrupted| match interrupted {
        Interrupted::Unfit(unfit) => {
            Failure::new(Exit::CouldNotRun, anyhow!(unfit.reason)).with_hint(unfit.hint)
        }
        Interrupted::Stopped => failed(anyhow!("it was called off")),
    })?;

    let report = reports.pop().ok_or_else(|| failed(anyhow!("it gave no report")))?;
    let slices = match report.status {
        FileStatus::Done { slices, .. } => slices,
        // With the option that may help, as in the summary of a run.
        FileStatus::Failed(problem) | FileStatus::Dead(problem) => {
            return Err(failed(anyhow!(with_advice(&problem))));
        }
    };

    let total = slices.iter().map(|slice| u64::from(slice.rows)).sum();

    // Only the rows to be shown are decoded: a file may have millions.
    let mut rows = Vec::new();
    let mut cells = Vec::new();
    for slice in slices {
        let block = &blocks[slice.block.index()];
        let bytes = &block[slice.offset as usize..][..slice.length as usize];

        let mut reader = Rows::new(bytes, config.spec.width());
        while rows.len() < config.rows.get()
            && reader.next_into(&mut cells).map_err(|error| failed(error.into()))?
        {
            rows.push(cells.iter().map(|cell| cell.map(String::from)).collect());
        }
    }

    // Names come from the file, and may hold anything.
    let elements = report.notes.elements.iter();
    let elements = elements.map(|(name, count)| (shown(name.as_bytes()), *count)).collect();

    let (encoding, replaced) = (report.encoding, report.replaced);
    Ok(Preview { rows, total, encoding, replaced, chosen, elements })
}

fn failed(path: &Path, error: anyhow::Error) -> Failure {
    Failure::new(Exit::SomeFailed, error.context(format!("could not read `{}`", path.display())))
}

/// The file to read. If a folder was given, that is its first file, and its name is returned, too.
fn find(config: &PreviewConfig) -> Result<(SourceFile, Option<String>), Failure> {
    let path = &config.file;
    if path.as_os_str() == "-" {
        return Ok((from_standard_input(config.spec.limits.memory)?, None));
    }

    if !path.is_dir() {
        let known = std::fs::metadata(path).map_err(|error| failed(path, error.into()))?;
        let file = SourceFile::at_path(FileIndex(0), path, known.len(), modified_ns(&known));
        return Ok((file, None));
    }

    // In the order in which a run would read the folder.
    let filter = Filter::default();
    let inputs = [Input::Path(path.clone())];
    let sources = discover(
        &Request { inputs: &inputs, filter: &filter, own: &[], per_file: None },
        &mut io::empty(),
    )?;

    let first = sources.iter().find(|source| source.problem.is_none());
    let first = first.ok_or_else(|| failed(path, anyhow!("it holds no file that can be read")))?;
    let shown = shown(first.path.as_os_str().as_bytes());

    Ok((SourceFile::at_path(FileIndex(0), &first.path, first.size, first.modified_ns), Some(shown)))
}

/// The markup on standard input, cut at the limit of memory.
fn from_standard_input(memory: u64) -> Result<SourceFile, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(memory).read_to_end(&mut bytes);
    read.map_err(|error| failed(Path::new("-"), error.into()))?;
    let file = SourceFile::at_path(FileIndex(0), Path::new("-"), bytes.len() as u64, 0);
    Ok(SourceFile { content: Content::Here(bytes), ..file })
}
