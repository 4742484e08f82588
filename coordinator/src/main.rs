//! `sheaf`: parse, resolve, run, exit code.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use sheaf::cli::{Cli, Command, DemoArgs, PreviewArgs, QueueArgs, RunArgs, WorkersArgs};
use sheaf::config::Verbosity;
use sheaf::config::{
    DemoConfig, PreviewConfig, QueueConfig, QueueTask, RunConfig, WorkersConfig, check_places,
};
use sheaf::cpu::CpuUse;
use sheaf::discover::{Request, Sources, discover};
use sheaf::dry_run::dry_run;
use sheaf::errors::{Exit, Failure, reader_is_gone};
use sheaf::human::{Paint, count, number};
use sheaf::jobs::{self, Purged};
use sheaf::local::LocalWorker;
use sheaf::report::{Mode, Progress, Summary, SummaryFile, no_record};
use sheaf::run::{self, End, Finished, Run};
use sheaf::signals::{self, AtOnce};
use sheaf::{demo, documents, preview, status, workers};
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, JobQueue, MemoryQueue, Queue, RedisQueue};
use sheaf_worker::host::host;
use sheaf_worker::pool::Program;
use sheaf_worker::signals::Stop;

fn main() -> ExitCode {
    sheaf_common::allocator::reuse_freed_memory();

    // The child processes of the pool are this program too; clap does not know the word, so it is
    // in no help.
    if std::env::args_os().nth(1).is_some_and(|word| word == SLOT) {
        return sheaf_worker::pool::child::main();
    }

    let command = Cli::of_this_process().command;

    // A run writes to pipes by itself, and knows when a reader has had enough.
    let prints = !matches!(&command, Command::Run(args) if !args.dry_run);
    let done = match command {
        Command::Run(args) => run(&args),
        Command::Preview(args) => preview(&args),
        Command::Demo(args) => demo(&args),
        Command::Workers(args) => workers(&args),
        Command::Queue(args) => queue(&args),
        Command::Status(args) => status::status(&args.output, args.json, &mut stdout()),
        Command::Completions(args) => {
            documents::completions(args.shell, &mut stdout()).map_err(print_failed)
        }
        Command::Man(args) => documents::man(&args.folder),
    };

    match done {
        Ok(exit) => exit.into(),
        // Rust ignores SIGPIPE (the coordinator must outlive its children): a reader that went away
        // is an error here.
        Err(failure) if prints && reader_is_gone(failure.error.as_ref()) => Exit::Done.into(),
        Err(failure) => {
            // If standard error is gone too, the exit code is all that is left to say.
            let _ = failure.write(&mut io::stderr().lock(), paint(&io::stderr()));
            failure.exit.into()
        }
    }
}

fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let config = RunConfig::resolve(args, cores())?;
    check_places(&config)?;

    // From here on no signal ends the run without a word.
    let runtime = runtime()?;
    let interrupt = runtime.block_on(async {
        let go_on = config.go_on();
        let over_redis = config.redis.is_some();
        signals::watch(move |stop, when| stop_at_once(stop, when, go_on, over_redis))
    });

    let interrupt = interrupt.map_err(|error| Failure::new(Exit::CouldNotRun, error))?;

    let own = config.own_places();
    let per_file = config.per_file.as_deref();
    let request = Request { inputs: &config.inputs, filter: &config.filter, own: &own, per_file };
    let mut sources = discover(&request, &mut io::stdin().lock())?;
    if let Some(limit) = config.limit {
        sources.truncate(limit.get());
    }

    if config.dry_run {
        dry_run(&config, &sources, paint(&io::stdout()), &mut stdout()).map_err(print_failed)?;
        return Ok(Exit::Done);
    }

    log(config.verbosity);
    let mode = match config.verbosity {
        Verbosity::Quiet => Mode::Problems(Box::new(io::stderr())),
        _ if io::stderr().is_terminal() => Mode::Bar(paint(&io::stderr())),
        _ => Mode::Lines(Box::new(io::stderr())),
    };

    let sources = Arc::new(sources);
    let config = Arc::new(config);
    let run = Run {
        config: Arc::clone(&config),
        sources: Arc::clone(&sources),
        child: Program::this(SLOT),
        observer: Box::new(Progress::new(sources.len() as u64, sources.total_bytes(), mode)),
        interrupt,
    };

    let finished = runtime.block_on(run.execute());
    runtime.shutdown_background(); // A file that waits to be opened is waited for by nobody now.
    let finished = finished?;

    report(&config, &sources, &finished)
}

/// Ends a run that cannot, or must not, stop cleanly.
fn stop_at_once(stop: Stop, when: AtOnce, go_on: &'static str, over_redis: bool) {
    let name = stop.name();
    let failure = match when {
        AtOnce::NotBegun => Failure::new(
            Exit::Interrupted,
            anyhow::anyhow!("interrupted by {name} before it began"),
        )
        .with_hint("the same command begins, or goes on with what an earlier one has kept"),
        AtOnce::ToldAgain => {
            let left = if over_redis {
                "\nwhat is left in Redis is removed within minutes, and by `sheaf queue purge \
                 --abandoned`"
            } else {
                ""
            };

            Failure::new(
                Exit::Interrupted,
                anyhow::anyhow!("interrupted by a second {name}, at once"),
            )
            .with_hint(format!("{go_on}{left}"))
        }
    };

    let _ = failure.write(&mut io::stderr(), paint(&io::stderr()));
    std::process::exit(failure.exit as i32);
}

/// Says what a run came to.
fn report(config: &RunConfig, sources: &Sources, finished: &Finished) -> Result<Exit, Failure> {
    let mut err = io::stderr().lock();
    let tally = &finished.tally;
    let no_record = no_record(tally, &config.spec);

    let (written, end, exit) = match &finished.end {
        End::Written(written) if tally.failed > 0 || no_record.is_some() => {
            (written.as_slice(), "finished", Exit::SomeFailed)
        }
        End::Written(written) => (written.as_slice(), "finished", Exit::Done),
        End::Interrupted(_) => (&[][..], "interrupted", Exit::Interrupted),
    };

    let summary = Summary {
        tally,
        spec: &config.spec,
        left_out: sources.left_out,
        read_bytes: finished.read_bytes,
        elapsed: finished.elapsed,
        written,
        per_file: config.per_file.as_deref(),
        joblog: config.joblog.as_deref(),
    };

    if let Some(path) = &config.summary {
        let file = SummaryFile::new(&summary, sources.len() as u64, end, exit as u8);
        file.write(path).map_err(|error| {
            let error =
                anyhow::Error::from(error).context(format!("could not write `{}`", path.display()));
            Failure::new(Exit::CouldNotRun, error)
        })?;
    }

    if let End::Interrupted(stop) = &finished.end {
        let done = number(tally.files);
        let all = count(sources.len() as u64, "file");
        let error = anyhow::anyhow!("interrupted by {}: {done} of {all} are done", stop.name());
        return Err(Failure::new(Exit::Interrupted, error).with_hint(config.go_on()));
    }

    let paint = paint(&io::stderr());
    let said = match config.verbosity {
        // Problems are never silenced: a cron mail must say why the exit code is not 0.
        Verbosity::Quiet => {
            (summary.emptied(paint) + &summary.failed(paint)).trim_start().to_string()
        }
        Verbosity::Normal | Verbosity::Verbose => summary.text(paint),
    };

    let _ = err.write_all(said.as_bytes());
    if config.verbosity == Verbosity::Verbose {
        let cpu = CpuUse::of_this_process(finished.slots_cpu);
        let own = cpu.coordinator.as_secs_f64();
        let all = cpu.all.as_secs_f64();
        let _ = writeln!(err, "coordinator CPU: {own:.2} s of {all:.2} s");
    }

    // Said last, and as an error: the outputs are written, and hold no row.
    if let Some((message, hint)) = no_record {
        return Err(Failure::new(exit, anyhow::Error::msg(message)).with_hint(hint));
    }

    Ok(exit)
}

fn preview(args: &PreviewArgs) -> Result<Exit, Failure> {
    let config = PreviewConfig::resolve(args)?;
    let width = terminal_width();

    let rows = |config: &PreviewConfig| preview::read(config, Program::this(SLOT));
    preview::preview(&config, rows, width, paint(&io::stdout()), &mut stdout())?;

    Ok(Exit::Done)
}

fn demo(args: &DemoArgs) -> Result<Exit, Failure> {
    let config = DemoConfig::resolve(args, RandomState::new().hash_one(0))?;
    block_on(async {
        match config.redis.clone() {
            None => demo_on(&MemoryQueue::default(), &config).await,
            Some(server) => {
                let queue = RedisQueue::connect(server).await.map_err(run::queue_failed)?;
                demo_on(&queue, &config).await
            }
        }
    })?;

    Ok(Exit::Done)
}

async fn demo_on<Q: Queue>(queue: &Q, config: &DemoConfig) -> Result<(), Failure> {
    let job = JobId::random();
    let owner = JobOwner {
        host: host(),
        pid: std::process::id(),
        output: "(demo)".into(),
        ..JobOwner::default()
    };

    let mut job_queue = queue.job(job, owner);
    job_queue.open().await.map_err(run::queue_failed)?;

    let worker =
        config.processes.map(|slots| LocalWorker::start(queue, slots, Program::this(SLOT)));
    let mut out = io::stdout();
    let mut err = io::stderr();
    let demo = demo::demo(&mut job_queue, job, config, &mut out, &mut err);
    let done = match worker {
        Some(worker) => worker.beside(demo).await.map_err(run::worker_failed)?.0,
        None => demo.await,
    };

    done.map_err(|error| Failure::new(Exit::CouldNotRun, error))
}

fn workers(args: &WorkersArgs) -> Result<Exit, Failure> {
    let config = WorkersConfig::resolve(args)?;
    block_on(async {
        let queue = RedisQueue::connect(config.server.clone()).await.map_err(run::queue_failed)?;
        let workers = queue.workers().await.map_err(run::queue_failed)?;

        let print = if config.json { workers::print_json } else { workers::print_table };
        print(&workers, &mut stdout()).map_err(print_failed)?;
        workers::check(&workers, config.expect)
    })
}

fn queue(args: &QueueArgs) -> Result<Exit, Failure> {
    let config = QueueConfig::resolve(args)?;
    block_on(async {
        let queue = RedisQueue::connect(config.server.clone()).await.map_err(run::queue_failed)?;
        let job = match config.task {
            QueueTask::List { json } => {
                let jobs = queue.jobs().await.map_err(run::queue_failed)?;
                let print = if json { jobs::print_json } else { jobs::print_table };
                return print(&jobs, &mut stdout()).map_err(print_failed);
            }
            QueueTask::Purge(job) => Some(job),
            QueueTask::PurgeAbandoned => None,
        };

        match jobs::purge(&queue, job).await.map_err(run::queue_failed)? {
            Purged::Removed(jobs) => jobs::print_purged(&jobs, &mut stdout()).map_err(print_failed),
            Purged::Unknown(job) => {
                let error = anyhow::anyhow!(
                    "there is no job {job} on the queue `{}`",
                    config.server.queue()
                );
                Err(Failure::new(Exit::CouldNotRun, error)
                    .with_hint("`sheaf queue` lists the jobs that are there"))
            }
        }
    })?;

    Ok(Exit::Done)
}

/// The word that makes this program a child of its own pool.
const SLOT: &str = "slot";

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // Two threads: one for the run loop, one for the worker's. The slots have threads of their own.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::CouldNotRun, error))
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);

    // A name that is being looked up, or a file that is being read, may take long yet: nobody waits
    // for it.
    runtime.shutdown_background();

    done
}

/// Lets the libraries' logs go to standard error, as far as they are wanted.
fn log(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet => tracing::Level::ERROR,
        Verbosity::Normal => tracing::Level::ERROR,
        Verbosity::Verbose => tracing::Level::INFO,
    };

    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(paint(&io::stderr()) == Paint::Colour)
        .with_target(false)
        .init();
}

/// The columns of the terminal on standard output; 100 where there is none.
fn terminal_width() -> usize {
    const ELSEWHERE: usize = 100;
    match console::Term::stdout().size_checked() {
        Some((_, columns)) => columns.into(),
        None => ELSEWHERE,
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Standard output, buffered by blocks: whoever prints flushes.
fn stdout() -> impl Write {
    io::BufWriter::new(io::stdout().lock())
}

fn print_failed(error: io::Error) -> Failure {
    Failure::new(Exit::CouldNotRun, anyhow::Error::from(error).context("could not print"))
}

/// Colour on terminals, unless `NO_COLOR` is set to something (no-color.org) or the terminal is
/// `dumb`.
fn paint(stream: &impl IsTerminal) -> Paint {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if stream.is_terminal() && !refused && !dumb { Paint::Colour } else { Paint::Plain }
}
