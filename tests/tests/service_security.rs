//! Who may do what with the service, and what rude clients can do to it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use sheaf_tests::process::wait_for;
use sheaf_tests::service::{Service, files_below};
use sheaf_tests::{Run, corpus};

const FULL: &str = "full-0123456789abcdef";
const READ: &str = "read-0123456789abcdef";
const SECRET: &str = "the secret beside the data folder";

fn token_file(folder: &Path, text: &str, mode: u32) -> PathBuf {
    let path = folder.join("tokens");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// A service with a full and a read token.
fn guarded(folder: &Path) -> Service {
    let tokens = token_file(folder, &format!("full {FULL}\nread {READ}\n"), 0o600);
    let arguments = format!("-p 1 --token-file {}", tokens.display());
    Service::start(&folder.join("data"), &arguments).with_token(FULL)
}

fn address(service: &Service) -> &str {
    service.url.strip_prefix("http://").unwrap()
}

/// Sends a request as it is: a first line, and headers beside `Host`. Returns status and body.
fn raw(service: &Service, line: &str, headers: &[String]) -> (u16, String) {
    let has_host = headers.iter().any(|header| header.starts_with("Host:"));
    let host = if has_host { String::new() } else { format!("Host: {}\r\n", address(service)) };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();

    let mut stream = TcpStream::connect(address(service)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("{line} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();

    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{line}: {answer}")), answer)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// A job of a few files that is done.
fn a_job(service: &Service, folder: &Path) -> String {
    for file in 0..5 {
        let doc = corpus::doc(&file.to_string(), "t", "text");
        corpus::write(&folder.join("in"), &format!("{file}.html"), doc);
    }
    let id = service.create(&service.wish(&files_below(folder, "in")));
    service.until_state(&id, "done");
    id
}

#[test]
fn an_open_address_needs_tokens_and_tls() {
    let folder = tempfile::tempdir().unwrap();
    let serve = || Run::sheaf(folder.path()).typed("serve --listen 0.0.0.0:0 --data data");
    serve().finish().code(2).says(&["without tokens everybody", "--token-file"]);

    let tokens = token_file(folder.path(), &format!("full {FULL}\n"), 0o600);
    serve()
        .arg("--token-file")
        .arg(&tokens)
        .finish()
        .code(2)
        .says(&["without TLS", "--https-cert"]);
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn careless_token_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str, mode, words: &[&str]| {
        let tokens = token_file(folder.path(), text, mode);
        let serve = Run::sheaf(folder.path()).typed("serve --listen 127.0.0.1:0 --data data");
        let ended = serve.arg("--token-file").arg(tokens).finish().code(2);
        assert!(!ended.stderr().contains("0123456789"), "{ended}");
        ended.says(words);
    };

    let good = format!("full {FULL}\n");
    refused(&good, 0o644, &["others may read", "hint: chmod o="]);
    refused("full 0123456789\n", 0o600, &["line 1", "fewer than 16", "openssl rand"]);
    refused("0123456789abcdef0123\n", 0o600, &["line 1", "expected `full TOKEN`"]);
    refused("# none\n", 0o600, &["no token"]);
}

#[test]
fn tokens_decide_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let service = guarded(folder.path());
    let id = a_job(&service, folder.path());

    let reads = [
        "/v1/jobs".to_owned(),
        format!("/v1/jobs/{id}"),
        format!("/v1/jobs/{id}/outputs/0"),
        format!("/v1/jobs/{id}/log"),
        "/v1/service".into(),
        "/metrics".into(),
    ];
    for path in &reads {
        let line = format!("GET {path}");
        assert_eq!(raw(&service, &line, &[bearer(READ)]).0, 200, "{line}");
        assert_eq!(raw(&service, &line, &[bearer(FULL)]).0, 200, "{line}");
        for wrong in ["wrong-0123456789abcdef", &FULL[1..], ""] {
            let (status, said) = raw(&service, &line, &[bearer(wrong)]);
            assert!(status == 401 && said.contains("--token-file"), "{line}: {said}");
        }
        let (status, said) = raw(&service, &line, &[]);
        assert!(status == 401 && said.contains("SHEAF_TOKEN"), "{line}: {said}");
        let query = format!("{line}?token={FULL}&access_token={FULL}");
        assert_eq!(raw(&service, &query, &[]).0, 401, "addresses are no place for tokens");
    }

    let writes = [
        "POST /v1/jobs".to_owned(),
        format!("POST /v1/jobs/{id}/retry"),
        format!("PATCH /v1/jobs/{id}"),
        format!("DELETE /v1/jobs/{id}"),
        format!("PUT /v1/contents/{}", "ab".repeat(32)),
    ];
    for line in &writes {
        let (status, said) = raw(&service, line, &[bearer(READ)]);
        assert!(status == 403 && said.contains("reading only"), "{line}: {said}");
        assert_eq!(raw(&service, line, &[]).0, 401, "{line}");
    }
    assert_eq!(service.job(&id)["state"], "done");

    for public in ["/", "/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(raw(&service, &format!("GET {public}"), &[]).0, 200, "{public}");
    }
    let submit = service.client(folder.path()).env("SHEAF_TOKEN", READ);
    submit.typed("submit in").finish().code(3).says(&["only look", "full"]);
}

#[test]
fn pages_of_others_are_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"), "-p 1");
    let port = address(&service).rsplit_once(':').unwrap().1;
    let header = |text: &str| vec![text.replace("PORT", port)];

    let refused = [
        "Origin: http://evil.example",
        "Origin: http://127.0.0.1:1",
        "Origin: null",
        "Origin: https://127.0.0.1:PORT",
        "Sec-Fetch-Site: cross-site",
        "Host: evil.example:PORT",
        "Host: 127.0.0.1.evil.example",
        "Host: 192.0.2.1:PORT",
    ];
    for text in refused {
        for line in ["GET /v1/jobs", "POST /v1/jobs/1/cancel", "DELETE /v1/jobs/1"] {
            let (status, said) = raw(&service, line, &header(text));
            assert_eq!(status, 403, "{text}: {said}");
            assert!(!said.to_lowercase().contains("access-control-allow"), "{said}");
        }
    }

    for text in ["Origin: http://127.0.0.1:PORT", "Host: localhost:PORT", "Host: [::1]:PORT"] {
        assert_eq!(raw(&service, "GET /v1/jobs", &header(text)).0, 200, "{text}");
    }
}

/// Words in the place of an id or a number, as somebody would try them to get at other files.
const TRICKS: [&str; 25] = [
    "..",
    ".",
    "../secret",
    "..%2fsecret",
    "..%2f..%2fsecret",
    "%2e%2e%2f%2e%2e%2fsecret",
    "..%5c..%5csecret",
    "..%252f..%252fsecret",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "//secret",
    "secret%00",
    "%00",
    "1%00",
    "%ff%fe",
    "%",
    "%zz",
    "record",
    "1%2f..%2fsecret",
    "%0d%0aX:%20y",
    "job.json",
    "-1",
    "0x0",
    "1e3",
    "18446744073709551616",
];

#[test]
fn ids_are_never_paths() {
    let folder = tempfile::tempdir().unwrap();
    let secret = format!("<doc id=1 title=t>{SECRET}</doc>");
    for place in ["secret", "data/secret", "data/jobs/secret", "data/jobs/record/job.json"] {
        corpus::write(folder.path(), place, &secret);
    }
    let service = Service::start(&folder.path().join("data"), "-p 1");
    let id = a_job(&service, folder.path());

    let long = "a".repeat(20_000);
    let numbers = "9".repeat(60);
    let tricks = TRICKS.into_iter().chain([numbers.as_str(), &long]);
    for trick in tricks {
        let lines = [
            format!("GET /{trick}"),
            format!("GET /v1/jobs/{trick}"),
            format!("GET /v1/jobs/{trick}/log"),
            format!("GET /v1/jobs/{trick}/outputs/0"),
            format!("GET /v1/jobs/{id}/outputs/{trick}"),
            format!("HEAD /v1/jobs/{id}/outputs/{trick}"),
            format!("POST /v1/jobs/{id}/outputs/{trick}/ticket"),
            format!("GET /v1/jobs?select={trick}"),
            format!("GET /v1/jobs/{id}/files?search={trick}"),
            format!("DELETE /v1/jobs/{trick}"),
            format!("PUT /v1/contents/{trick}"),
            format!("HEAD /v1/contents/{trick}"),
        ];
        for line in lines {
            let (status, said) = raw(&service, &line, &["Content-Length: 0".into()]);
            let shown: String = line.chars().take(100).collect();
            assert!(status < 500, "{shown}: {said}");
            assert!(!said.contains(SECRET) && !said.contains("root:"), "{shown}: {said}");
            let is_read = line.contains("select=") || line.contains("search=");
            assert!(status >= 400 || is_read || trick == "." || trick == "..", "{shown}: {said}");
        }
    }

    assert_eq!(service.job(&id)["state"], "done");
    for place in ["secret", "data/secret", "data/jobs/secret", "data/jobs/record/job.json"] {
        assert_eq!(fs::read_to_string(folder.path().join(place)).unwrap(), secret, "{place}");
    }
}

#[test]
fn names_of_files_are_never_paths() {
    let folder = tempfile::tempdir().unwrap();
    corpus::write(folder.path(), "secret", format!("<doc id=1 title=t>{SECRET}</doc>"));
    let service = Service::start(&folder.path().join("data"), "-p 1");

    let mut wish =
        service.wish(&[("../../../secret".into(), b"<doc id=1 title=t>x</doc>".to_vec())]);
    for name in ["../out.csv", "/tmp/out.csv", "a/b.csv", "..", "a\0.csv"] {
        wish["options"] = json!({"outputs": [name]});
        let status = service.post("/v1/jobs", &wish).status;
        assert!((400..500).contains(&status), "{name:?}: {status}");
    }
    wish["options"] = json!({"outputs": ["out.csv"], "source_column": "source"});
    let job = service.create(&wish);
    service.until_state(&job, "done");
    let rows = String::from_utf8(service.output(&job, 0)).unwrap();
    assert!(rows.contains("../../../secret") && !rows.contains(SECRET), "{rows}");
}

#[test]
fn a_token_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = guarded(folder.path());
    let id = a_job(&service, folder.path());
    raw(&service, "GET /v1/jobs", &[bearer("wrong-0123456789abcdef")]);
    let watch = service.client(folder.path()).typed("submit in --wait --id watched").start();
    wait_for("the job to be there", Duration::from_secs(30), || {
        (service.get("/v1/jobs/watched").status == 200).then_some(())
    });

    for pid in [service.pid(), watch.pid()] {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains("0123456789"));
    }
    let seen = watch.finish().code(0);
    assert!(!format!("{seen}").replace("SHEAF_TOKEN=\"full-0123456789abcdef\"", "").contains(FULL));
    for path in
        ["/v1/service", "/metrics", "/openapi.json", "/v1/events/x", &format!("/v1/jobs/{id}")]
    {
        let said = service.get(path).body;
        assert!(!String::from_utf8_lossy(&said).contains("0123456789"), "{path}");
    }

    let log = service.stop();
    assert!(log.contains("job ended") && !log.contains("0123456789"), "{log}");
    let grep = Run::of(Path::new("grep"), folder.path()).typed("-rl 0123456789abcdef data");
    assert_eq!(grep.finish().code(1).stdout(), "", "no file of the service has a token");
}

#[test]
fn slow_clients_hinder_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let service = guarded(folder.path());
    let stop = Arc::new(AtomicBool::new(false));

    let dribble = |head: String| {
        let (address, stop) = (address(&service).to_owned(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let Ok(mut stream) = TcpStream::connect(address) else { return };
            for byte in head.bytes().chain(std::iter::repeat(b'x')) {
                if stop.load(Ordering::Relaxed) || stream.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(if byte == b'x' { 300 } else { 20 }));
            }
        })
    };
    let heads = (0..100).map(|number| match number % 2 {
        0 => "GET /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ".to_owned(),
        _ => format!(
            "PUT /v1/contents/{number:064} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n\
             Content-Length: 1000000\r\n\r\n",
            bearer(FULL)
        ),
    });
    let clients: Vec<_> = heads.map(dribble).collect();
    std::thread::sleep(Duration::from_secs(4));

    let began = Instant::now();
    let id = a_job(&service, folder.path());
    service.client(folder.path()).typed("fetch").arg(&id).finish().code(0);
    assert!(folder.path().join("final.xlsx").exists());
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");

    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
}
