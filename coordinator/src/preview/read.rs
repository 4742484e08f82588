//! The rows to show: read by a slot, as in a run, so that no file can harm the command.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::UNIX_EPOCH;

use anyhow::anyhow;
use sheaf_common::outcome::FileStatus;
use sheaf_common::row::Rows;
use sheaf_common::task::{Content, Extract, SourceFile, SourcePath};
use sheaf_worker::pool::{Care, Interrupted, Program, Read, Slot};

use super::Preview;
use crate::config::PreviewConfig;
use crate::errors::{Exit, Failure};

/// Reads the file in a child, which is `child`.
///
/// # Errors
/// Why the file gives no rows.
pub fn read(config: &PreviewConfig, child: Program) -> Result<Preview, Failure> {
    let path = &config.file;
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::SomeFailed, error.context(format!("could not read `{}`", path.display())))
    };
    let known = std::fs::metadata(path).map_err(|error| failed(error.into()))?;
    let since = known.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = since.map_or(0, |since| since.as_nanos() as i64);
    let source = SourcePath::from(path.as_path());
    let file = SourceFile { sequence: 0, path: source, size: known.len(), modified, content: Content::AtPath };
    let work = Extract { spec: Arc::new(config.spec.clone()), files: vec![file] };
    let read = Slot::new(child, Arc::new(AtomicBool::new(false))).extract(&work, &mut Care::default());
    let Read { mut reports, blocks } = read.map_err(|interrupted| match interrupted {
        Interrupted::Unfit(unfit) => Failure::new(Exit::CouldNotRun, anyhow!(unfit.reason)).with_hint(unfit.hint),
        Interrupted::Stopped => failed(anyhow!("it was called off")),
    })?;
    let report = reports.pop().ok_or_else(|| failed(anyhow!("it gave no report")))?;
    let slices = match report.status {
        FileStatus::Done { slices, .. } => slices,
        FileStatus::Failed { reason } | FileStatus::Dead { reason } => return Err(failed(anyhow!(reason))),
    };
    let total = slices.iter().map(|slice| u64::from(slice.rows)).sum();
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for slice in slices {
        let block = &blocks[slice.block as usize];
        let bytes = &block[slice.offset as usize..][..slice.length as usize];
        let mut reader = Rows::new(bytes, config.spec.width());
        while rows.len() < config.rows.get() && reader.next_into(&mut cells).map_err(|error| failed(error.into()))? {
            rows.push(cells.iter().map(|cell| cell.map(String::from)).collect());
        }
    }
    Ok(Preview { rows, total, encoding: report.encoding, replaced: report.replaced })
}
