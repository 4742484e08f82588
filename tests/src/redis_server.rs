//! A real `redis-server` for one test, on a free port. Its files are in a temporary folder, which
//! goes with the test.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Connection, FromRedisValue};
use sheaf_common::queue::{RedisConfig, RedisQueue, RedisSettings, Timing};
use tempfile::TempDir;

use crate::both::Both;
use crate::skip::skip;
use crate::wait::until;

/// The timing of the engine in tests. It gives up early, so that tests are fast.
pub const TIMING: Timing = Timing {
    connect: Duration::from_secs(3),
    answer: Duration::from_secs(3),
    patience: Duration::from_secs(15),
    sweep: Duration::from_millis(30),
    abandoned: Duration::from_secs(60),
    removed: Duration::from_secs(180),
};

/// Starts a [`RedisServer`]; where there is none, reports that and returns from the test.
#[macro_export]
macro_rules! server {
    ($test:expr) => {
        $crate::server!($test, $crate::redis_server::Options::default())
    };
    ($test:expr, $options:expr) => {
        match $crate::redis_server::RedisServer::start_with($test, $options).await {
            Some(server) => server,
            None => return,
        }
    };
}

/// A running server.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    password: Option<String>,
    tls: bool,
    program: PathBuf,
    child: Child,
}

/// The options of a server.
#[derive(Default)]
pub struct Options {
    /// Further settings, as on the command line: `--maxmemory 10mb`.
    pub arguments: Vec<String>,
    pub password: Option<String>,
    /// The server speaks TLS only, and demands certificates from clients.
    pub tls: bool,
    /// A program in place of the `redis-server` of this machine.
    pub program: Option<PathBuf>,
}

impl Options {
    /// The options with this line of arguments.
    pub fn of(line: &str) -> Self {
        Options { arguments: line.split(' ').map(Into::into).collect(), ..Options::default() }
    }
}

impl RedisServer {
    /// Starts a plain server. If this machine has no `redis-server`, reports that and returns
    /// `None`.
    pub async fn start(test: &str) -> Option<Self> {
        Self::start_with(test, Options::default()).await
    }

    /// Starts a server; see [`RedisServer::start`].
    ///
    /// # Panics
    /// If the server does not start, with its log.
    pub async fn start_with(test: &str, options: Options) -> Option<Self> {
        let program = options.program.unwrap_or_else(|| "redis-server".into());
        if !is_installed(&program) || (options.tls && !is_installed("openssl".as_ref())) {
            skip(
                test,
                "no `redis-server` (or `openssl`) on this machine: `apt-get install redis-server openssl`",
            );
            return None;
        }

        let folder =
            tempfile::Builder::new().prefix("sheaf-redis-").tempdir().expect("a temporary folder");
        let mut arguments = options.arguments;
        if let Some(password) = &options.password {
            arguments.extend(["--requirepass".into(), password.clone()]);
        }

        if options.tls {
            certificates::make(folder.path());
        }

        let RedisStart { port, child } =
            RedisStart::on_free_port(&program, folder.path(), options.tls, &arguments).await;
        Some(RedisServer {
            folder,
            port,
            arguments,
            password: options.password,
            tls: options.tls,
            program,
            child,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL, with the password if there is one.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let password =
            self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("{scheme}://{password}127.0.0.1:{}", self.port)
    }

    /// A file in the server's folder: `ca.crt`, `client.crt`, `client.key`, `other-ca.crt`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The settings for a queue on the server.
    pub fn settings(&self, lease: Duration) -> RedisSettings {
        let mut settings =
            RedisSettings { lease, timing: TIMING, ..RedisSettings::new(self.url()) };
        if self.tls {
            settings.ca = Some(self.file("ca.crt"));
            settings.cert = Some(self.file("client.crt"));
            settings.key = Some(self.file("client.key"));
        }
        settings
    }

    /// A queue on the server.
    pub async fn queue(&self, lease: Duration) -> Both<RedisQueue> {
        self.queue_with(self.settings(lease)).await
    }

    pub async fn queue_with(&self, settings: RedisSettings) -> Both<RedisQueue> {
        let config = RedisConfig::resolve(settings).expect("good settings");
        Both::of(RedisQueue::connect(config).await.expect("a good server"))
    }

    /// Sends a command over a new connection of the test itself.
    ///
    /// # Panics
    /// If the server refuses the command.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command
            .query(&mut self.connection().expect("a connection"))
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// A connection of the test itself, for times when the server refuses new ones.
    ///
    /// # Errors
    /// The server does not answer, or refuses the connection.
    pub fn connection(&self) -> redis::RedisResult<Connection> {
        assert!(!self.tls, "the test itself speaks no TLS");
        redis::Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(3))
    }

    /// Kills the server, as in a power cut: data that is not on disk is lost.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the server again after [`RedisServer::kill`], on the same port.
    pub async fn restart(&mut self) {
        let folder = self.folder.path();
        let before = starts(folder).count();
        self.child = spawn(&self.program, folder, self.port, self.tls, &self.arguments);
        assert!(
            comes_up(&mut self.child, folder, before).await,
            "redis-server did not come up:\n{}",
            self.log()
        );
    }

    /// Stops the server's process, or continues it. A stopped server is there, but silent.
    pub fn freeze(&self, frozen: bool) {
        use nix::sys::signal::{Signal, kill};
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).expect("the server runs");
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The log of the server.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("redis.log")).unwrap_or_default()
    }
}

/// A server that came up.
struct RedisStart {
    port: u16,
    child: Child,
}

impl RedisStart {
    async fn on_free_port(program: &Path, folder: &Path, tls: bool, arguments: &[String]) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let before = starts(folder).count();
            let mut child = spawn(program, folder, port, tls, arguments);
            if comes_up(&mut child, folder, before).await {
                return RedisStart { port, child };
            } // Otherwise something else has taken the port meanwhile.
        }

        panic!(
            "redis-server does not come up:\n{}",
            fs::read_to_string(folder.join("redis.log")).unwrap_or_default()
        );
    }
}

/// Waits until a server accepts connections; `false` if it ends first. `before` is the number of
/// servers that were started earlier in this folder.
async fn comes_up(child: &mut Child, folder: &Path, before: usize) -> bool {
    let look = async || {
        let ended = child.try_wait().expect("a child").is_some();
        (ended, starts(folder).nth(before).unwrap_or_default())
    };
    let ready =
        |(ended, log): &(bool, String)| *ended || log.contains("Ready to accept connections");
    !until("redis-server starts", look, ready).await.0
}

/// The logs of the servers of a folder, one by one.
fn starts(folder: &Path) -> impl Iterator<Item = String> {
    let log = fs::read_to_string(folder.join("redis.log")).unwrap_or_default();
    // Skip the text before the first start.
    let starts: Vec<String> = log.split(" is starting oO0").skip(1).map(str::to_owned).collect();
    starts.into_iter()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_installed(program: &Path) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// A port that was free just now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn spawn(program: &Path, folder: &Path, port: u16, tls: bool, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    let port = port.to_string();
    command.current_dir(folder).args([
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--logfile",
        "redis.log",
    ]);

    if tls {
        command.args(["--port", "0", "--tls-port", &port, "--tls-ca-cert-file", "ca.crt"]);
        command.args(["--tls-cert-file", "server.crt", "--tls-key-file", "server.key"]);
    } else {
        command.args(["--port", &port]);
    }

    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server starts")
}

/// Certificates, made by `openssl`.
mod certificates {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Stdio};

    /// Makes two authorities. The first signs a certificate for the server, for 127.0.0.1, and one
    /// for a client.
    pub fn make(folder: &Path) {
        for authority in ["ca", "other-ca"] {
            let key = format!("{authority}.key");
            let certificate = format!("{authority}.crt");
            let subject = format!("/CN=Sheaf test {authority}");
            openssl(folder, &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
            openssl(
                folder,
                &[
                    "req",
                    "-x509",
                    "-new",
                    "-key",
                    &key,
                    "-days",
                    "30",
                    "-subj",
                    &subject,
                    "-out",
                    &certificate,
                ],
            );
        }

        fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
            .expect("a file");
        for name in ["server", "client"] {
            let key = format!("{name}.key");
            let request = format!("{name}.csr");
            let certificate = format!("{name}.crt");
            openssl(
                folder,
                &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.key"],
            );
            openssl(folder, &["pkcs8", "-topk8", "-nocrypt", "-in", "ec.key", "-out", &key]);
            openssl(
                folder,
                &["req", "-new", "-key", &key, "-subj", &format!("/CN={name}"), "-out", &request],
            );
            let signed = [
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                "ca.crt",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
            ];
            let rest = ["-days", "30", "-extfile", "names", "-out", &certificate];
            openssl(folder, &[&signed[..], &rest[..]].concat());
        }
    }

    fn openssl(folder: &Path, arguments: &[&str]) {
        let output = Command::new("openssl")
            .current_dir(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output();

        let output = output.expect("openssl runs");
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
