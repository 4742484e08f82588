//! `sheaf submit` as a client: what it asks for, and what it does when connections break. The service
//! plays a part, so that they break where a test wants it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sheaf_tests::Run;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::parts::{Uploads, job, page, script, service, uploads};
use sheaf_tests::run::Finished;
use sheaf_tests::script::{Answer, Script};
use tempfile::TempDir;

fn sheaf(folder: &Path, service: &Script, args: &str) -> Run {
    Run::sheaf(folder).env("SHEAF_SERVER", service.address()).typed(args)
}

#[track_caller]
fn prints(finished: &Finished, expected: &str) {
    assert_eq!(finished.stdout(), expected, "{finished}");
}

fn some_files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..5 {
        write(folder.path(), &format!("in/{number}"), doc("1", "t", &number.to_string()));
    }
    write(folder.path(), "in/same", doc("1", "t", "0"));
    folder
}

#[test]
fn without_a_service_a_hint_starts_one() {
    let folder = some_files();
    // Nobody listens on the port of a listener that is gone.
    let address = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", gone.local_addr().unwrap())
    };
    for args in ["submit in", "jobs", "wait 1", "fetch last", "cancel 1 2", "status 1"] {
        let finished =
            Run::sheaf(folder.path()).env("SHEAF_SERVER", &address).typed(args).finish().code(3);
        let words = format!("could not reach the service at {address}: connection refused");
        let said = finished.stderr();
        assert!(said.contains(&words), "{said}");
        assert!(said.contains("sheaf serve") && said.matches("error:").count() == 1, "{said}");
    }
}

#[test]
fn submit_prints_the_id_and_sends_files_once() {
    let folder = some_files();
    let (service, has) = uploads();

    let first = sheaf(folder.path(), &service, "submit in").finish().code(0);
    prints(&first, "1\n");
    let first = first.says(&["job 1: 6 files", "5 files sent", "1 file already there"]);
    assert!(!first.stderr().contains("error"));

    let again = sheaf(folder.path(), &service, "submit in --name again").finish().code(0);
    prints(&again, "2\n");
    again.says(&["6 files already there"]);
    let bundles = service.lines().iter().filter(|line| *line == "POST /v1/contents").count();
    assert_eq!(bundles, 1);

    let has = has.lock().unwrap();
    let paths: Vec<&str> = has.jobs[1]["inputs"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["in/0", "in/1", "in/2", "in/3", "in/4", "in/same"]);
    assert_eq!(has.jobs[1]["name"], "again");
}

#[test]
fn files_that_cannot_be_read_become_problems() {
    let folder = some_files();
    std::os::unix::fs::symlink("absent", folder.path().join("in/5")).unwrap();
    let (service, has) = uploads();

    let finished = sheaf(folder.path(), &service, "submit in -q").finish().code(0);
    prints(&finished, "1\n");
    finished.says(&["1 file cannot be read", "in/5", "leads nowhere"]);

    let file = has.lock().unwrap().jobs[0]["inputs"]["files"][5].clone();
    assert_eq!(file["path"], "in/5");
    assert!(file["problem"].is_object() && file.get("sha256").is_none(), "{file}");
}

#[test]
fn a_cut_upload_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 7).to_le_bytes()[0]).collect();
    write(folder.path(), "large", &content);

    let all = Arc::new(Mutex::new(Uploads::default()));
    let (played, cut) = (Arc::clone(&all), Arc::clone(&all));
    let mut cuts = 2;
    let service = Script::start(
        move |request| played.lock().unwrap().play(request),
        move |request| {
            if request.method != "PUT" || cuts == 0 {
                return None;
            }
            // As if the service had stored what came before the cut.
            cuts -= 1;
            let mut all = cut.lock().unwrap();
            let name = request.path.rsplit('/').next().unwrap();
            let stored = all.part(name).len();
            let piece = content[stored..stored + 1_000_000].to_vec();
            all.part(name).extend(piece);
            Some(1_000_000)
        },
    );

    let finished = sheaf(folder.path(), &service, "submit large").finish().code(0);
    prints(&finished, "1\n");
    let requests = service.requests();
    let ranges: Vec<&str> = requests
        .iter()
        .filter(|request| request.method == "PUT")
        .map(|request| request.header("content-range"))
        .collect();
    let rests = ["bytes 1000000-2999999/3000000", "bytes 2000000-2999999/3000000"];
    assert_eq!(ranges, ["", rests[0], rests[1]]);
}

#[test]
fn a_busy_service_is_waited_for() {
    let folder = some_files();
    let mut uploads = Uploads::default();
    let mut refusals = vec![
        Answer::problem(503, "unavailable", "the service is stopping"),
        Answer::problem(409, "busy", "somebody else is sending this content"),
        Answer::bytes(502, b"<html>a proxy</html>"),
        Answer::nothing(),
    ];
    let service = script(move |request| match request.line().as_str() {
        "POST /v1/contents" => refusals.pop().unwrap_or_else(|| uploads.play(request)),
        _ => uploads.play(request),
    });

    let finished = sheaf(folder.path(), &service, "submit in").finish().code(0);
    prints(&finished, "1\n");
    let tried = service.lines().iter().filter(|line| *line == "POST /v1/contents").count();
    assert_eq!(tried, 5);
}

#[test]
fn contents_removed_meanwhile_are_sent_again() {
    let folder = some_files();
    let (mut uploads, mut is_first) = (Uploads::default(), true);
    let service = script(move |request| {
        if request.line() == "POST /v1/jobs" && std::mem::take(&mut is_first) {
            uploads.whole.clear();
        }
        uploads.play(request)
    });

    prints(&sheaf(folder.path(), &service, "submit in").finish().code(0), "1\n");
    let created = service.lines().iter().filter(|line| *line == "POST /v1/jobs").count();
    assert_eq!(created, 2);
}

#[test]
fn an_id_that_is_there_uploads_nothing() {
    let folder = some_files();
    let service = script(|_| Answer::json(200, &job("nightly", "running", &[])));

    let finished = sheaf(folder.path(), &service, "submit in --id nightly").finish().code(0);
    prints(&finished, "nightly\n");
    finished.says(&["already there: nightly (running)"]);
    assert_eq!(service.lines(), ["GET /v1/jobs/nightly"]);
}

#[test]
fn a_lost_answer_is_not_asked_for_twice() {
    let folder = some_files();
    let mut uploads = Uploads::default();
    let mut losses = 1;
    let service = script(move |request| match request.line().as_str() {
        "POST /v1/jobs" if losses > 0 => {
            losses -= 1;
            Answer::nothing()
        }
        "GET /v1/jobs/x" => Answer::problem(404, "not-found", "there is no job `x`"),
        _ => uploads.play(request),
    });

    // Without an id, a second request could make a second job.
    let finished = sheaf(folder.path(), &service, "submit in").finish().code(3);
    finished.says(&["may have been submitted", "--id"]);
    let finished = sheaf(folder.path(), &service, "submit in --id x").finish().code(0);
    prints(&finished, "1\n");
}

#[test]
fn what_the_service_refuses_is_told_first() {
    let folder = some_files();
    let refusing = |field: &'static str, value: Value| {
        let mut service = service();
        service[field] = value;
        service["refusal"] = json!("the disk is almost full");
        script(move |_| Answer::json(200, &service))
    };

    let full = refusing("accepts", json!(false));
    sheaf(folder.path(), &full, "submit in").finish().code(3).says(&["the disk is almost full"]);
    let reader = refusing("may_write", json!(false));
    sheaf(folder.path(), &reader, "submit in").finish().code(3).says(&["only look", "full"]);
    let small = refusing("largest_content", json!(3));
    sheaf(folder.path(), &small, "submit in")
        .finish()
        .code(3)
        .says(&["in/0", "files of up to 3 B"]);
    let blind = refusing("takes_paths", json!(false));
    let by_path = sheaf(folder.path(), &blind, "submit in --by-path");
    by_path.finish().code(3).says(&["takes no paths", "--root"]);
    assert_eq!(full.lines(), ["GET /v1/service"]);
}

#[test]
fn a_token_goes_in_the_header_alone() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|request| match request.header("authorization") {
        "Bearer sesame" => page(&[]),
        _ => Answer::problem(401, "unauthorized", "a token is needed"),
    });

    let refused = sheaf(folder.path(), &service, "jobs").finish().code(3);
    refused.says(&["a token is needed", "SHEAF_TOKEN"]);
    sheaf(folder.path(), &service, "jobs").env("SHEAF_TOKEN", "sesame").finish().code(0);
    let file = write(folder.path(), "token", "sesame\n");
    sheaf(folder.path(), &service, "jobs").env("SHEAF_TOKEN_FILE", file).finish().code(0);
}
