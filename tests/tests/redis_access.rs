//! Who may use a server: passwords, certificates and privileges, and what is said, and not said, to
//! those who may not.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use sheaf_tests::corpus::{doc, write};
use sheaf_tests::job::LONG;
use sheaf_tests::place::{Place, connected, drain};
use sheaf_tests::redis_server::{Options, free_port};
use sheaf_tests::service::Service;
use sheaf_tests::{Run, server, worker_bin};

#[tokio::test(flavor = "multi_thread")]
async fn connection_errors_give_hints_but_no_password() {
    let options = Options { password: Some("s3cret".into()), ..Options::default() };
    let server = server!("connection_errors_give_hints_but_no_password", options);
    let (port, nobody) = (server.port(), free_port());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    let not_redis = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = not_redis.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in not_redis.incoming().flatten() {
            std::thread::spawn(move || answer_as_a_web_server(client));
        }
    });

    let wrong = format!("redis://:wr0ng@127.0.0.1:{port}");
    let cases = [
        (wrong, "refuses this user and password"),
        (format!("redis://127.0.0.1:{port}"), "asks for a password"),
        (format!("redis://127.0.0.1:{web}"), "redis"),
    ];
    for (url, words) in &cases {
        for (program, typed) in [
            (sheaf_tests::sheaf_bin(), "run in -o out.csv"),
            (sheaf_tests::sheaf_bin(), "workers"),
            (sheaf_tests::sheaf_bin(), "demo"),
            (worker_bin(), "-p 1"),
        ] {
            let run = Run::of(&program, folder.path())
                .typed(typed)
                .typed("--redis")
                .arg(url)
                .within(LONG);
            let said = run.finish().code(3).says(&["error:", "hint:", words]);
            assert!(!said.stderr().contains("wr0ng") && !said.stdout().contains("wr0ng"), "{said}");
        }
    }
    let nobody = format!("redis://:s3cret@127.0.0.1:{nobody}");
    let said = Run::sheaf(folder.path()).typed("run in -o out.csv --redis").arg(&nobody).finish();
    let said =
        said.code(3).says(&["error:", "no Redis answers", "hint:", "is Redis running there"]);
    assert!(!said.stderr().contains("s3cret"), "{said}");

    // With the password in the environment, nobody sees it, and nothing repeats it.
    let place = Place::at(format!("redis://127.0.0.1:{port}"));
    let worker = place.new_worker("-p 1 -v").env("SHEAF_REDIS_PASSWORD", "s3cret").start();
    connected(&worker);
    let run = |typed: &str| {
        let run = Run::sheaf(folder.path()).typed(typed).env("SHEAF_REDIS", place.url());
        run.env("SHEAF_REDIS_PASSWORD", "s3cret").finish().code(0)
    };
    let all =
        [run("run in -o out.csv -v"), run("workers"), run("workers --json"), run("run --help")];
    for said in all {
        assert!(!said.stdout().contains("s3cret") && !said.stderr().contains("s3cret"), "{said}");
    }
    assert!(!worker.stderr().contains("s3cret"), "{}", worker.stderr());
    drain(worker);
}

/// Hears something, refuses it, and hangs up when the other side does: what was not heard would
/// take the answer back.
fn answer_as_a_web_server(mut client: TcpStream) {
    let _ = client.read(&mut [0; 512]);
    let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let _ = client.shutdown(Shutdown::Write);
    let _ = io::copy(&mut client, &mut io::sink());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_of_the_worker_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let run = |typed: &str| Run::of(&worker_bin(), folder.path()).typed(typed).finish().code(2);
    run("").says(&["no Redis is named", "hint:"]);
    run("--redis redis://h --root gone").says(&["`gone`"]);
    run("--redis redis://h --grace soon").says(&["--grace", "expected a time"]);
    run("--redis h:6379").says(&["expected", "hint:", "redis://h:6379"]);
    run("--redis redis://h -p 0").says(&["-p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_and_least_privileges_are_enough() {
    let acl = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/users.acl");
    let users = fs::read_to_string(acl).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file =
        write(folder.path(), "users.acl", format!("{}user default off\n", with_passwords(&users)));
    let arguments = vec!["--aclfile".into(), file.display().to_string()];
    let options = Options { arguments, tls: true, ..Options::default() };
    let server = server!("client_certificates_and_least_privileges_are_enough", options);
    let place = Place::at(server.url());
    let as_user = |run: Run, user: &str, password: &str| {
        let run = run.env("SHEAF_REDIS_USER", user).env("SHEAF_REDIS_PASSWORD", password);
        let run = run
            .env("SHEAF_TLS_CA", server.file("ca.crt"))
            .env("SHEAF_TLS_CERT", server.file("client.crt"));
        run.env("SHEAF_TLS_KEY", server.file("client.key"))
    };
    let worker = as_user(place.new_worker("-p 2"), "sheaf-worker", "for-w0rkers").start();
    connected(&worker);
    as_user(place.new_run(""), "sheaf-coordinator", "for-c00rdinators").finish().code(0);
    place.has_the_same_bytes();
    let list = Run::sheaf(place.folder()).typed("workers").env("SHEAF_REDIS", place.url());
    let list = as_user(list, "sheaf-coordinator", "for-c00rdinators").finish().code(0);
    assert!(list.stdout().contains(" of 2 "), "{list}"); // How many are busy may be two seconds old.
    drain(worker);
    // Without the authority's certificate, nobody is trusted.
    let run = Run::sheaf(place.folder()).typed("workers").env("SHEAF_REDIS", place.url());
    run.finish().code(3).says(&["TLS", "hint:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_needs_a_coordinators_privileges() {
    let acl = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/users.acl");
    let users = with_passwords(&fs::read_to_string(acl).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "users.acl", users + "user default on nopass ~* +@all\n");
    let options = Options {
        arguments: vec!["--aclfile".into(), file.display().to_string()],
        ..Options::default()
    };
    let server = server!("the_service_needs_a_coordinators_privileges", options);
    let url = |user: &str| format!("redis://{user}@127.0.0.1:{}", server.port());

    let data = folder.path().join("data");
    let coordinator = url("sheaf-coordinator:for-c00rdinators");
    let mut service = Service::start(&data, &format!("--redis {coordinator} --lease 2s"));
    write(folder.path(), "in/a", doc("1", "t", "x"));
    let client = |typed: &str| service.client(folder.path()).typed(typed).within(LONG).finish();

    // One that waits is looked at, put before others, paused and resumed; then a worker comes.
    client("submit in -o a.jsonl --id first").code(0);
    service.until_state("first", "running");
    let change = br#"{"priority":"high"}"#;
    service.request("PATCH", "/v1/jobs/first", change, "application/json").status(200);
    client("explain first").code(0);
    client("pause first").code(0);
    service.until_state("first", "paused");
    client("resume first").code(0);
    client("submit in -o a.jsonl --id second").code(0);
    client("cancel second").code(0);

    let place = Place::at(url("sheaf-worker:for-w0rkers"));
    let worker = place.worker("");
    client("wait first").code(0);
    service.get("/v1/workers").status(200);
    service.stop();
    drain(worker);

    let refused: Vec<redis::Value> = server.command(&["ACL", "LOG"]);
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_worker_privileges_end_the_run_with_advice() {
    let server = server!("missing_worker_privileges_end_the_run_with_advice");
    server.command::<()>(&[
        "ACL",
        "SETUSER",
        "half",
        "on",
        ">pass",
        "~*",
        "+@all",
        "-xreadgroup",
        "-blpop",
    ]);
    let place = Place::at(server.url());
    let run =
        place.new_run("-p 1").env("SHEAF_REDIS_USER", "half").env("SHEAF_REDIS_PASSWORD", "pass");
    run.finish().code(3).says(&["may not", "hint:"]);
}

fn with_passwords(users: &str) -> String {
    users
        .replace("CHANGE-ME-COORDINATOR", "for-c00rdinators")
        .replace("CHANGE-ME-WORKER", "for-w0rkers")
}
