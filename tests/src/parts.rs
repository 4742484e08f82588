//! Parts that a [`Script`] plays: what the interface of the service says, as far as tests of the
//! client need it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::script::{Answer, Request, Script};

/// The SHA-256 in hex.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the service says of itself.
pub fn service() -> Value {
    json!({
        "version": "x", "host": "h", "started": "2026-11-29T00:00:00Z", "slots": 1, "redis": null,
        "takes_paths": false, "accepts": true, "refusal": null, "free_bytes": 1, "reserved_bytes": 1,
        "largest_content": 1_u64 << 40, "keep_seconds": null, "may_write": true, "jobs_active": 0,
        "jobs_finished": 0,
    })
}

/// A job, with the outputs that it has written.
pub fn job(id: &str, state: &str, outputs: &[(&str, &[u8])]) -> Value {
    let written: Vec<Value> = outputs
        .iter()
        .map(|(name, bytes)| {
            let (bytes, sha256) = (bytes.len(), hash(bytes));
            json!({"name": name, "bytes": bytes, "sha256": sha256, "sheets": 0, "media_type": "x"})
        })
        .collect();
    json!({
        "id": id, "name": null, "priority": "normal", "state": state, "reason": null, "hint": null,
        "times": {"created": "2026-11-29T00:00:00Z", "started": null, "finished": null,
                  "removed_after": null},
        "inputs": {"files": 1, "bytes": 1, "paths": []}, "options": {}, "max_failures": null,
        "progress": {"files_total": 3}, "outputs": written, "retries": 0, "notes": [],
    })
}

/// A list of jobs.
pub fn page(jobs: &[Value]) -> Answer {
    Answer::json(200, &json!({"jobs": jobs, "next": null, "total": jobs.len()}))
}

/// A service that answers without reading less than it is sent.
pub fn script(play: impl FnMut(&Request) -> Answer + Send + 'static) -> Script {
    Script::start(play, |_| None)
}

/// Takes uploads, and jobs of what was uploaded.
#[derive(Default)]
pub struct Uploads {
    pub whole: HashSet<String>,
    pub parts: HashMap<String, Vec<u8>>,
    pub jobs: Vec<Value>,
}

impl Uploads {
    pub fn play(&mut self, request: &Request) -> Answer {
        let (path, body) = (request.path.as_str(), &request.body);
        match (request.method.as_str(), path) {
            ("GET", "/v1/service") => Answer::json(200, &service()),
            ("POST", "/v1/contents/missing") => self.missing(&request.json()),
            ("POST", "/v1/contents") => self.bundle(body),
            ("HEAD", _) => {
                let name = path.rsplit('/').next().unwrap();
                match self.whole.contains(name) {
                    true => Answer::bytes(200, b""),
                    false => Answer::bytes(404, b"")
                        .with("upload-offset", self.part(name).len().to_string()),
                }
            }
            ("PUT", _) => {
                let name = path.rsplit('/').next().unwrap().to_string();
                self.part(&name).extend_from_slice(body);
                let found = hash(self.part(&name));
                if found != name {
                    self.parts.remove(&name);
                    return Answer::problem(422, "wrong-hash", "the bytes have another hash");
                }
                self.whole.insert(name);
                Answer::bytes(201, b"")
            }
            ("POST", "/v1/jobs") => self.create(request.json()),
            _ => Answer::problem(404, "not-found", "there is no such thing"),
        }
    }

    pub fn part(&mut self, name: &str) -> &mut Vec<u8> {
        self.parts.entry(name.into()).or_default()
    }

    fn missing(&mut self, asked: &Value) -> Answer {
        let names = asked["sha256"].as_array().unwrap();
        let missing: Vec<Value> = names
            .iter()
            .filter_map(|name| {
                let name = name.as_str()?;
                let received = self.part(name).len();
                let lacks = !self.whole.contains(name);
                lacks.then(|| json!({"sha256": name, "received": received}))
            })
            .collect();
        Answer::json(200, &json!({ "missing": missing }))
    }

    fn bundle(&mut self, mut body: &[u8]) -> Answer {
        let mut stored = 0;
        while let Some(end) = body.iter().position(|byte| *byte == b'\n') {
            let head = std::str::from_utf8(&body[..end]).unwrap();
            let (name, length) = head.split_once(' ').unwrap();
            let (content, rest) = body[end + 1..].split_at(length.parse().unwrap());
            assert_eq!(hash(content), name);
            self.whole.insert(name.into());
            stored += 1;
            body = rest;
        }
        Answer::json(200, &json!({ "stored": stored }))
    }

    fn create(&mut self, new: Value) -> Answer {
        let files = new["inputs"]["files"].as_array().unwrap();
        let lacks = files.iter().filter_map(|file| file["sha256"].as_str());
        if lacks.into_iter().any(|name| !self.whole.contains(name)) {
            return Answer::problem(409, "contents-missing", "contents are missing");
        }
        self.jobs.push(new);
        Answer::json(201, &job(&self.jobs.len().to_string(), "queued", &[]))
    }
}

/// A service that takes uploads, and what it has.
pub fn uploads() -> (Script, Arc<Mutex<Uploads>>) {
    let all = Arc::new(Mutex::new(Uploads::default()));
    let played = Arc::clone(&all);
    (script(move |request| played.lock().unwrap().play(request)), all)
}

/// Serves the bytes of an output, with ranges.
pub fn output(request: &Request, bytes: &[u8]) -> Answer {
    let tag = format!("\"{}\"", hash(bytes));
    let range = request.header("range").strip_prefix("bytes=");
    match range.map(|range| range.trim_end_matches('-').parse::<usize>().unwrap()) {
        Some(first) => {
            assert_eq!(request.header("if-range"), tag);
            let range = format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len());
            Answer::bytes(206, &bytes[first..]).with("etag", tag).with("content-range", range)
        }
        None => Answer::bytes(200, bytes).with("etag", tag),
    }
}
