//! The end of a job's run: outputs, summary, state.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::disk::is_disk_full;
use super::lifecycle::Ended;
use super::record::Record;
use super::store::JobPlace;
use crate::api::{Hash, JobId, OutputFile};
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::{Exit, Failure};
use crate::human::{count, number};
use crate::report::{Summary, SummaryFile, Tally, Written, no_record};
use crate::run::{Cause, End, Finished};

/// What the end of a run changes in the record of its job.
#[derive(Debug)]
pub struct Ending {
    pub ended: Ended,
    reason: Option<String>,
    hint: Option<String>,
    outputs: Vec<OutputFile>,
    notes: Vec<String>,
}

impl Ending {
    fn new(ended: Ended) -> Self {
        Ending { ended, reason: None, hint: None, outputs: Vec::new(), notes: Vec::new() }
    }

    /// The end of a run that did not fail. Reads the outputs, and writes the summary.
    pub fn of_finished(
        finished: &Finished,
        config: &RunConfig,
        sources: &Sources,
        record: &Record,
        place: &JobPlace,
    ) -> Self {
        match &finished.end {
            // A short run may be over before it is interrupted: that changes nothing.
            End::Written(_) if is_over_budget(&finished.tally, record) => {
                over_budget(&finished.tally, record)
            }
            End::Written(written) => {
                match written_end(written, finished, config, sources, record, place) {
                    Ok(ending) => ending,
                    Err(error) => {
                        Ending::of_failure(&Failure::new(Exit::CouldNotRun, error), &record.id)
                    }
                }
            }
            End::Interrupted(Cause::OverBudget) => over_budget(&finished.tally, record),
            End::Interrupted(_) => Ending::new(Ended::Interrupted),
        }
    }

    /// The end of a run that could not begin or go on.
    pub fn of_failure(failure: &Failure, id: &JobId) -> Self {
        let is_disk_full = failure.error.chain().any(is_disk_full);
        let ended = if is_disk_full { Ended::DiskFull } else { Ended::Failed };

        let hint = match &failure.hint {
            _ if is_disk_full => "it goes on by itself when there is room again".into(),
            // The words of `sheaf run` name another command.
            Some(hint) if !hint.contains("same command") => hint.clone(),
            Some(_) | None => format!("`sheaf resume {id}` goes on where it stopped"),
        };

        Ending {
            reason: Some(format!("{:#}", failure.error)),
            hint: Some(hint),
            ..Ending::new(ended)
        }
    }

    /// Writes it into the record.
    pub fn note(self, record: &mut Record) {
        // Of a job that ends as it was cancelled, the reason is that of its user.
        record.reason = self.reason.or_else(|| record.cancel_reason.clone());
        record.hint = self.hint;
        record.progress.waiting = None;
        record.progress.bytes_per_second = None;
        record.progress.seconds_left = None;

        if matches!(self.ended, Ended::Written { .. }) {
            record.outputs = self.outputs;
            record.notes = self.notes;
            record.retrying = None;
        }
    }
}

fn look_and_retry(id: &JobId) -> String {
    format!("`sheaf logs {id} --failed` shows them, `sheaf retry {id}` reads them again")
}

fn is_over_budget(tally: &Tally, record: &Record) -> bool {
    record.max_failures.is_some_and(|budget| tally.failed > budget.of(record.files))
}

fn over_budget(tally: &Tally, record: &Record) -> Ending {
    let budget = record.max_failures.map_or(0, |budget| budget.of(record.files));
    let failed = number(tally.failed);
    let all = count(record.files, "file");
    let most = match budget {
        0 => "none".to_owned(),
        most => number(most),
    };

    Ending {
        reason: Some(format!("{failed} of {all} failed, and at most {most} may")),
        hint: Some(format!("{} and goes on", look_and_retry(&record.id))),
        ..Ending::new(Ended::OverBudget)
    }
}

fn written_end(
    written: &[Written],
    finished: &Finished,
    config: &RunConfig,
    sources: &Sources,
    record: &Record,
    place: &JobPlace,
) -> io::Result<Ending> {
    let tally = &finished.tally;
    let no_record = no_record(tally, &config.spec);
    let whole = tally.failed == 0 && no_record.is_none();

    // The names that the user knows, in place of those on this disk.
    let names = &record.options.outputs;
    let named: Vec<Written> = written
        .iter()
        .zip(names)
        .map(|(one, name)| Written { path: name.into(), ..one.clone() })
        .collect();

    let summary = Summary {
        tally,
        spec: &config.spec,
        left_out: sources.left_out,
        read_bytes: finished.read_bytes,
        elapsed: Duration::try_from_secs_f64(record.progress.seconds).unwrap_or_default(),
        written: &named,
        per_file: None,
        joblog: None,
        kept: None,
    };
    let exit = if whole { Exit::Done } else { Exit::SomeFailed };
    let file = SummaryFile::new(&summary, sources.len() as u64, "finished", exit as u8);
    file.write(&place.summary())?;

    let output = |(index, name): (usize, &String)| {
        let path = &config.outputs[index].path;
        Ok(OutputFile {
            name: name.clone(),
            bytes: std::fs::metadata(path)?.len(),
            sha256: hash(path)?,
            sheets: written[index].sheets.unwrap_or(0),
            media_type: config.outputs[index].form.media_type().into(),
        })
    };
    let outputs = names.iter().enumerate().map(output).collect::<io::Result<_>>()?;

    let (reason, hint) = match no_record {
        Some((reason, hint)) => (Some(reason), Some(hint)),
        None if tally.failed > 0 => (
            Some(format!("{} could not be read", count(tally.failed, "file"))),
            Some(look_and_retry(&record.id)),
        ),
        None => (None, None),
    };

    Ok(Ending {
        reason,
        hint,
        outputs,
        notes: summary.notes(),
        ..Ending::new(Ended::Written { whole })
    })
}

/// The SHA-256 of a file.
fn hash(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];

    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Hash(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}
