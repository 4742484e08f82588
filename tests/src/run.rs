//! A run of a binary from outside: arguments, input, signals → exit code and output.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

use crate::process::wait_for;

/// The longest that a run may take, unless [`Run::within`] sets another limit.
const LIMIT: Duration = Duration::from_secs(240);

/// A run that is not started yet. It has its own working directory, and no terminal.
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Run {
    /// `sheaf`, in the folder `cwd`.
    pub fn sheaf(cwd: &Path) -> Self {
        Self::of(&crate::sheaf_bin(), cwd)
    }

    /// Any program, in the folder `cwd`.
    pub fn of(program: &Path, cwd: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(cwd);
        Self::command(command)
    }

    /// A command with its program, and perhaps some arguments.
    pub fn command(mut command: Command) -> Self {
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        Self { command, stdin: Vec::new(), limit: LIMIT }
    }

    /// Starts in its own process group, to which a test can send signals.
    pub fn leader(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Several arguments as typed: `"run in -o out.csv"`. Use [`Run::arg`] for one with blanks.
    pub fn typed(mut self, args: &str) -> Self {
        self.command.args(args.split_whitespace());
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Kills the run and fails the test if it takes longer than `limit`.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts the run and waits for its end.
    pub fn finish(self) -> Finished {
        self.start().finish()
    }

    /// Starts the run.
    pub fn start(mut self) -> Running {
        hear_signals();
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let words = format!("{:?}", self.command);
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("could not start {words}: {error}"));
        let mut input = child.stdin.take().expect("piped");

        // Do not join: a program need not read its input. Its end closes the pipe.
        std::thread::spawn(move || input.write_all(&self.stdin));
        let stdout = Output::read(child.stdout.take().expect("piped"));
        let stderr = Output::read(child.stderr.take().expect("piped"));
        Running { words, child, stdout, stderr, deadline: Instant::now() + self.limit }
    }
}

/// Makes sure that programs started from here do not ignore SIGINT and SIGHUP. A shell ignores the
/// first for a background command, `nohup` the second. Whatever runs the tests may do the same, and
/// programs inherit it.
pub fn hear_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for ignored in [Signal::SIGINT, Signal::SIGHUP] {
            // SAFETY: the default action runs no code of this process, and no handler is replaced.
            unsafe { signal(ignored, SigHandler::SigDfl) }.expect("it has a default");
        }
    });
}

/// A current run. Killed when dropped.
pub struct Running {
    words: String,
    child: Child,
    stdout: Output,
    stderr: Output,
    deadline: Instant,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal. If the process is gone, that is no error.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// The standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// A handle of the standard error, which outlives this run.
    pub fn heard(&self) -> Heard {
        Heard(Arc::clone(&self.stderr.bytes))
    }

    /// True once it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("own child").is_some()
    }

    /// Waits for the end of the run.
    ///
    /// # Panics
    /// After the limit of the run, with the standard error so far.
    pub fn finish(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("own child") {
                break status;
            }
            if Instant::now() > self.deadline {
                let _ = self.child.kill();
                panic!("{} did not end in time; stderr so far:\n{}", self.words, self.stderr());
            }
            std::thread::sleep(Duration::from_millis(2));
        };

        Finished {
            words: std::mem::take(&mut self.words),
            status,
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }

    /// Kills the run with SIGKILL, as in a crash, and waits until its children are gone.
    ///
    /// # Panics
    /// If a child outlives it, which would go on reading files.
    pub fn crash(mut self) {
        let children = crate::process::children(self.pid());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for child in children {
            let gone = || (!crate::process::is_alive(child)).then_some(());
            wait_for("the children of a killed parent to end", Duration::from_secs(10), gone);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a run.
pub struct Finished {
    words: String,
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Finished {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert!(
            self.status.code() == Some(expected),
            "expected exit code {expected}, got {:?} (signal {:?}) from {self}",
            self.status.code(),
            self.status.signal()
        );
        self
    }

    /// Checks that the standard error contains each of `words`, in any case. `a|b` stands for
    /// either.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let said = self.stderr().to_lowercase();
        for word in words {
            assert!(
                word.split('|').any(|word| said.contains(&word.to_lowercase())),
                "no word of `{word}` from {self}"
            );
        }
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = |text: String| text.chars().take(4_000).collect::<String>();
        write!(
            f,
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.words,
            head(self.stdout()),
            head(self.stderr())
        )
    }
}

/// The standard error of a run, as it grows.
#[derive(Clone)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no reader panics")).into_owned()
    }
}

/// The output of a pipe, read by a thread of its own.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let gathered = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                gathered.lock().expect("no reader panics").extend_from_slice(&buffer[..length]);
            }
        });

        Self { bytes, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no reader panics")).into_owned()
    }

    /// The whole output. Waits until the pipe is closed, which a child left behind would prevent.
    fn all(&mut self) -> Vec<u8> {
        let reader = self.reader.take().expect("read to the end once");
        wait_for(
            "the output pipe to close (does a child outlive its parent?)",
            Duration::from_secs(20),
            || reader.is_finished().then_some(()),
        );
        std::mem::take(&mut *self.bytes.lock().expect("no reader panics"))
    }
}
