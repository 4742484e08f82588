//! Starts, watches and ends a child.

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

/// The interval between two looks at a child: at its memory, its time, and the order to stop.
const LOOK: Duration = Duration::from_millis(50);
/// The longest that a child may take until it is ready. Usually it takes milliseconds.
const START: Duration = Duration::from_secs(60);
/// The size requested for the pipes to and from a child, in bytes. So a chunk of rows or a shipped
/// file passes with few context switches.
const PIPE: i32 = 1 << 20;
/// The most that is read of a dying child's standard error, in bytes.
const LAST_WORDS: usize = 4 << 10;

/// The program that a slot starts as its child, which must call [`super::child::main`].
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
}

impl Program {
    /// The running program, even if its file was replaced meanwhile, with the argument that makes
    /// it a child.
    pub fn this(argument: &str) -> Self {
        Program { path: "/proc/self/exe".into(), arguments: vec![argument.into()] }
    }
}

/// Why reading from a child ended.
#[derive(Debug)]
pub enum Ended {
    /// The child died, or went over a limit and was killed.
    Dead(FileProblem),
    /// The worker was ordered to stop; the child was killed.
    Stopped,
}

/// Why there is no child.
#[derive(Debug)]
pub enum NotStarted {
    Unfit(Unfit),
    /// The worker was ordered to stop.
    Stopped,
}

/// A running child.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    limits: Limits,
    /// When the child began its current file.
    file_began: Instant,
    /// When the child was last checked against its limits.
    looked: Instant,
}

impl Process {
    /// Starts a child, and waits until it is ready. If it dies later, the file that it reads is to
    /// blame.
    ///
    /// # Errors
    /// [`NotStarted::Unfit`], when the system refuses a process, a pipe or memory, or when the
    /// child does not become ready; [`NotStarted::Stopped`], when `stop` was set.
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

        // From here on, an early return kills the child by `drop`.
        let mut process = Process { child, input, output, limits, file_began: now, looked: now };
        fcntl(&process.output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
            .map_err(|errno| refused(&errno.into()))?;

        // The system refuses this past a user's quota. Smaller pipes will do.
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
                // The child has closed its output, so it is dead or dying.
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

    /// Gives the child an order, and starts the time of its first file.
    ///
    /// # Errors
    /// The child is gone, or the order is too long for the pipe.
    pub fn send(&mut self, spec: &JobSpec, files: &[SourceFile]) -> io::Result<()> {
        self.file_began = Instant::now();
        protocol::write_order(&mut self.input, spec, files)
    }

    /// Starts the time of the next file.
    pub fn next_file(&mut self) {
        self.file_began = Instant::now();
    }

    /// Fills `buffer`, and holds the child to its limits meanwhile.
    ///
    /// # Errors
    /// [`Ended`], when the child died or was killed.
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

            // Check a child that never pauses, too.
            if self.looked.elapsed() >= LOOK {
                self.look(stop)?;
            }
        }

        Ok(())
    }

    /// Waits for output of the child, at most until the next look or the time limit.
    fn wait(&mut self, stop: &AtomicBool) -> Result<(), Ended> {
        let left = self
            .limits
            .time
            .saturating_sub(self.file_began.elapsed())
            .min(LOOK)
            .max(Duration::from_millis(1));
        if self.wait_for_words(left) { Ok(()) } else { self.look(stop) }
    }

    /// Waits until the child writes or exits; `false` if it did neither for `left`.
    fn wait_for_words(&self, left: Duration) -> bool {
        let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(left).expect("a look is short");
        // An interrupted poll counts as output: the caller reads nothing and waits again.
        !matches!(poll(&mut fds, timeout), Ok(0))
    }

    /// Kills the child if it is over a limit, or if the worker was ordered to stop.
    ///
    /// # Errors
    /// [`Ended`], when the child was killed.
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

        // The child limits its own data (`RLIMIT_DATA`); this also counts its other memory.
        if self.resident_bytes().is_some_and(|bytes| bytes > self.limits.memory) {
            self.kill();
            return Err(Ended::Dead(FileProblem::MemoryLimit(self.limits.memory)));
        }

        Ok(())
    }

    /// The child's resident memory in bytes; `None` if it is gone.
    fn resident_bytes(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * page_size())
    }

    /// Why a child exited by itself, from its status and its standard error.
    fn why_it_died(&mut self) -> FileProblem {
        let mut words = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // A process that the child started may hold the pipe open: do not wait for its end.
            let _ = fcntl(&stderr, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
            let mut buffer = [0; LAST_WORDS];
            if let Ok(count) = stderr.read(&mut buffer) {
                words.extend_from_slice(&buffer[..count]);
            }
        }

        let words = String::from_utf8_lossy(&words);
        match self.child.wait() {
            // Rust prints this before it aborts: memory is the reason, whatever the signal.
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

    /// The child's process id, for logs.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a child with this exit status died.
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
