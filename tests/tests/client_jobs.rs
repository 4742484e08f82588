//! The commands about jobs as clients: downloads, waiting, and errors of several jobs. The service plays
//! a part, so that connections break where a test wants it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sheaf_tests::Run;
use sheaf_tests::corpus::write;
use sheaf_tests::parts::{hash, job, output, page, script};
use sheaf_tests::place::says;
use sheaf_tests::run::Finished;
use sheaf_tests::script::{Answer, Script};

fn sheaf(folder: &Path, service: &Script, args: &str) -> Run {
    Run::sheaf(folder).env("SHEAF_SERVER", service.address()).typed(args)
}

#[track_caller]
fn prints(finished: &Finished, expected: &str) {
    assert_eq!(finished.stdout(), expected, "{finished}");
}

#[test]
fn several_meanings_of_a_job_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|_| {
        let mut problem = Answer::problem(409, "ambiguous", "several ids begin with `night`");
        problem.body.pop();
        problem.body.extend_from_slice(br#","candidates":["night-1","night-2"]}"#);
        problem
    });
    let finished = sheaf(folder.path(), &service, "wait night").finish().code(2);
    finished.says(&["several ids", "`night-1`, `night-2`"]);
}

const ROWS: &[u8] = b"id,title\n1,one\n2,two\n3,three\n";

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path(), "rows.csv", "old");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(&old, mode).unwrap();

    let mut cuts = 2;
    let service = script(move |request| match request.path.as_str() {
        "/v1/jobs/7/outputs/0" if cuts > 0 => {
            cuts -= 1;
            output(request, ROWS).cut(10)
        }
        "/v1/jobs/7/outputs/0" => output(request, ROWS),
        _ => page(&[job("7", "done", &[("rows.csv", ROWS)])]),
    });

    prints(&sheaf(folder.path(), &service, "fetch 7").finish().code(0), "");
    assert_eq!(fs::read(&old).unwrap(), ROWS);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&old).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(names(folder.path()), ["rows.csv"]);

    let requests = service.requests();
    let ranges: Vec<&str> = requests[1..].iter().map(|request| request.header("range")).collect();
    assert_eq!(ranges, ["", "bytes=10-", "bytes=20-"]);
}

#[test]
fn an_interrupted_download_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let partial = format!(".a.csv.{}.unfinished", &hash(ROWS)[..16]);
    write(folder.path(), &partial, &ROWS[..12]);
    let service = script(|request| match request.path.as_str() {
        "/v1/jobs/7/outputs/0" => output(request, ROWS),
        _ => page(&[job("7", "done", &[("rows.csv", ROWS)])]),
    });

    sheaf(folder.path(), &service, "fetch 7 -o a.csv").finish().code(0);
    assert_eq!(fs::read(folder.path().join("a.csv")).unwrap(), ROWS);
    assert_eq!(service.requests()[1].header("range"), "bytes=12-");
    assert_eq!(names(folder.path()), ["a.csv"]);
}

#[test]
fn damaged_bytes_never_become_an_output() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "rows.csv", "old");
    let damaged = [ROWS, b"x"].concat()[1..].to_vec();
    let service = script(move |request| match request.path.as_str() {
        "/v1/jobs/7/outputs/0" => Answer::bytes(200, &damaged),
        _ => page(&[job("7", "done", &[("rows.csv", ROWS)])]),
    });

    let finished = sheaf(folder.path(), &service, "fetch 7").finish().code(3);
    finished.says(&["`rows.csv` arrived damaged"]);
    assert_eq!(fs::read(folder.path().join("rows.csv")).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["rows.csv"]);
}

#[test]
fn a_name_never_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|request| match request.path.as_str() {
        "/v1/jobs/7/outputs/0" => output(request, ROWS),
        _ => page(&[job("7", "done", &[("../rows.csv", ROWS)])]),
    });
    sheaf(folder.path(), &service, "fetch 7").finish().code(3).says(&["../rows.csv", "-o FILE"]);
    let piped = sheaf(folder.path(), &service, "fetch 7 -o -").finish().code(0);
    assert_eq!(piped.stdout, ROWS);
}

#[test]
fn a_job_without_outputs_is_not_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|_| page(&[job("7", "running", &[])]));
    let finished = sheaf(folder.path(), &service, "fetch 7").finish().code(3);
    finished.says(&["is running", "sheaf wait 7"]);
}

#[test]
fn waiting_goes_on_when_the_service_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let running = job("7", "running", &[]);
    let done = job("7", "done-with-failures", &[]);
    let mut turns = vec![
        Answer::events(&[("job", running.clone()), ("job", done)]),
        Answer::nothing(),
        Answer::problem(503, "unavailable", "the service is starting"),
        Answer::events(&[("job", running.clone())]),
    ];
    let service = script(move |request| match request.path.as_str() {
        "/v1/jobs/7/events" => turns.pop().unwrap(),
        _ => page(std::slice::from_ref(&running)),
    });

    let finished = sheaf(folder.path(), &service, "wait 7").finish().code(1);
    let said = finished.stderr();
    assert_eq!(said.matches("trying again").count(), 1, "{said}");
    assert_eq!(said.matches("there again").count(), 1, "{said}");
    assert!(said.contains("job 7 is done"), "{said}");
}

#[test]
fn wait_exits_with_the_worst_end() {
    let folder = tempfile::tempdir().unwrap();
    let ends = [
        ("1", "done"),
        ("2", "done-with-failures"),
        ("3", "cancelled"),
        ("4", "over-budget"),
        ("5", "stopped"),
    ];
    let service = script(move |request| {
        let jobs = ends.map(|(id, state)| job(id, state, &[]));
        match request.path.strip_suffix("/events") {
            Some(path) => {
                let id = path.rsplit('/').next().unwrap();
                let job = jobs.into_iter().find(|job| job["id"] == id).unwrap();
                Answer::events(&[("job", job)])
            }
            None => {
                let (_, selector) = request.path.split_once("select=").unwrap();
                let chosen: Vec<Value> =
                    jobs.into_iter().filter(|job| job["id"] == selector).collect();
                page(&chosen)
            }
        }
    });

    let code = |args: &str, code: i32| {
        sheaf(folder.path(), &service, &format!("wait -q {args}")).finish().code(code)
    };
    code("1", 0);
    code("1 2", 1);
    code("3 2 1", 5);
    code("3 4 1", 6);
    code("5 4", 3);
    code("1 9", 3).says(&["no job `9`"]);
}

#[test]
fn waiting_ends_with_its_time_or_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|request| match request.path.as_str() {
        // The stream ends at once, as behind some proxies.
        "/v1/jobs/7/events" => Answer::events(&[("job", job("7", "paused", &[]))]),
        _ => page(&[job("7", "paused", &[])]),
    });

    let late = sheaf(folder.path(), &service, "wait 7 --timeout 500ms").finish().code(4);
    late.says(&["job 7 is still paused"]);

    let watch = sheaf(folder.path(), &service, "watch 7").start();
    says(&watch, "sheaf resume 7");
    watch.signal(nix::sys::signal::Signal::SIGINT);
    watch.finish().code(4).says(&["job 7 goes on", "sheaf watch 7"]);
    assert!(!service.lines().iter().any(|line| line.starts_with("POST")), "it only looks");
}

#[test]
fn one_error_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|request| match request.line().as_str() {
        "POST /v1/jobs/5/cancel" => {
            Answer::problem(409, "wrong-state", "job 5 is done, so it cannot be cancelled")
        }
        "POST /v1/jobs/4/cancel" => {
            assert_eq!(request.json(), json!({"reason": "a mistake"}));
            Answer::json(200, &job("4", "cancelling", &[]))
        }
        "POST /v1/jobs/6/cancel" => Answer::json(200, &job("6", "cancelled", &[])),
        _ => page(&["6", "5", "4"].map(|id| job(id, "running", &[]))),
    });

    let run = sheaf(folder.path(), &service, "cancel 4-6 -q --reason").arg("a mistake");
    let finished = run.finish().code(3);
    prints(&finished, "4\n6\n");
    finished.says(&["job 5 is done"]);
    assert!(service.lines()[0].ends_with("select=4-6"));
}

#[test]
fn a_log_goes_on_after_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let log = b"sequence\tpath\n0\ta\n1\tb\n";
    let mut cuts = 1;
    let service = script(move |request| match request.path.as_str() {
        "/v1/jobs/7/log" if cuts > 0 => {
            cuts -= 1;
            Answer::bytes(200, log).cut(8)
        }
        "/v1/jobs/7/log" => {
            assert_eq!(request.header("range"), "bytes=8-");
            Answer::bytes(206, &log[8..]).with("content-range", "bytes 8-99/100")
        }
        _ => page(&[job("7", "done", &[])]),
    });
    let finished = sheaf(folder.path(), &service, "logs 7").finish().code(0);
    assert_eq!(finished.stdout, log);
}

#[test]
fn jobs_are_listed_with_the_active_ones() {
    let folder = tempfile::tempdir().unwrap();
    let service = script(|request| {
        if request.path.contains("state=") {
            return page(&[job("9", "running", &[]), job("2", "paused", &[])]);
        }
        let recent = [job("9", "running", &[]), job("8", "done", &[])];
        Answer::json(200, &json!({"jobs": recent, "next": null, "total": 50}))
    });

    let listed = sheaf(folder.path(), &service, "jobs -q").finish().code(0);
    prints(&listed, "9\n8\n2\n");
    let table = sheaf(folder.path(), &service, "jobs").finish().code(0);
    assert_eq!(table.stdout().lines().count(), 4);
    table.says(&["47 jobs", "--all"]);
    let wrong = sheaf(folder.path(), &service, "jobs --state gone").finish().code(2);
    wrong.says(&["the states are queued, running"]);
}
