//! Runs jobs with faults by a seeded plan, and prints a table of the results.
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

/// Run jobs over real servers with faults, and print a Markdown table of the results.
///
/// Exits with 1 if a run failed, with 2 if the arguments are invalid.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Cli {
    /// The seed of the first run; each later run has the next one
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The number of runs; they take the kinds in turn [default: one of each kind]
    #[arg(long, value_name = "N")]
    runs: Option<usize>,

    /// The kinds of faults; `WORD*` stands for all that begin with WORD [default: all]
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    kinds: Vec<String>,

    /// The lease of all sides
    #[arg(long, value_name = "TIME", default_value = "2s")]
    lease: String,

    /// The program of a server; repeatable: runs take them in turn [default: the redis-server of
    /// this machine]
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    redis: Vec<PathBuf>,

    /// The share of a core for each worker, in percent; 0 for no limit. A limit needs root
    #[arg(long, value_name = "PERCENT", default_value_t = 20)]
    worker_percent: u64,

    /// The number of input files, of about half a megabyte each
    #[arg(long, value_name = "N", default_value_t = 120)]
    files: usize,

    /// The number of runs at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs_in_parallel: usize,

    /// The time after which a run counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    deadline: u64,

    /// Log every detail, and save the logs of all runs (target/faults/), not only of failed ones
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

/// Plays the runs; returns whether none failed.
///
/// # Errors
/// Invalid arguments.
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

/// Handles SIGINT and SIGTERM: ends the servers and programs of all runs, and this one.
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
        // Their own children notice that, and end.
        for child in children(std::process::id()) {
            let _ = kill(Pid::from_raw(child as i32), Signal::SIGKILL);
        }
        std::process::exit(130);
    });
}

impl Cli {
    /// The arguments that repeat a run, beside its seed, kind and server.
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
