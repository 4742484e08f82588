//! A run of a binary from outside: arguments, input, signals → exit code and what it said.

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

/// How long a run may take unless [`Run::within`] says otherwise; a run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// A run that has not started yet. It starts in a folder of its own, without a terminal.
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

    /// A command that has its program, and perhaps arguments, already.
    pub fn command(mut command: Command) -> Self {
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        Self { command, stdin: Vec::new(), limit: LIMIT }
    }

    /// In a process group of its own, so that the group can be sent signals.
    pub fn leader(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Several arguments, as they would be typed: `"run in -o out.csv"`. For those with blanks
    /// there is [`Run::arg`].
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

    /// Kills the run, and fails the test, if it takes longer.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts it and waits for its end.
    pub fn finish(self) -> Finished {
        self.start().finish()
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        hear_signals();
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let words = format!("{:?}", self.command);
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("could not start {words}: {error}"));
        let mut input = child.stdin.take().expect("piped");
        // Not joined: a program need not read its input. Its end closes the pipe.
        std::thread::spawn(move || input.write_all(&self.stdin));
        let stdout = Output::read(child.stdout.take().expect("piped"));
        let stderr = Output::read(child.stderr.take().expect("piped"));
        Running { words, child, stdout, stderr, deadline: Instant::now() + self.limit }
    }
}

/// Has what is started from here hear SIGINT and SIGHUP. A shell starts a command in its background
/// with the first ignored, `nohup` with the second, and so may whatever runs the tests; a program
/// that was started so goes on ignoring them.
pub fn hear_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for ignored in [Signal::SIGINT, Signal::SIGHUP] {
            // SAFETY: the default action runs no code of this process, and nothing here has a
            // handler of its own.
            unsafe { signal(ignored, SigHandler::SigDfl) }.expect("it has a default");
        }
    });
}

/// A run under way; killed when dropped.
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

    /// Sends a signal; one that comes too late is no error.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// What it writes to stderr, for someone who outlives it.
    pub fn heard(&self) -> Heard {
        Heard(Arc::clone(&self.stderr.bytes))
    }

    /// True once it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("own child").is_some()
    }

    /// Waits for its end.
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

    /// Kills it with SIGKILL, as a crash would, and waits until its children have noticed and are
    /// gone.
    ///
    /// # Panics
    /// If they outlive it: a child left behind would go on reading files.
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

/// What a run came to.
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

    /// Checks that stderr speaks of each of `words`; `a|b` stands for either. Upper and lower case
    /// are the same.
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

/// What a run has written to stderr, as it comes.
#[derive(Clone)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no reader panics")).into_owned()
    }
}

/// What comes out of a pipe, gathered by a thread of its own.
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

    /// All of it: waits until the pipe is closed, which a child left behind would put off for ever.
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
