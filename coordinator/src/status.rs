//! `sheaf status`: says how far the run of an output is, from another terminal.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use sheaf_format::Form;

use crate::clock::since_1970;
use crate::config::work_folder;
use crate::errors::{Exit, Failure};
use crate::human::time;
use crate::report::RunStatus;
use crate::spool::{STATUS, is_at_work, is_finished, last_stop};

/// The age in seconds from which on a status is worth a word: a run writes it every second.
const OLD: u64 = 10;

/// Whether a text names the output of a run, and not a job of a service: it has a `/`, the extension
/// of a format, or the folder of a run beside it.
pub fn is_output(typed: &Path) -> bool {
    let name = typed.to_string_lossy().to_lowercase();
    name.contains('/') || Form::of_name(&name).is_some() || work_folder(typed).exists()
}

/// Prints how far the run of `output` is, for people or as JSON.
///
/// # Errors
/// [`Exit::SomeFailed`] when it has no run, neither at work nor unfinished.
pub fn status(output: &Path, json: bool, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = work_folder(output);

    // Without a work folder there is no run: a finished one has removed it.
    let Ok(at_work) = is_at_work(&folder) else { return Err(nothing(output)) };
    if is_finished(&folder) && !at_work {
        return Err(nothing(output)); // It only stays for the next run.
    }

    let status = RunStatus::read(&folder.join(STATUS)).map_err(|_| nothing(output))?;

    // While a run is at work, the last line is about an earlier one.
    let stopped = last_stop(&folder).filter(|_| !at_work);

    let printed = if json {
        let mut object = serde_json::to_value(&status).expect("numbers and texts are JSON");
        object["running"] = at_work.into();
        object["stopped"] = stopped.into();
        writeln!(out, "{object}")
    } else {
        writeln!(out, "{}", text(&status, at_work, stopped.as_deref(), &folder))
    };

    let flushed = printed.and_then(|()| out.flush());
    flushed.map_err(|error| {
        Failure::new(Exit::CouldNotRun, anyhow::Error::from(error).context("could not print"))
    })?;

    Ok(Exit::Done)
}

fn text(status: &RunStatus, at_work: bool, stopped: Option<&str>, folder: &Path) -> String {
    let ago = since_1970().saturating_sub(status.at);

    let mut lines = vec![status.text()];
    match (at_work, &status.waiting) {
        (true, Some(reason)) => lines.push(format!("waiting: {reason}")),
        (true, None) if ago > OLD => {
            lines.push(format!(
                "process {} has said nothing for {}",
                status.pid,
                time(Duration::from_secs(ago))
            ));
        }
        (true, None) => lines.push(format!("running, process {}", status.pid)),
        (false, _) => {
            let ago = time(Duration::from_secs(ago));

            // The line that says why it stopped has the same hint.
            let go_on = if stopped.is_some() { "" } else { ": the same command goes on" };
            lines.push(format!("not running for {ago}{go_on} (`{}`)", folder.display()));
        }
    }

    lines.extend(stopped.map(String::from));
    lines.join("\n")
}

fn nothing(output: &Path) -> Failure {
    let shown = output.display();
    let known = if output.exists() {
        format!("no run of `{shown}` is under way; the file is there")
    } else {
        format!("no run of `{shown}` is under way, and there is no such file")
    };

    let failure = Failure::new(Exit::SomeFailed, anyhow!(known));
    match unfinished_beside(output).first() {
        // A file that exists was not mistyped.
        Some(other) if !output.exists() => {
            failure.with_hint(format!("did you mean `sheaf status {}`?", other.display()))
        }
        _ => failure,
    }
}

/// The outputs with unfinished runs in the same folder.
fn unfinished_beside(output: &Path) -> Vec<PathBuf> {
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(parent.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };

    let is_unfinished = |entry: &std::fs::DirEntry| !is_finished(&entry.path());
    let entries = entries.flatten().filter(is_unfinished);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let outputs = names.filter_map(|name| name.strip_suffix(".sheaf").map(PathBuf::from));
    let mut outputs: Vec<_> =
        outputs.map(|name| parent.map_or(name.clone(), |parent| parent.join(name))).collect();
    outputs.sort();

    outputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_known_by_its_form() {
        for output in ["final.xlsx", "a.CSV.gz", "./7", "out/7", "/a"] {
            assert!(is_output(Path::new(output)), "{output}");
        }
        for job in ["7", "last", "4-9", "nightly-2026.11", "final"] {
            assert!(!is_output(Path::new(job)), "{job}");
        }

        let folder = tempfile::tempdir().unwrap();
        assert!(is_output(&folder.path().join("7")), "it has a `/`");
    }
}
