//! `sheaf fetch`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sheaf::api::{Job, OutputFile};
use sheaf::cli::FetchArgs;
use sheaf::client::download::{Remote, fetch as fetch_file, pour};
use sheaf::client::{ClientError, Server, details, resolve};
use sheaf::config::{check_files, printed};
use sheaf::errors::{Exit, Failure};
use sheaf::human::size;
use sheaf::report::{HowFar, Mode, Screen};

use super::service::{Interrupted, Interrupts, mode, say, server};

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    File(PathBuf),
    StandardOutput,
}

/// Gets the outputs of a job.
pub fn fetch(args: &FetchArgs) -> Result<Exit, Failure> {
    let server = server(&args.service)?;
    let job = one(&server, &args.select.job)?;
    if !job.state.has_outputs() {
        return Err(no_outputs(&job).into());
    }

    let targets = targets(&job, &args.outputs)?;
    let files = targets.iter().filter_map(|target| match target {
        Target::File(path) => Some(path.as_path()),
        Target::StandardOutput => None,
    });
    check_files(files)?;

    let _interrupts = Interrupts::handle(Interrupted {
        what: "not all outputs are here".into(),
        hint: "the same command goes on where it stopped".into(),
    })?;
    fetch_all(&server, &job, &targets, mode(args.quiet))?;

    if !args.quiet {
        for (output, target) in job.outputs.iter().zip(&targets) {
            if let Target::File(path) = target {
                say(&format!("{}: {}", printed(path), size(output.bytes)));
            }
        }
    }
    // A user who names fewer places than there are outputs may not know of the others.
    for output in job.outputs.iter().skip(targets.len()) {
        say(&format!("note: not fetched: {}", printed(Path::new(&output.name))));
    }

    Ok(Exit::Done)
}

/// The one job that a text means.
pub fn one(server: &Server, typed: &str) -> Result<Job, ClientError> {
    let mut jobs = resolve(server, typed)?;
    match (jobs.pop(), jobs.len()) {
        (Some(job), 0) => Ok(job),
        (_, others) => Err(ClientError::NotPossible {
            words: format!("`{typed}` means {} jobs, this command takes one", others + 1),
            hint: None,
        }),
    }
}

fn no_outputs(job: &Job) -> ClientError {
    let id = &job.id;
    let state = job.state.word();
    let hint = if job.state.is_finished() {
        format!("`sheaf status {id}` says why")
    } else {
        format!("wait for it: `sheaf wait {id} && sheaf fetch {id}`")
    };

    ClientError::NotPossible {
        words: format!("{} is {state}, so it has no outputs", details::title(job)),
        hint: Some(hint),
    }
}

/// Where the outputs go, in their order; those after the last target are not fetched.
fn targets(job: &Job, typed: &[PathBuf]) -> Result<Vec<Target>, ClientError> {
    let into = |folder: &Path| job.outputs.iter().map(|output| named(folder, output)).collect();
    match typed {
        [] => return into(Path::new("")),
        [folder] if folder.is_dir() => return into(folder),
        _ => {}
    }

    if typed.len() > job.outputs.len() {
        return Err(ClientError::NotPossible {
            words: format!(
                "{} places are named, but {} has only {} outputs",
                typed.len(),
                details::title(job),
                job.outputs.len()
            ),
            hint: None,
        });
    }

    Ok(typed
        .iter()
        .map(|path| match path.as_os_str() == "-" {
            true => Target::StandardOutput,
            false => Target::File(path.clone()),
        })
        .collect())
}

/// An output under its own name. A service must not lead this command to other folders.
fn named(folder: &Path, output: &OutputFile) -> Result<Target, ClientError> {
    let name = &output.name;
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(ClientError::NotPossible {
            words: format!("the output `{}` cannot be a file here", printed(Path::new(name))),
            hint: Some("say where to write it: `-o FILE`".into()),
        });
    }

    Ok(Target::File(folder.join(name)))
}

/// Gets outputs, one after the other.
///
/// # Errors
/// Those of the service and of the disk.
pub fn fetch_all(
    server: &Server,
    job: &Job,
    targets: &[Target],
    mode: Mode,
) -> Result<(), ClientError> {
    let mut screen = Screen::new(mode);
    let began = Instant::now();
    let wanted = || job.outputs.iter().zip(targets);
    let total_bytes = wanted().map(|(output, _)| output.bytes).sum();

    let mut before = 0;
    for (index, (output, target)) in wanted().enumerate() {
        let mut see = |bytes: u64| {
            let now = Instant::now();
            if screen.is_due(now) {
                screen.show(&HowFar {
                    doing: Some("fetching"),
                    files: index as u64,
                    total_files: targets.len() as u64,
                    bytes: before + bytes,
                    total_bytes,
                    elapsed: now.duration_since(began),
                    ..HowFar::default()
                });
            }
        };

        match target {
            Target::File(path) => fetch_file(server, &job.id, index, output, path, &mut see)?,
            Target::StandardOutput => {
                let remote = Remote::output(&job.id, index, output);
                pour(server, &remote, &mut io::stdout().lock(), "standard output", &mut see)?
            }
        };
        before += output.bytes;
    }

    screen.clear();
    Ok(())
}
