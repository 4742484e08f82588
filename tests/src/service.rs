//! A real `sheaf serve` for one test, on a free port, and a client that speaks its HTTP.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::run::{Run, Running};

/// The longest that a job may take to come into a state.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running service. Killed when dropped.
pub struct Service {
    running: Option<Running>,
    pub url: String,
    data: PathBuf,
    arguments: Vec<String>,
    token: Option<String>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Checks the status.
    #[track_caller]
    pub fn status(self, expected: u16) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, expected, "{text}");
        self
    }
}

impl Service {
    /// Starts a service with a data folder and further arguments, as typed.
    ///
    /// # Panics
    /// If it does not begin to serve.
    pub fn start(data: &Path, arguments: &str) -> Self {
        let mut service = Service {
            running: None,
            url: String::new(),
            data: data.into(),
            arguments: arguments.split_whitespace().map(String::from).collect(),
            token: None,
        };
        service.start_again();
        service
    }

    /// The same service, to which its own requests are made with a token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Starts it again after [`Service::kill`] or [`Service::stop`], on another port.
    pub fn start_again(&mut self) {
        let mut run = Run::sheaf(Path::new("/"))
            .typed("serve --data")
            .arg(&self.data)
            .within(Duration::from_secs(3600));
        for (option, usual) in [("--listen", "127.0.0.1:0"), ("--reserve", "1KiB")] {
            if !self.arguments.iter().any(|argument| argument == option) {
                run = run.arg(option).arg(usual);
            }
        }
        for argument in &self.arguments {
            run = run.arg(argument);
        }

        let mut running = run.start();
        let end = Instant::now() + DEADLINE;
        let url = loop {
            let said = running.stderr();
            if let Some(rest) = said.split("serving on ").nth(1)
                && let Some((url, _)) = rest.split_once(' ')
            {
                break url.to_owned();
            }
            assert!(!running.has_ended(), "the service ended: {said}");
            assert!(Instant::now() < end, "the service does not serve: {said}");
            std::thread::sleep(Duration::from_millis(10));
        };

        self.url = url;
        self.running = Some(running);
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.crash();
        }
    }

    /// Stops it with SIGTERM, and checks that it ends with exit code 0. Returns what it logged.
    pub fn stop(&mut self) -> String {
        let running = self.running.take().expect("it runs");
        running.signal(Signal::SIGTERM);
        running.finish().code(0).stderr()
    }

    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").pid()
    }

    /// What it has logged since its last start.
    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::stderr).unwrap_or_default()
    }

    /// A command of its client, in a folder.
    pub fn client(&self, cwd: &Path) -> Run {
        let run = Run::sheaf(cwd).env("SHEAF_SERVER", &self.url);
        match &self.token {
            Some(token) => run.env("SHEAF_TOKEN", token),
            None => run,
        }
    }

    /// A request, with a body if it is not empty.
    ///
    /// # Panics
    /// If no answer comes.
    pub fn request(&self, method: &str, path: &str, body: &[u8], kind: &str) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();

        let url = format!("{}{path}", self.url);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if !body.is_empty() {
            request = request.header("content-type", kind);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }

        let request = request.body(body.to_vec()).expect("a request");
        let mut answer =
            agent.run(request).unwrap_or_else(|error| panic!("{method} {url}: {error}"));
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec();
        Answer { status, body: body.expect("a whole body") }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, b"", "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, body.to_string().as_bytes(), "application/json")
    }

    /// Uploads a content; returns its hash.
    pub fn upload(&self, bytes: &[u8]) -> String {
        let hash = hash(bytes);
        let path = format!("/v1/contents/{hash}");
        let answer = self.request("PUT", &path, bytes, "application/octet-stream");
        assert!(answer.status < 300, "{answer:?}");
        hash
    }

    /// The wish for a job of these files (path, bytes), which are uploaded.
    pub fn wish(&self, files: &[(String, Vec<u8>)]) -> Value {
        let file = |(path, bytes): &(String, Vec<u8>)| {
            let sha256 = self.upload(bytes);
            json!({"path": path, "sha256": sha256, "size": bytes.len()})
        };
        let files: Vec<Value> = files.iter().map(file).collect();
        json!({"inputs": {"files": files}})
    }

    /// Creates a job; returns its id.
    pub fn create(&self, wish: &Value) -> String {
        let job = self.post("/v1/jobs", wish).status(201).json();
        job["id"].as_str().expect("an id").to_owned()
    }

    pub fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/jobs/{id}")).status(200).json()
    }

    /// Waits until a job is as wanted; returns it.
    ///
    /// # Panics
    /// When it is not in time.
    #[track_caller]
    pub fn until(&self, id: &str, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let job = self.job(id);
            if good(&job) {
                return job;
            }
            assert!(Instant::now() < end, "{what}: {job}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a job is in a state; returns it.
    #[track_caller]
    pub fn until_state(&self, id: &str, state: &str) -> Value {
        self.until(id, &format!("job {id} is {state}"), |job| job["state"] == state)
    }

    /// The bytes of an output.
    pub fn output(&self, id: &str, number: usize) -> Vec<u8> {
        self.get(&format!("/v1/jobs/{id}/outputs/{number}")).status(200).body
    }
}

/// The SHA-256 of some bytes, in hex.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files below a folder of a test, as `sheaf run NAME` in `cwd` lists them if their names sort
/// as texts.
pub fn files_below(cwd: &Path, name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(cwd.join(name)).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();

    let read = |file: String| {
        let path = format!("{name}/{file}");
        let bytes = std::fs::read(cwd.join(&path)).expect("a file");
        (path, bytes)
    };
    names.into_iter().map(read).collect()
}
