//! The processes of Sheaf in one run: its workers, and its coordinator.

use std::path::Path;

use nix::sys::signal::Signal;

use super::group::Group;
use super::kind::{Act, Sickness, Whose};
use super::reference::OUTPUTS;
use super::stage::Stage;
use crate::job::LONG;
use crate::process::wait_for;
use crate::run::{Finished, Run, Running};
use crate::{sheaf_bin, worker_bin};

/// Debian's path of the library that is preloaded into processes whose clock will go wrong.
const FAKE_TIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The log message of a worker that is connected.
pub const CONNECTED: &str = "connected, waiting";

/// How many times a run may give up, under a fault that allows it.
const GIVES_UP: usize = 5;

pub struct Worker {
    pub run: Running,
    pub group: Option<Group>,
}

/// The run, over all its restarts.
#[derive(Default)]
pub struct Coordinator {
    pub running: Option<Running>,
    /// The result of the last start, once it has ended.
    pub finished: Option<Finished>,
    /// The standard error of all earlier starts.
    pub said: String,
}

impl Stage<'_> {
    /// Starts a worker and waits until it is connected.
    ///
    /// # Errors
    /// This machine lacks something, in words.
    pub fn start_worker(&mut self) -> Result<(), String> {
        self.launch_worker()?;
        let worker = self.workers.last().expect("just started");
        wait_for("the worker to be connected", LONG, || {
            worker.run.stderr().contains(CONNECTED).then_some(())
        });
        Ok(())
    }

    /// Starts a worker without waiting.
    ///
    /// # Errors
    /// As [`Stage::start_worker`].
    pub fn launch_worker(&mut self) -> Result<(), String> {
        let worker =
            self.worker(self.setting.worker_percent, &[], self.plan.kind.needs_groups())?;
        self.workers.push(worker);
        Ok(())
    }

    /// Starts a worker that cannot work.
    ///
    /// # Errors
    /// As [`Stage::start_worker`].
    pub fn start_sick(&mut self, sickness: Sickness) -> Result<(), String> {
        let few = self.plan.dice.between(0, 8);
        let (percent, limit) = match sickness {
            Sickness::FewFiles => {
                (self.setting.worker_percent, Some(format!("--nofile={}", 14 + 2 * few)))
            }
            Sickness::LittleMemory => {
                (self.setting.worker_percent, Some(format!("--as={}", (96 + 32 * few) << 20)))
            }
            Sickness::FewProcesses => (self.setting.worker_percent, None),
            Sickness::Slow => (1, None),
        };

        let limits: Vec<String> = limit.into_iter().collect();
        let worker = self.worker(percent, &limits, self.plan.kind.needs_groups())?;

        if sickness == Sickness::FewProcesses {
            let group = worker.group.as_ref().ok_or("no control groups here")?;
            group.limit_processes(4 + few).map_err(|error| error.to_string())?;
        }

        self.sick.push(worker);
        Ok(())
    }

    fn worker(&mut self, percent: u64, limits: &[String], grouped: bool) -> Result<Worker, String> {
        let group = if percent > 0 || grouped { Some(Group::make(percent)?) } else { None };
        let health =
            format!("health-{}", self.workers.len() + self.sick.len() + self.last_words.len());
        let (queue, bytes) = self.urls(|wires| &wires.workers);

        let run = launch(&worker_bin(), self.folder(), group.as_ref(), limits)
            .env("SHEAF_REDIS", queue)
            .env("SHEAF_REDIS_BYTES", bytes)
            .env("SHEAF_LEASE", &self.setting.lease)
            .env("SHEAF_HEALTH_FILE", health)
            .typed(if self.setting.verbose { "-p 1 --verbose" } else { "-p 1" });

        Ok(Worker { run: self.with_clock(Whose::Worker, run)?.start(), group })
    }

    /// Starts the run, or resumes it by the same command.
    ///
    /// # Errors
    /// As [`Stage::start_worker`].
    pub fn start_coordinator(&mut self) -> Result<(), String> {
        let (queue, bytes) = self.urls(|wires| &wires.coordinator);
        let mut run = Run::sheaf(self.folder())
            .env("SHEAF_REDIS", queue)
            .env("SHEAF_REDIS_BYTES", bytes)
            .env("SHEAF_LEASE", &self.setting.lease)
            .arg("run")
            .arg(&self.reference.inputs);

        for name in OUTPUTS {
            run = run.arg("-o").arg(self.out().join(name));
        }

        if self.plan.kind.own_slots {
            run = run.typed("-p 1");
        }

        if self.setting.verbose {
            run = run.arg("--verbose");
        }

        let running = self.with_clock(Whose::Coordinator, run)?.start();
        self.watch.listen(running.heard());
        self.coordinator.running = Some(running);
        Ok(())
    }

    /// Restarts a run that ended with exit code 3, if its fault allows that; returns whether it
    /// did. A run that has given up [`GIVES_UP`] times has failed.
    ///
    /// # Errors
    /// As [`Stage::start_worker`].
    pub fn begin_again_if_it_gave_up(&mut self) -> Result<bool, String> {
        let code = self.coordinator.finished.as_ref().and_then(|finished| finished.status.code());
        if code != Some(3) || !self.plan.kind.may_give_up() || self.gave_up == GIVES_UP {
            return Ok(false);
        }

        self.gave_up += 1;
        self.coordinator.reopen();
        self.start_coordinator()?;
        Ok(true)
    }

    /// Gives a process a fake clock, if its clock will go wrong.
    fn with_clock(&self, whose: Whose, run: Run) -> Result<Run, String> {
        if !self.plan.kind.acts.iter().any(|act| matches!(act, Act::Clock(of, _) if *of == whose)) {
            return Ok(run);
        }

        if !Path::new(FAKE_TIME).exists() {
            return Err("wrong clocks need libfaketime: apt-get install libfaketime".into());
        }

        if !self.clock().exists() {
            std::fs::write(self.clock(), "+0\n").map_err(|error| error.to_string())?;
        }

        let run = run.env("LD_PRELOAD", FAKE_TIME).env("FAKETIME_TIMESTAMP_FILE", self.clock());

        // The program must read the file at each look at the clock. The monotonic clock must go on,
        // as it does when someone sets the wall clock.
        Ok(run.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1"))
    }

    /// Notes workers that ended by themselves, and replaces them, as a service manager would.
    ///
    /// # Errors
    /// As [`Stage::start_worker`].
    pub fn tend_workers(&mut self) -> Result<(), String> {
        let may_die =
            self.plan.kind.acts.iter().any(|act| matches!(act, Act::Limit(Whose::Worker, _)));

        for index in (0..self.workers.len()).rev() {
            if self.workers[index].run.has_ended() {
                let ended = self.workers.remove(index).run.finish();
                let words = ended.stderr();
                if !may_die {
                    let lines = || words.lines();
                    let last = lines()
                        .rfind(|line| line.starts_with("error:"))
                        .or(lines().last())
                        .unwrap_or_default();
                    self.problems
                        .push(format!("a worker ended by itself ({}): {last}", ended.status));
                }
                self.last_words.push(words);
                // Do not wait until it is connected: the fault may still hide the server.
                self.launch_worker()?;
            }
        }

        Ok(())
    }
}

/// A program in a control group, under limits by `prlimit`.
fn launch(program: &Path, folder: &Path, group: Option<&Group>, limits: &[String]) -> Run {
    let enter = group.map(Group::enter).unwrap_or_default();
    let mut run = Run::of(Path::new("/bin/sh"), folder)
        .arg("-c")
        .arg(format!("{enter}exec \"$@\""))
        .arg("sh");

    if !limits.is_empty() {
        run = run.arg("prlimit");
        for limit in limits {
            run = run.arg(limit);
        }
    }

    run.arg(program)
}

impl Coordinator {
    /// Whether it has ended. If so, its result is in [`Coordinator::finished`].
    pub fn has_ended(&mut self) -> bool {
        if self.running.as_mut().is_some_and(Running::has_ended) {
            self.finished = self.running.take().map(Running::finish);
        }
        self.finished.is_some()
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(running) = &self.running {
            running.signal(signal);
        }
    }

    /// Kills it, as in a crash.
    pub fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            self.said += &running.stderr();
            running.crash();
        }
    }

    /// Clears the result, so that it can be started again.
    pub fn reopen(&mut self) {
        if let Some(finished) = self.finished.take() {
            self.said += &finished.stderr();
        }
    }

    /// Its standard error, over all starts.
    pub fn words(&self) -> String {
        let now = self.running.as_ref().map(Running::stderr);
        let last = self.finished.as_ref().map(Finished::stderr);
        [Some(self.said.clone()), now, last].into_iter().flatten().collect()
    }
}

/// Builds the binaries, so that the first run need not.
pub fn build() {
    let _ = (sheaf_bin(), worker_bin());
}
