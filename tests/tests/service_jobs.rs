//! Jobs of the real service: what becomes of them, and what users may do with them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sheaf_tests::service::{Service, files_below};
use sheaf_tests::{Run, corpus};

/// Writes `files` files of some records into `in/`.
fn inputs(folder: &Path, files: usize) {
    for file in 0..files {
        let text = format!("file {file} ").repeat(400);
        let docs: String = (0..5).map(|id| corpus::doc(&id.to_string(), "t", &text)).collect();
        corpus::write(&folder.join("in"), &format!("{file:05}.html"), docs);
    }
}

/// What `sheaf run in` writes.
fn expected(folder: &Path, output: &str, options: &str) -> Vec<u8> {
    let command = format!("run in -o expected-{output} -q {options}");
    Run::sheaf(folder).typed(&command).finish();
    fs::read(folder.join(format!("expected-{output}"))).unwrap()
}

#[test]
fn a_job_gives_what_a_run_gives() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 120);
    let service = Service::start(&folder.path().join("data"), "-p 2");

    let mut wish = service.wish(&files_below(folder.path(), "in"));
    wish["name"] = "nightly".into();
    wish["options"] = json!({"outputs": ["final.xlsx", "rows.csv.gz"], "source_column": "source"});
    let id = service.create(&wish);
    assert_eq!(id, "1");

    let job = service.until_state(&id, "done");
    assert_eq!(job["progress"]["files"], 120);
    assert_eq!(job["progress"]["rows"], 600);
    assert_eq!(job["outputs"][0]["name"], "final.xlsx");
    assert!(job["progress"]["seconds_to_first_row"].is_f64(), "{job}");

    let options = "--source-column";
    assert!(service.output(&id, 0) == expected(folder.path(), "final.xlsx", options));
    assert!(service.output(&id, 1) == expected(folder.path(), "rows.csv.gz", options));

    let summary = service.get("/v1/jobs/1/summary").status(200).json();
    assert_eq!(summary["rows"], 600);
    let log = service.get("/v1/jobs/1/log").status(200).body;
    assert_eq!(log.iter().filter(|byte| **byte == b'\n').count(), 121);
    let history = service.get("/v1/jobs/1/history").status(200).json();
    assert!(!history["samples"].as_array().unwrap().is_empty());
}

#[test]
fn the_same_id_means_the_same_job() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 2);
    let service = Service::start(&folder.path().join("data"), "-p 1");

    let mut wish = service.wish(&files_below(folder.path(), "in"));
    wish["id"] = "nightly-29".into();
    service.post("/v1/jobs", &wish).status(201);
    wish["options"] = json!({"outputs": ["other.csv"]});
    let there = service.post("/v1/jobs", &wish).status(200).json();
    assert_eq!(there["options"]["outputs"][0], "final.xlsx", "the first wish counts");

    for wrong in ["last", "..", "a/b", "-x"] {
        wish["id"] = wrong.into();
        service.post("/v1/jobs", &wish).status(400);
    }
}

#[test]
fn failed_files_are_found_and_retried() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 20);
    let service = Service::start(&folder.path().join("data"), "-p 2");

    let mut files = files_below(folder.path(), "in");
    files.insert(3, ("in/00002b.html".into(), b"%PDF-1.7 not a page".to_vec()));
    files.insert(9, ("in/00007b.html.gz".into(), b"not packed".to_vec()));
    let id = service.create(&service.wish(&files));
    let job = service.until_state(&id, "done-with-failures");
    assert_eq!(job["progress"]["files_failed"], 2);
    assert!(job["reason"].as_str().unwrap().contains("2 files"), "{job}");

    let failed = service.get("/v1/jobs/1/files?status=failed&search=00007B").status(200).json();
    assert_eq!(
        (failed["total"].clone(), failed["files"][0]["kind"].clone()),
        (1.into(), "misnamed".into())
    );
    assert_eq!(failed["kinds"], json!({"foreign": 1, "misnamed": 1}));

    // Nothing has changed, so they fail again; the others are not read.
    let before = service.output(&id, 0);
    service.post("/v1/jobs/1/retry", &json!({"kinds": ["misnamed"]})).status(200);
    let job = service.until_state(&id, "done-with-failures");
    assert_eq!(
        (job["retries"].clone(), job["progress"]["files_failed"].clone()),
        (1.into(), 2.into())
    );
    assert_eq!(job["progress"]["files_reused"], 21, "all but the one");
    assert!(service.output(&id, 0) == before);

    service.post("/v1/jobs/1/retry", &json!({"kinds": ["gone"]})).status(409);
    service.post("/v1/jobs/1/retry", &json!({"kinds": ["sick"]})).status(400);
}

#[test]
fn a_later_job_reuses_what_did_not_change() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 60);
    let service = Service::start(&folder.path().join("data"), "-p 2");
    let id = service.create(&service.wish(&files_below(folder.path(), "in")));
    service.until_state(&id, "done");

    corpus::write(&folder.path().join("in"), "00007.html", corpus::doc("1", "new", "text"));
    corpus::write(&folder.path().join("in"), "00007b.html", corpus::doc("2", "new", "text"));
    fs::remove_file(folder.path().join("in/00031.html")).unwrap();

    let id = service.create(&service.wish(&files_below(folder.path(), "in")));
    let job = service.until_state(&id, "done");
    assert_eq!(job["progress"]["files_reused"], 58, "{job}");
    assert!(service.output(&id, 0) == expected(folder.path(), "final.xlsx", ""));
}

#[test]
fn a_paused_job_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 1500);
    let service = Service::start(&folder.path().join("data"), "-p 1");
    let id = service.create(&service.wish(&files_below(folder.path(), "in")));

    service.until(&id, "some files are done", |job| job["progress"]["files"].as_u64() > Some(50));
    service.post("/v1/jobs/1/pause", &Value::Null).status(200);
    let paused = service.until_state(&id, "paused");
    assert!(paused["progress"]["files"].as_u64() < Some(1500), "{paused}");
    let explained = service.get("/v1/jobs/1/explain").status(200).json();
    assert_eq!(explained["reasons"][0]["code"], "paused");

    service.post("/v1/jobs/1/resume", &Value::Null).status(200);
    service.until_state(&id, "done");
    assert!(service.output(&id, 0) == expected(folder.path(), "final.xlsx", ""));
}

#[test]
fn a_cancelled_job_has_no_outputs() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 1500);
    let service = Service::start(&folder.path().join("data"), "-p 1");
    let id = service.create(&service.wish(&files_below(folder.path(), "in")));
    service.until_state(&id, "running");

    service.request("DELETE", "/v1/jobs/1", b"", "").status(409);
    service.post("/v1/jobs/1/cancel", &json!({"reason": "wrong folder"})).status(200);
    let job = service.until_state(&id, "cancelled");
    assert_eq!(job["reason"], "wrong folder");
    service.get("/v1/jobs/1/outputs/0").status(404);

    let refused = service.post("/v1/jobs/1/pause", &Value::Null).status(409).json();
    assert_eq!(refused["code"], "wrong-state");
    assert!(refused["hint"].as_str().unwrap().contains("retry"), "{refused}");

    service.request("DELETE", "/v1/jobs/1", b"", "").status(204);
    service.get("/v1/jobs/1").status(404);
    let jobs = fs::read_dir(folder.path().join("data/jobs")).unwrap().count();
    assert_eq!(jobs, 0, "nothing is left on the disk");
}

#[test]
fn too_many_failures_end_a_job_early() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 40);
    let service = Service::start(&folder.path().join("data"), "-p 1");

    let mut files = files_below(folder.path(), "in");
    for file in files.iter_mut().take(5) {
        file.1 = b"%PDF-1.7 ".to_vec();
    }
    let mut wish = service.wish(&files);
    wish["max_failures"] = "10%".into();
    let id = service.create(&wish);

    let job = service.until(&id, "it ends", |job| {
        job["state"] == "over-budget" || job["state"] == "done-with-failures"
    });
    assert_eq!(job["state"], "over-budget", "{job}");
    assert!(job["reason"].as_str().unwrap().contains("at most 4"), "{job}");

    wish["max_failures"] = "5".into();
    let id = service.create(&wish);
    service.until_state(&id, "done-with-failures");
}

#[test]
fn jobs_are_found_by_filters_and_selectors() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 1);
    let service = Service::start(&folder.path().join("data"), "-p 1");
    let mut wish = service.wish(&files_below(folder.path(), "in"));
    for name in ["alpha", "beta", "gamma", "delta"] {
        wish["name"] = name.into();
        service.create(&wish);
    }
    wish["id"] = "nightly".into();
    service.create(&wish);
    service.until_state("nightly", "done");

    let ids = |path: &str| -> Vec<String> {
        let page = service.get(path).status(200).json();
        let jobs = page["jobs"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("/v1/jobs"), ["nightly", "4", "3", "2", "1"]);
    assert_eq!(ids("/v1/jobs?name=AMM"), ["3"]);
    assert_eq!(ids("/v1/jobs?select=last,2-3,nig"), ["nightly", "2", "3"]);
    let first = service.get("/v1/jobs?limit=2").json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(ids(&format!("/v1/jobs?limit=2&after={next}")), ["3", "2"]);
    assert_eq!(ids("/v1/jobs?state=paused"), [""; 0]);

    service.get("/v1/jobs?state=asleep").status(400);
    service.get("/v1/jobs?select=7").status(404);
    service.get("/v1/jobs?since=yesterday").status(400);
}

#[test]
fn a_job_without_its_contents_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"), "-p 1");
    let absent = "ab".repeat(32);
    let wish = json!({"inputs": {"files": [{"path": "a", "sha256": absent, "size": 1}]}});

    let refused = service.post("/v1/jobs", &wish).status(409).json();
    assert_eq!(refused["code"], "contents-missing");
    assert_eq!(refused["missing"][0], absent);
    assert_eq!(service.get("/v1/jobs").json()["total"], 0);
}

#[test]
fn paths_are_read_below_roots_only() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path(), 30);
    corpus::write(folder.path(), "secret", "<doc id=1 title=t>secret</doc>");
    std::os::unix::fs::symlink("../secret", folder.path().join("in/link.html")).unwrap();
    let root = folder.path().join("in");
    let service =
        Service::start(&folder.path().join("data"), &format!("-p 1 --root {}", root.display()));

    let by_path = |path: &Path| json!({"inputs": {"paths": {"paths": [path]}}});
    let id = service.create(&by_path(&root));
    let job = service.until_state(&id, "done-with-failures");
    assert_eq!(job["progress"]["files_failed"], 1, "the link leads out: {job}");
    assert_eq!(job["progress"]["rows"], 150);

    for outside in [folder.path().join("secret"), root.join("../secret"), "/etc/passwd".into()] {
        let refused = service.post("/v1/jobs", &by_path(&outside)).status(403).json();
        assert_eq!(refused["code"], "path-not-allowed");
    }
}
