//! Paths that stand for two things at once: an input and an output, an output and the job log.

use std::path::{Path, PathBuf};

use super::{Output, UsageError, output};
use crate::discover::Input;
use crate::report::JobLog;

/// The inputs as they were typed, `-` being the list on standard input.
///
/// # Errors
/// When one is an output, or standard input is given twice.
pub fn inputs(typed: &[PathBuf], outputs: &[Output]) -> Result<Vec<Input>, UsageError> {
    let places: Vec<PathBuf> = outputs.iter().map(Output::place).collect();

    let mut inputs = Vec::with_capacity(typed.len());
    for path in typed {
        if path.as_os_str() == "-" {
            if inputs.contains(&Input::Stdin) {
                return Err(UsageError::TwoStandardInputs);
            }

            inputs.push(Input::Stdin);

        // Writing the output would replace the input.
        } else if places.contains(&output::place(path)) {
            return Err(UsageError::InputIsOutput(output::printed(path)));
        } else {
            inputs.push(Input::Path(path.clone()));
        }
    }

    Ok(inputs)
}

/// Checks that the job log is no output and replaces no input.
pub fn check_joblog(
    joblog: Option<&Path>,
    outputs: &[Output],
    inputs: &[Input],
) -> Result<(), UsageError> {
    let is_input = |place: &Path| {
        inputs
            .iter()
            .any(|input| matches!(input, Input::Path(path) if output::place(path) == place))
    };

    match joblog {
        Some(path) if outputs.iter().any(|output| output.place() == output::place(path)) => {
            Err(UsageError::JobLogIsOutput(output::printed(path)))
        }
        // A shell's `*` may name the job log of an earlier run, which discovery leaves out. Any
        // other file would be overwritten.
        Some(path) if is_input(&output::place(path)) && !JobLog::is_at(path) => {
            Err(UsageError::JobLogIsInput(output::printed(path)))
        }
        _ => Ok(()),
    }
}

/// Checks that the summary is no output and not the job log.
pub fn check_summary(
    summary: Option<&Path>,
    joblog: Option<&Path>,
    outputs: &[Output],
) -> Result<(), UsageError> {
    let others = outputs.iter().map(|output| output.path.as_path()).chain(joblog);
    match summary {
        Some(path)
            if others.into_iter().any(|other| output::place(other) == output::place(path)) =>
        {
            Err(UsageError::SummaryIsOutput(output::printed(path)))
        }
        _ => Ok(()),
    }
}
