//! `sheaf submit`.

use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sheaf::api::{Job, JobId};
use sheaf::assemble::WholeFile;
use sheaf::cli::SubmitArgs;
use sheaf::client::download::{Remote, copy};
use sheaf::client::submit::{Submitted, already_there, check, with_files, with_paths};
use sheaf::client::upload::{Meter, Sent, Upload};
use sheaf::client::{ClientError, Followed, Patience, Server, Watch, exit_of, follow};
use sheaf::config::{SubmitConfig, check_files};
use sheaf::discover::{DiscoverError, Input, Request, Sources, discover, paths_in};
use sheaf::errors::{Exit, Failure};
use sheaf::human::{count, shown, size};
use sheaf::report::left_out;

use super::fetch::{Target, fetch_all};
use super::print_failed;
use super::service::{Interrupted, Interrupts, mode, say, say_ending, server};
use crate::process::stdout;

/// Submits a job; with `--wait`, also gets its outputs.
pub fn submit(args: &SubmitArgs) -> Result<Exit, Failure> {
    let config = SubmitConfig::resolve(args)?;
    if config.wait {
        let others = [config.joblog.as_deref(), config.summary.as_deref()];
        check_files(config.files().chain(others.into_iter().flatten()))?;
    }

    let server = server(&args.service)?;
    let interrupts = Interrupts::handle(Interrupted {
        what: "nothing was submitted".into(),
        hint: "the same command goes on: what was uploaded is not sent again".into(),
    })?;

    // Before anything is read: a job that is there needs none of it.
    let there = match &config.job.id {
        Some(id) => already_there(&server, id)?,
        None => None,
    };
    let job = match there {
        Some(job) => say_there(job),
        None => {
            let submitted = create(args, &config, &server)?;
            if submitted.was_there { say_there(submitted.job) } else { submitted.job }
        }
    };

    interrupts.now(Interrupted::job(&job.id));
    print_id(&config, &job.id)?;
    if !config.wait {
        return Ok(Exit::Done);
    }

    wait(&config, &server, job, &interrupts)
}

fn say_there(job: Job) -> Job {
    say(&format!("already there: {} ({})", job.id, job.state.word()));
    job
}

/// Prints the id alone; on standard error if standard output is for rows.
fn print_id(config: &SubmitConfig, id: &JobId) -> Result<(), Failure> {
    if config.outputs.iter().any(|output| output.is_standard_output()) {
        say(&format!("job {id}"));
        return Ok(());
    }

    let mut out = stdout();
    writeln!(out, "{id}").and_then(|()| out.flush()).map_err(print_failed)
}

fn create(args: &SubmitArgs, config: &SubmitConfig, server: &Server) -> Result<Submitted, Failure> {
    let service = server.service()?;
    check(&service, config.by_path)?;

    if config.by_path {
        let paths = config.paths(args, &listed(config)?)?;
        let submitted = with_paths(server, &config.job, &paths)?;
        if !config.quiet {
            say(&format!("submitted job {}", submitted.job.id));
        }
        return Ok(submitted);
    }

    let sources = sources(config)?;
    let mut upload = Upload::new(server, &sources, config.memory);
    upload.check_sizes(service.largest_content)?;

    let (files, bytes) = (sources.len() as u64, sources.total_bytes());
    let mut meter = Meter::new(files, bytes, mode(config.quiet));
    let submitted = with_files(server, &config.job, &mut upload, &mut meter)?;
    meter.clear();

    let unreadable = upload.unreadable();
    if !config.quiet {
        say(&told(&submitted.job, files, upload.sent()));
        if !sources.left_out.is_none() {
            say(&format!("note: {}", left_out(sources.left_out)));
        }
    }
    // Problems are never silenced.
    if unreadable > 0 {
        let first = first_unreadable(&upload, sources.len());
        say(&format!("note: {} cannot be read{first}", count(unreadable, "file")));
    }

    Ok(submitted)
}

/// ``submitted job 7: 12 files; 3 files sent (1.20 MB), 9 files already there (4.10 MB)``
fn told(job: &Job, files: u64, sent: Sent) -> String {
    let mut parts = Vec::new();
    if sent.files > 0 {
        parts.push(format!("{} sent ({})", count(sent.files, "file"), size(sent.bytes)));
    }
    if sent.had_files > 0 {
        let had = count(sent.had_files, "file");
        parts.push(format!("{had} already there ({})", size(sent.had_bytes)));
    }

    format!("submitted job {}: {}; {}", job.id, count(files, "file"), parts.join(", "))
}

/// ` (the first is …)`
fn first_unreadable(upload: &Upload<'_>, files: usize) -> String {
    let listed = upload.listed();
    let first = (0..files).map(|index| listed.file(index)).find(|file| file.sha256.is_none());
    match first {
        Some(file) => {
            let path = shown(file.path.as_bytes());
            let why = file.problem.map_or(String::new(), |problem| format!(": {problem}"));
            format!(" (the first is `{path}`{})", shown(why.as_bytes()))
        }
        None => String::new(),
    }
}

/// The files to upload, up to `--limit`.
fn sources(config: &SubmitConfig) -> Result<Sources, Failure> {
    let own = config.own_places();
    let request =
        Request { inputs: &config.inputs, filter: &config.filter, own: &own, per_file: None };

    let mut sources = discover(&request, &mut io::stdin().lock())?;
    if let Some(limit) = config.limit {
        sources.truncate(limit.get());
    }

    Ok(sources)
}

/// The list of paths on standard input, if it is one of the inputs.
fn listed(config: &SubmitConfig) -> Result<Vec<PathBuf>, Failure> {
    let mut list = Vec::new();
    if config.inputs.contains(&Input::Stdin) {
        io::stdin().lock().read_to_end(&mut list).map_err(DiscoverError::Stdin)?;
    }

    Ok(paths_in(&list).map(Path::to_path_buf).collect())
}

/// Waits for the job, and writes its outputs as `run` would.
fn wait(
    config: &SubmitConfig,
    server: &Server,
    job: Job,
    interrupts: &Interrupts,
) -> Result<Exit, Failure> {
    // An earlier job of the same id may be another one.
    if job.options.outputs != config.job.options.outputs {
        return Err(ClientError::NotPossible {
            words: format!("job {} has other outputs: {}", job.id, job.options.outputs.join(", ")),
            hint: Some(format!("`sheaf wait {0} && sheaf fetch {0}` gets them", job.id)),
        }
        .into());
    }

    let followed = Followed { id: job.id.clone(), deadline: None, patience: Patience::default() };
    let mut watch = Watch::new(mode(config.quiet));
    let job = follow(server, &followed, &mut |seen| watch.see(seen))?;
    watch.clear();

    let id = &job.id;
    interrupts.now(Interrupted {
        what: format!("job {id} is {}, but its outputs are not all here", job.state.word()),
        hint: format!("`sheaf fetch {id}` gets them"),
    });

    if job.state.has_outputs() {
        let targets: Vec<Target> = config
            .outputs
            .iter()
            .map(|output| match output.is_standard_output() {
                true => Target::StandardOutput,
                false => Target::File(output.path.clone()),
            })
            .collect();
        fetch_all(server, &job, &targets, mode(config.quiet))?;
    }
    write_log(server, Remote::log(id), config.joblog.as_deref())?;
    write_log(server, Remote::summary(id), config.summary.as_deref())?;

    let exit = exit_of(job.state);
    if !config.quiet || exit != Exit::Done {
        say_ending(server, &job);
    }

    Ok(exit)
}

/// Writes the job log or the summary to a file, if one is asked for and the job has one.
fn write_log(server: &Server, remote: Remote, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let place = shown(path.as_os_str().as_bytes());
    let wrote = |source| ClientError::Write { place: place.clone(), source };

    let mut file = WholeFile::create(path).map_err(wrote)?;
    copy(server, &remote, 0, &mut file, &place, &mut |_| {})?;
    file.finish().map_err(wrote)?;

    Ok(())
}
