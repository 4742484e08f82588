//! Runs of `sheaf` within the process of a test.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use clap::Parser;
use sheaf::cli::{Cli, Command};
use sheaf::config::RunConfig;
use sheaf::discover::{Request, discover};
use sheaf::report::{Notice, Observer, Tally, UnderWay};
use sheaf::run::{Contents, Interrupt, Interrupter, Run};
use sheaf_worker::pool::Program;

use crate::sheaf_bin;

/// An observer that keeps nothing.
pub struct Blind;

impl Observer for Blind {
    fn progress(&mut self, _: &Tally, _: UnderWay) {}
    fn notice(&mut self, _: &Notice) {}
    fn ended(&mut self, _: &Tally) {}
}

/// The same as `sheaf run INPUTS -o OUTPUT` with further words, in this process and not started.
pub fn prepared(
    inputs: &Path,
    output: &Path,
    typed: &str,
    observer: impl Observer + 'static,
) -> (Run, Interrupter) {
    let mut words: Vec<OsString> =
        vec!["sheaf".into(), "run".into(), inputs.into(), "-o".into(), output.into()];
    words.extend(typed.split_whitespace().map(OsString::from));

    let Command::Run(args) = Cli::parse_from(words).command else { panic!("it is a run") };
    let cores = std::thread::available_parallelism().unwrap();
    let config = RunConfig::resolve(&args, cores).unwrap();

    let own = config.own_places();
    let request =
        Request { inputs: &config.inputs, filter: &config.filter, own: &own, per_file: None };
    let sources = discover(&request, &mut io::empty()).unwrap();

    let (interrupter, interrupt) = Interrupt::new();
    let run = Run {
        config: Arc::new(config),
        sources: Arc::new(sources),
        contents: Contents::AtPaths,
        child: slots_program(),
        observer: Box::new(observer),
        interrupt,
    };

    (run, interrupter)
}

/// The program of slots.
pub fn slots_program() -> Program {
    Program { path: sheaf_bin(), arguments: vec!["slot".into()] }
}
