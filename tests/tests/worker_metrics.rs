//! `sheaf-worker --metrics`: the figures and the health of a worker, over HTTP.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sheaf_tests::corpus::{doc, write};
use sheaf_tests::http::{ask, figure, get};
use sheaf_tests::job::LONG;
use sheaf_tests::place::{Place, connected, drain};
use sheaf_tests::process::wait_for;
use sheaf_tests::redis_server::free_port;
use sheaf_tests::{Run, Running, server};

/// The address where a worker says that its figures are.
fn address(worker: &Running) -> String {
    wait_for("the address of the figures", LONG, || {
        let said = worker.stderr();
        let (_, rest) = said.split_once("figures are at http://")?;
        Some(rest.split_once("/metrics")?.0.to_owned())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_tell_what_a_worker_did() {
    let server = server!("figures_tell_what_a_worker_did");
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 2 --metrics 127.0.0.1:0").start();
    let at = address(&worker);
    connected(&worker);

    write(place.folder(), "in/a", doc("1", "t", "x"));
    write(place.folder(), "in/b", doc("2", "t", "y") + &doc("3", "t", "z"));
    fs::write(place.folder().join("in/c.pdf"), b"%PDF-1.7\n").unwrap();
    let run = Run::sheaf(place.folder()).typed("run in -o x.jsonl -o x.xlsx --redis");
    run.arg(place.url()).finish().code(1);

    let text = get(&at, "/metrics").body;
    let read = |name: &str| figure(&text, name).unwrap_or_else(|| panic!("{name} in:\n{text}"));
    assert_eq!(read("sheaf_worker_slots"), 2.0);
    assert_eq!(read("sheaf_worker_slots_busy"), 0.0);
    assert_eq!(read("sheaf_worker_files_total{result=\"done\"}"), 2.0);
    assert_eq!(read("sheaf_worker_files_total{result=\"failed\"}"), 1.0);
    assert_eq!(read("sheaf_worker_file_failures_total{kind=\"foreign\"}"), 1.0);
    assert_eq!(read("sheaf_worker_rows_total"), 3.0);
    assert!(read("sheaf_worker_input_bytes_total") > 50.0);
    for class in ["extract", "render"] {
        let done = format!("sheaf_worker_tasks_total{{class=\"{class}\",result=\"done\"}}");
        assert!(read(&done) >= 1.0, "{class}");
    }

    for step in ["waiting", "extracting", "rendering", "calls"] {
        assert!(read(&format!("sheaf_step_seconds_total{{step=\"{step}\"}}")) > 0.0, "{step}");
    }
    assert!(read("sheaf_worker_last_poll_seconds") < 30.0);
    let version = format!("sheaf_build_info{{version=\"{}\"}}", sheaf_common::VERSION);
    assert_eq!(read(&version), 1.0);

    let health = get(&at, "/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    drain(worker);
    assert!(TcpStream::connect(&at).is_err(), "it answers after its end");
}

#[test]
fn a_worker_without_redis_answers_unhealthy() {
    let place = Place::at(format!("redis://127.0.0.1:{}", free_port()));
    let worker = place.new_worker("-p 1 --metrics 127.0.0.1:0").start();
    let at = address(&worker);

    let health = get(&at, "/healthz");
    assert_eq!(health.status, 503);
    assert!(health.body.contains("not heard from Redis yet"), "{health:?}");
    let text = get(&at, "/metrics").body;
    assert_eq!(figure(&text, "sheaf_worker_slots"), Some(1.0));

    assert_eq!(get(&at, "/elsewhere").status, 404);
    assert_eq!(ask(&at, "POST", "/metrics", &["content-length: 0"]).status, 405);
    assert_eq!(ask(&at, "HEAD", "/healthz", &[]).status, 503);
    let long = format!("x: {}", "x".repeat(64 << 10));
    assert_eq!(ask(&at, "GET", "/metrics", &[&long]).status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_keep_nobody_out() {
    let server = server!("slow_clients_keep_nobody_out");
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 1 --metrics 127.0.0.1:0").start();
    connected(&worker);
    let at = address(&worker);

    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(&at).unwrap();
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nx: ");
            stream
        })
        .collect();
    assert_eq!(get(&at, "/metrics").status, 200);
    assert!(began.elapsed() < Duration::from_secs(8), "after {:?}", began.elapsed());

    // Each is cut in the end, also the last one.
    let last = slow.last_mut().unwrap();
    last.set_read_timeout(Some(LONG)).unwrap();
    let end = last.read(&mut [0; 64]);
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    assert!(began.elapsed() < Duration::from_secs(40), "after {:?}", began.elapsed());
    drain(worker);
}

#[test]
fn an_address_in_use_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::at("redis://127.0.0.1:1");

    let worker = place.new_worker("--metrics").arg(&address).finish().code(3);
    worker.says(&[&address, "in use", "a port of its own"]);
    place.new_worker("--metrics nowhere").finish().code(2).says(&["an address with a port"]);
}
