//! Runs jobs while it breaks things by a seeded plan, and prints a table of what came of it.
//!
//! `cargo run --release -p sheaf-tests --bin faults -- --help`; see `tests/FAULTS.md`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sheaf_tests::binary::repository;
use sheaf_tests::faults::judge::Verdict;
use sheaf_tests::faults::reference::Reference;
use sheaf_tests::faults::server_version::ServerVersion;
use sheaf_tests::faults::stage::Setting;
use sheaf_tests::faults::{actors, kinds, plan, play_all, table};
use sheaf_tests::process::children;
use tokio::signal::unix::{SignalKind, signal};

/// Run jobs over real servers while things break, and print a Markdown table of what came of it.
///
/// Exits with 1 if a run failed, with 2 if the arguments cannot be used.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Cli {
    /// The seed of the first run; each further run has the next one
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many runs, the kinds in turn [default: one of each kind]
    #[arg(long, value_name = "N")]
    runs: Option<usize>,

    /// Which kinds of faults; `WORD*` stands for all that begin so [default: all]
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    kinds: Vec<String>,

    /// The lease of all sides
    #[arg(long, value_name = "TIME", default_value = "2s")]
    lease: String,

    /// A server's program; repeatable, they are used in turn [default: the redis-server of this
    /// machine]
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    redis: Vec<PathBuf>,

    /// How much of a core each worker has, in percent; 0: what it gets. Other than 0 needs root
    #[arg(long, value_name = "PERCENT", default_value_t = 20)]
    worker_percent: u64,

    /// How many input files of about half a megabyte the job has
    #[arg(long, value_name = "N", default_value_t = 120)]
    files: usize,

    /// How many runs go on at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs_in_parallel: usize,

    /// After so many seconds a run hangs
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    deadline: u64,

    /// Have the programs say every detail, and keep it of all runs (target/faults/), not only of
    /// those that fail
    #[arg(long)]
    verbose: bool,

    /// Only list the kinds
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    end_children_when_told_to_stop();

    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Whether all is well.
fn run(cli: &Cli) -> Result<bool, String> {
    let kinds = kinds::named(&cli.kinds)?;
    if cli.list {
        kinds.iter().for_each(|kind| show(&kind.name));
        return Ok(true);
    }

    let programs =
        if cli.redis.is_empty() { vec!["redis-server".into()] } else { cli.redis.clone() };
    let servers = programs.into_iter().map(ServerVersion::of).collect::<Result<Vec<_>, _>>()?;
    let setting = Setting {
        lease: cli.lease.clone(),
        worker_percent: cli.worker_percent,
        deadline: Duration::from_secs(cli.deadline),
        verbose: cli.verbose,
    };

    actors::build();
    let folder = repository().join("target/faults-jobs").join(std::process::id().to_string());
    let reference = Reference::make(&folder, cli.files);

    let runs = cli.runs.unwrap_or(kinds.len());
    let plans = plan::plans(&kinds, cli.seed, runs);
    let verdicts =
        play_all(plans, &servers, &setting, &reference, cli.jobs_in_parallel, |verdict| {
            tell(&table::line(verdict))
        });
    let _ = std::fs::remove_dir_all(&folder);

    show(&table::table(&verdicts));
    show(&table::failures(&verdicts, &cli.rest()));
    Ok(!verdicts.iter().any(Verdict::failed))
}

/// At SIGINT and SIGTERM, ends the servers and programs of all runs, and this one.
fn end_children_when_told_to_stop() {
    let wait = async || {
        let mut interrupt = signal(SignalKind::interrupt()).expect("the system has signals");
        let mut terminate = signal(SignalKind::terminate()).expect("the system has signals");
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || {
        runtime.block_on(wait());
        // The children of these notice, and end.
        for child in children(std::process::id()) {
            let _ = kill(Pid::from_raw(child as i32), Signal::SIGKILL);
        }
        std::process::exit(130);
    });
}

impl Cli {
    /// What must be typed again to repeat a run, beside its seed, kind and server.
    fn rest(&self) -> String {
        format!(
            " --lease {} --worker-percent {} --files {} --deadline {}",
            self.lease, self.worker_percent, self.files, self.deadline
        )
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn show(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "progress is for people")]
fn tell(text: &str) {
    eprintln!("{text}");
}
