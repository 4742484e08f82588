//! The service is killed and started again: its jobs go on, and give the same bytes.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::service::{Service, files_below};
use sheaf_tests::{Run, corpus, server, worker_bin};

fn inputs(folder: &Path, files: usize) -> Vec<u8> {
    for file in 0..files {
        let text = format!("file {file} ").repeat(700);
        let docs: String = (0..5).map(|id| corpus::doc(&id.to_string(), "t", &text)).collect();
        corpus::write(&folder.join("in"), &format!("{file:05}.html"), docs);
    }

    Run::sheaf(folder).typed("run in -o expected.xlsx -q").finish().code(0);
    std::fs::read(folder.join("expected.xlsx")).unwrap()
}

#[test]
fn killed_services_go_on_with_their_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let expected = inputs(folder.path(), 1200);
    let mut service = Service::start(&folder.path().join("data"), "-p 2");
    let mut wish = service.wish(&files_below(folder.path(), "in"));
    wish["max_failures"] = "5%".into();
    let ids = [service.create(&wish), service.create(&wish)];

    let mut dice = fastrand::Rng::with_seed(29);
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(dice.u64(50..900)));
        service.kill();
        service.start_again();
    }

    for id in &ids {
        service.until_state(id, "done");
        assert!(service.output(id, 0) == expected, "job {id} is another");
    }
}

#[test]
fn a_stopped_service_goes_on_with_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let expected = inputs(folder.path(), 1200);
    let mut service = Service::start(&folder.path().join("data"), "-p 1");
    let id = service.create(&service.wish(&files_below(folder.path(), "in")));
    service.until(&id, "some files are done", |job| job["progress"]["files"].as_u64() > Some(50));

    let log = service.stop();
    assert!(log.contains("all jobs are at rest"), "{log}");
    service.start_again();
    let job = service.until_state(&id, "done");
    assert!(job["progress"]["seconds"].as_f64() > Some(0.0));
    assert!(service.output(&id, 0) == expected);

    // Finished jobs are there after a restart, too, and their numbers are not given again.
    service.request("DELETE", "/v1/jobs/1", b"", "").status(204);
    service.kill();
    service.start_again();
    let id = service.create(&service.wish(&files_below(folder.path(), "in")));
    assert_eq!(id, "2");
}

#[test]
fn one_data_folder_has_one_service() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data, "-p 1");

    let second = Run::sheaf(folder.path()).typed("serve --listen 127.0.0.1:0 --data").arg(&data);
    let pid = format!("process {}", service.pid());
    second.finish().code(3).says(&["in use by another service", &pid, "--data"]);
}

#[tokio::test]
async fn two_services_share_one_redis() {
    let server = server!("two_services_share_one_redis");
    tokio::task::spawn_blocking(move || share(&server)).await.unwrap();
}

fn share(server: &RedisServer) {
    let folder = tempfile::tempdir().unwrap();
    let expected = inputs(folder.path(), 800);
    let files = files_below(folder.path(), "in");
    let redis = format!("--redis {}", server.url());
    let mut first = Service::start(&folder.path().join("one"), &redis);
    let second = Service::start(&folder.path().join("two"), &redis);

    // Nobody works yet, and each says so.
    let one = first.create(&first.wish(&files));
    let mut wish = second.wish(&files);
    wish["options"] = json!({"outputs": ["final.xlsx"]});
    let two = second.create(&wish);
    first.until_state(&one, "running");
    let explained = first.get("/v1/jobs/1/explain").status(200).json();
    assert_eq!(explained["reasons"][0]["code"], "no-workers", "{explained}");

    let worker = Run::of(&worker_bin(), folder.path()).typed(&format!("{redis} -p 2")).start();
    first.until(&one, "some files are done", |job| job["progress"]["files"].as_u64() > Some(20));
    first.kill();
    second.until_state(&two, "done");
    assert!(second.output(&two, 0) == expected);

    first.start_again();
    first.until_state(&one, "done");
    assert!(first.output(&one, 0) == expected);
    drop(worker);
}
