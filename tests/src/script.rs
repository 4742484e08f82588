//! A service that plays a part: it answers each request over a real socket as a test says, and may
//! cut a connection anywhere.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// `GET /v1/jobs/1`
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// How a request is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Only so many bytes of the body are sent, though all are announced.
    pub cut: Option<usize>,
    /// Not even a status is sent.
    pub silent: bool,
    /// The body has no announced length: it ends with the connection.
    pub stream: bool,
}

impl Answer {
    pub fn json(status: u16, body: &impl serde::Serialize) -> Self {
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        let body = serde_json::to_vec(body).expect("JSON");
        Answer { status, body, ..Answer::default() }.with("content-type", kind)
    }

    /// A problem with a code.
    pub fn problem(status: u16, code: &str, detail: &str) -> Self {
        let problem = json!({
            "type": "about:blank", "title": "x", "status": status, "code": code, "detail": detail,
        });
        Answer::json(status, &problem)
    }

    pub fn bytes(status: u16, body: &[u8]) -> Self {
        Answer { status, body: body.to_vec(), ..Answer::default() }
    }

    /// Events, and then the end of the connection.
    pub fn events(events: &[(&str, Value)]) -> Self {
        let text: String =
            events.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect();
        Answer { stream: true, ..Answer::bytes(200, text.as_bytes()) }
            .with("content-type", "text/event-stream")
    }

    /// The connection is closed without a word.
    pub fn nothing() -> Self {
        Answer { silent: true, ..Answer::default() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn cut(self, bytes: usize) -> Self {
        Answer { cut: Some(bytes), ..self }
    }
}

/// What decides the answers. The body of a request has at most so many bytes as it says.
type Play = dyn FnMut(&Request) -> Answer + Send;

/// The service. It ends with the test.
pub struct Script {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Script {
    /// Listens on a free port, and answers as `play` says. `reads`: the most bytes of a body that
    /// are read before the connection is cut, asked for each request before its body comes.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(
        play: impl FnMut(&Request) -> Answer + Send + 'static,
        reads: impl FnMut(&Request) -> Option<usize> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));

        let play: Arc<Mutex<Box<Play>>> = Arc::new(Mutex::new(Box::new(play)));
        let reads = Arc::new(Mutex::new(reads));
        let heard = Arc::clone(&requests);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (play, reads, heard) =
                    (Arc::clone(&play), Arc::clone(&reads), Arc::clone(&heard));
                thread::spawn(move || {
                    // A client that goes away is a part of some tests.
                    let _ = serve(connection, &play, &reads, &heard);
                });
            }
        });

        Script { address, requests }
    }

    /// Its URL.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// All requests so far, also those whose bodies were cut.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no test panics in it").clone()
    }

    /// Their first lines.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }
}

fn serve(
    connection: TcpStream,
    play: &Mutex<Box<Play>>,
    reads: &Mutex<impl FnMut(&Request) -> Option<usize>>,
    heard: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut out = connection.try_clone()?;
    let mut input = BufReader::new(connection);
    let mut request = read_head(&mut input)?;

    if request.header("expect") == "100-continue" {
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length: u64 = request.header("content-length").parse().unwrap_or(0);
    let most = reads.lock().expect("no test panics in it")(&request);
    let wanted = most.map_or(length, |most| length.min(most as u64));
    input.by_ref().take(wanted).read_to_end(&mut request.body)?;
    heard.lock().expect("no test panics in it").push(request.clone());
    if wanted < length {
        return out.shutdown(Shutdown::Both);
    }

    let answer = play.lock().expect("no test panics in it")(&request);
    if answer.silent {
        return out.shutdown(Shutdown::Both);
    }

    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
    if !answer.stream {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    out.write_all(format!("{head}\r\n").as_bytes())?;

    if request.method != "HEAD" {
        let sent = answer.cut.unwrap_or(answer.body.len()).min(answer.body.len());
        out.write_all(&answer.body[..sent])?;
    }
    out.flush()?;
    out.shutdown(Shutdown::Write)
}

fn read_head(input: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(String::from);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Request::default()
    };

    loop {
        line.clear();
        input.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                request.headers.insert(name.to_lowercase(), value.trim().into());
            }
            None => return Ok(request),
        }
    }
}
