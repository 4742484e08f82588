//! Starting, watching and ending a child.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sheaf_common::job::{JobSpec, Limits};
use sheaf_common::problem::{Crashed, FileProblem};
use sheaf_common::task::SourceFile;

use super::protocol::{self, READY};
use super::unfit::Unfit;

/// How often a child that says nothing is looked at: its memory, its time, whether the work was
/// called off.
const LOOK: Duration = Duration::from_millis(50);
/// How long a child may take until it is ready. It takes milliseconds; a machine where it takes
/// this long is of no use.
const START: Duration = Duration::from_secs(60);
/// The size that pipes to and from a child are asked to have, so that a chunk of rows or a shipped
/// file passes in few switches.
const PIPE: i32 = 1 << 20;
/// The most that is kept of what a dying child said on standard error.
const LAST_WORDS: usize = 4 << 10;

/// The program that a slot starts as its child, which must call [`super::child::main`].
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
}

impl Program {
    /// This very program, even if its file was replaced meanwhile, with an argument that makes it a
    /// child.
    pub fn this(argument: &str) -> Self {
        Program { path: "/proc/self/exe".into(), arguments: vec![argument.into()] }
    }
}

/// Why reading from a child ended.
#[derive(Debug)]
pub enum Ended {
    /// It went over a limit and was killed, or died.
    Dead(FileProblem),
    /// The work was called off; the child was killed.
    Stopped,
}

/// Why there is no child.
#[derive(Debug)]
pub enum NotStarted {
    Unfit(Unfit),
    /// The work was called off.
    Stopped,
}

/// A running child.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    limits: Limits,
    /// When the file began that the child is at.
    file_began: Instant,
    looked: Instant,
}

impl Process {
    /// Starts a child, and waits until it is ready: what happens from then on is the doing of the
    /// files that it reads.
    ///
    /// # Errors
    /// [`NotStarted::Unfit`] when the system has no process, no pipe or no memory for it.
    pub fn start(
        program: &Program,
        limits: Limits,
        stop: &AtomicBool,
    ) -> Result<Process, NotStarted> {
        let refused = |error: &io::Error| NotStarted::Unfit(Unfit::refused(error));
        let mut child = Command::new(&program.path)
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| refused(&error))?;

        let input = child.stdin.take().expect("piped");
        let output = child.stdout.take().expect("piped");
        let now = Instant::now();

        // From here on, what ends early ends the child.
        let mut process = Process { child, input, output, limits, file_began: now, looked: now };
        fcntl(&process.output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
            .map_err(|errno| refused(&errno.into()))?;

        // Refused past a user's quota: smaller pipes do.
        let _ = fcntl(&process.output, FcntlArg::F_SETPIPE_SZ(PIPE));
        let _ = fcntl(&process.input, FcntlArg::F_SETPIPE_SZ(PIPE));

        process.wait_until_ready(stop)?;
        Ok(process)
    }

    fn wait_until_ready(&mut self, stop: &AtomicBool) -> Result<(), NotStarted> {
        let not_ready = |reason| NotStarted::Unfit(Unfit::not_ready(reason));
        let mut said = [0];
        loop {
            match self.output.read(&mut said) {
                Ok(0) => return Err(not_ready(self.why_it_died().to_string())),
                Ok(_) if said == [READY] => return Ok(()),
                Ok(_) => return Err(not_ready("it sent a malformed message".into())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_words(LOOK)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
                Err(error) => return Err(not_ready(error.to_string())),
            };

            if stop.load(Ordering::Relaxed) {
                return Err(NotStarted::Stopped);
            }
            if self.file_began.elapsed() >= START {
                return Err(not_ready(format!("it was not ready after {}", in_seconds(START))));
            }
        }
    }

    /// Hands the child an order; the time of its first file begins.
    pub fn send(&mut self, spec: &JobSpec, files: &[SourceFile]) -> io::Result<()> {
        self.file_began = Instant::now();
        protocol::write_order(&mut self.input, spec, files)
    }

    /// The time of the next file begins.
    pub fn next_file(&mut self) {
        self.file_began = Instant::now();
    }

    /// Reads exactly `buffer`, under the limits.
    pub fn read_exact(&mut self, buffer: &mut [u8], stop: &AtomicBool) -> Result<(), Ended> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.output.read(&mut buffer[filled..]) {
                Ok(0) => return Err(Ended::Dead(self.why_it_died())),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(stop)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let mute = Crashed::Mute(error.to_string());
                    return Err(Ended::Dead(FileProblem::Crashed(mute)));
                }
            }

            // A child that goes on sending is looked at, too.
            if self.looked.elapsed() >= LOOK {
                self.look(stop)?;
            }
        }

        Ok(())
    }

    /// Waits until the child says something, but no longer than a look takes to come due.
    fn wait(&mut self, stop: &AtomicBool) -> Result<(), Ended> {
        let left = self
            .limits
            .time
            .saturating_sub(self.file_began.elapsed())
            .min(LOOK)
            .max(Duration::from_millis(1));
        if self.wait_for_words(left) { Ok(()) } else { self.look(stop) }
    }

    /// Waits until the child says something or goes; `false` when it did neither for `left`.
    fn wait_for_words(&self, left: Duration) -> bool {
        let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(left).expect("a look is short");
        // A poll that was interrupted counts as words: whoever reads then waits again.
        !matches!(poll(&mut fds, timeout), Ok(0))
    }

    /// Holds the child against its limits.
    fn look(&mut self, stop: &AtomicBool) -> Result<(), Ended> {
        self.looked = Instant::now();

        if stop.load(Ordering::Relaxed) {
            self.kill();
            return Err(Ended::Stopped);
        }

        if self.file_began.elapsed() >= self.limits.time {
            self.kill();
            return Err(Ended::Dead(FileProblem::TimeLimit(self.limits.time)));
        }

        if self.resident_bytes().is_some_and(|bytes| bytes > self.limits.memory) {
            self.kill();
            return Err(Ended::Dead(FileProblem::MemoryLimit(self.limits.memory)));
        }

        Ok(())
    }

    /// The child's resident memory; `None` when it is gone.
    fn resident_bytes(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * page_size())
    }

    /// Why a child went away by itself, from its status and its last words.
    fn why_it_died(&mut self) -> FileProblem {
        let mut words = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = fcntl(&stderr, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
            let mut buffer = [0; LAST_WORDS];
            if let Ok(count) = stderr.read(&mut buffer) {
                words.extend_from_slice(&buffer[..count]);
            }
        }

        let words = String::from_utf8_lossy(&words);
        match self.child.wait() {
            // Rust says so before it aborts: memory is the reason, whatever the signal.
            _ if words.contains("memory allocation of") => {
                FileProblem::MemoryLimit(self.limits.memory)
            }
            Ok(status) => FileProblem::Crashed(died_by(status, words.trim())),
            Err(error) => FileProblem::Crashed(Crashed::Lost(error.to_string())),
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The child's process number, for logs.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a child died that has this status.
fn died_by(status: ExitStatus, words: &str) -> Crashed {
    match status.signal() {
        Some(signal) => Crashed::Signal(signal),
        None => Crashed::Exit { status: status.to_string(), words: words.into() },
    }
}

fn in_seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn page_size() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or(4096)
}
