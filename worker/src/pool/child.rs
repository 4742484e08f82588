//! The child's side of a slot: reads the files that it is given, one by one, until its parent is
//! gone.

use std::cell::RefCell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use sheaf_common::job::JobSpec;
use sheaf_common::problem::{Crashed, FileProblem};
use sheaf_common::task::SourceFile;
use sheaf_common::wire;

use super::protocol::{FileEnd, Header, READY, length_of, read_order, write_message};
use crate::extract::{Chunk, Extracted, Extractor};

/// The `main` of a child process. Both binaries call it when they are started as a child.
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // The parent is gone or has closed the pipe: no one is left to read a message.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    // No child outlives its parent, even one that is killed.
    prctl::set_pdeathsig(Signal::SIGKILL)?;

    // These signals reach the whole process group: Ctrl-C, the end of the terminal, SIGTERM of a
    // service manager. Only the parent decides what to do about them.
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1] {
        // SAFETY: ignoring a signal installs no handler that could run.
        unsafe { nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigIgn)? };
    }

    // If the machine runs out of memory, end this process rather than the one that knows the job.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Print nothing on a panic: it becomes the file's problem, see `read_file`.
    std::panic::set_hook(Box::new(|_| {}));

    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    output.write_all(&[READY])?;
    output.flush()?;

    let mut ready: Option<(JobSpec, Result<Extractor, FileProblem>)> = None;
    while let Some(order) = read_order(&mut input)? {
        // Most orders are of the same job as the one before: compile its recipe once.
        if ready.as_ref().is_none_or(|(spec, _)| *spec != *order.spec) {
            let memory = order.spec.limits.memory;
            // Leave the hard limit, which could not be raised again: another job may allow more.
            let (_, hard) = getrlimit(Resource::RLIMIT_DATA)?;
            setrlimit(Resource::RLIMIT_DATA, memory.min(hard), hard)?;
            let extractor = Extractor::new(&order.spec)
                .map_err(|error| FileProblem::Task { reason: error.to_string() });
            ready = Some(((*order.spec).clone(), extractor));
        }

        let (_, extractor) = ready.as_ref().expect("just set");
        for file in &order.files {
            let end = match extractor {
                Ok(extractor) => read_file(extractor, file, &mut output)?,
                Err(problem) => FileEnd::failed(problem.clone()),
            };

            let body = wire::encode(&end);
            write_message(&mut output, Header::End { length: length_of(&body)? }, &body)?;
            output.flush()?;
        }
    }

    Ok(())
}

/// Reads one file and writes its rows; returns its end.
///
/// # Errors
/// Only those of writing to the parent.
fn read_file(
    extractor: &Extractor,
    file: &SourceFile,
    output: &mut impl Write,
) -> io::Result<FileEnd> {
    let output = RefCell::new(output);
    let mut parsed = |done: usize, of: usize| {
        // Always fits: a text has at most 1 GiB.
        let (Ok(done), Ok(of)) = (u32::try_from(done), u32::try_from(of)) else { return };

        // Ignore errors: if the parent is gone, writing the rows or the end will fail, too.
        let header = Header::Parsed { done, of };
        let mut output = output.borrow_mut();
        let _ = write_message(&mut **output, header, &[]).and_then(|()| output.flush());
    };

    let mut emit = |chunk: Chunk<'_>| {
        let Chunk { bytes, rows, overflow, long_cells } = chunk;
        let header = Header::Rows { length: length_of(bytes)?, rows, overflow, long_cells };
        write_message(&mut **output.borrow_mut(), header, bytes)
    };

    // One file that the extractor cannot take must not cost its neighbours a new child.
    let read =
        catch_unwind(AssertUnwindSafe(|| extractor.watched_file(file, &mut parsed, &mut emit)));

    match read {
        Ok(extracted) => {
            let Extracted { result, bytes, unpacked, encoding, replaced, notes } = extracted?;
            Ok(FileEnd {
                result: result.map(|done| done.truncated_cells),
                bytes,
                unpacked,
                encoding,
                replaced,
                notes,
            })
        }
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied());

            let words = message.unwrap_or("no reason given").to_owned();
            Ok(FileEnd::failed(FileProblem::Crashed(Crashed::Panic(words))))
        }
    }
}
