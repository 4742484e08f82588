//! The disk of the service gets full: nothing new is taken, and nothing that was begun is lost.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sheaf_tests::mounts::Mount;
use sheaf_tests::process::wait_for;
use sheaf_tests::service::{Service, files_below, hash};
use sheaf_tests::{Run, corpus};

/// A small disk for the data folder, and a folder with files beside it.
struct World {
    folder: tempfile::TempDir,
    _disk: Mount,
}

impl World {
    fn new(test: &str, size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Mount::tmpfs(test, &folder.path().join("disk"), size)?;
        Some(World { folder, _disk: disk })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("disk/data")
    }

    /// Writes `files` files that cannot be packed well; returns what `sheaf run` makes of them.
    fn inputs(&self, files: usize) -> Vec<u8> {
        let mut dice = fastrand::Rng::with_seed(29);
        for file in 0..files {
            let text: String = (0..6000).map(|_| dice.alphanumeric()).collect();
            let docs = corpus::doc(&file.to_string(), "t", &text);
            corpus::write(&self.path().join("in"), &format!("{file:05}.html"), docs);
        }

        Run::sheaf(self.path()).typed("run in -o expected.xlsx -q").finish().code(0);
        fs::read(self.path().join("expected.xlsx")).unwrap()
    }

    /// Fills the disk up, but for some bytes.
    fn fill(&self, left: u64) {
        let disk = self.path().join("disk");
        let mut filler = fs::File::options();
        let mut filler = filler.create(true).append(true).open(disk.join("filler")).unwrap();
        let free = || {
            let seen = nix::sys::statvfs::statvfs(&disk).unwrap();
            seen.blocks_available() * seen.fragment_size()
        };

        while free() > left {
            let piece = (free() - left).min(64 << 10);
            if filler.write_all(&vec![7; usize::try_from(piece).unwrap()]).is_err() {
                return;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("disk/filler")).unwrap();
    }
}

/// Waits until `/readyz` has a status; returns what it says.
fn until_ready(service: &Service, status: u16) -> String {
    let what = format!("/readyz answers {status}");
    let body = wait_for(&what, Duration::from_secs(30), || {
        let answer = service.get("/readyz");
        (answer.status == status).then_some(answer.body)
    });
    String::from_utf8(body).unwrap()
}

#[test]
fn below_the_reserve_nothing_new_is_taken() {
    let Some(world) = World::new("below_the_reserve_nothing_new_is_taken", "24m") else { return };
    let expected = world.inputs(20);
    let service = Service::start(&world.data(), "-p 1 --reserve 4MiB");
    let mut wish = service.wish(&files_below(world.path(), "in"));
    let id = service.create(&wish);
    service.until_state(&id, "done");
    until_ready(&service, 200);

    world.fill(1 << 20);
    let why = until_ready(&service, 503);
    assert!(why.contains("must stay free"), "{why}");
    let seen = service.get("/v1/service").status(200).json();
    assert_eq!(seen["accepts"], false, "{seen}");
    assert!(seen["refusal"].as_str().unwrap().contains("must stay free"), "{seen}");

    let full = |answer: sheaf_tests::service::Answer| {
        let problem = answer.status(507).json();
        assert_eq!(problem["code"], "disk-full");
        assert!(problem["hint"].as_str().unwrap().contains("sheaf remove"), "{problem}");
    };
    full(service.post("/v1/jobs", &wish));
    let new = hash(b"new");
    full(service.request(
        "PUT",
        &format!("/v1/contents/{new}"),
        b"new",
        "application/octet-stream",
    ));
    let bundle = format!("{new} 3\nnew");
    full(service.request("POST", "/v1/contents", bundle.as_bytes(), "application/octet-stream"));
    let submit = service.client(world.path()).typed("submit in").finish().code(3);
    submit.says(&["the disk of the service", "hint: ", "sheaf remove"]);

    // What is there is still given, and an id that is there is no new job.
    assert!(service.output(&id, 0) == expected);
    wish["id"] = id.as_str().into();
    service.post("/v1/jobs", &wish).status(200);

    world.make_room();
    until_ready(&service, 200);
    wish["id"] = Value::Null;
    let id = service.create(&wish);
    service.until_state(&id, "done");
    assert!(service.output(&id, 0) == expected);
}

/// Runs a job on a disk that is too small for it. Returns when it waits.
fn full_while_running(world: &World, service: &Service) -> String {
    let wish = service.wish(&files_below(world.path(), "in"));
    world.fill(512 << 10);
    let id = service.create(&wish);

    let waits = service.until(&id, "it is queued again", |job| {
        assert!(job["state"] == "running" || job["state"] == "queued", "{job}");
        job["state"] == "queued" && !job["reason"].is_null()
    });
    assert!(waits["times"]["started"].is_string(), "{waits}");
    assert!(waits["hint"].as_str().unwrap().contains("by itself"), "{waits}");
    let explained = service.get(&format!("/v1/jobs/{id}/explain")).status(200).json();
    assert_eq!(explained["reasons"][0]["code"], "disk", "{explained}");
    id
}

#[test]
fn a_job_waits_until_there_is_room() {
    let Some(world) = World::new("a_job_waits_until_there_is_room", "24m") else { return };
    let expected = world.inputs(600);
    let service = Service::start(&world.data(), "-p 1");

    let id = full_while_running(&world, &service);
    world.make_room();
    let job = service.until_state(&id, "done");
    assert_eq!((&job["reason"], &job["hint"]), (&Value::Null, &Value::Null));
    assert!(service.output(&id, 0) == expected);
}

#[test]
fn a_service_starts_on_a_full_disk() {
    let Some(world) = World::new("a_service_starts_on_a_full_disk", "24m") else { return };
    let expected = world.inputs(600);
    let mut service = Service::start(&world.data(), "-p 1");

    let id = full_while_running(&world, &service);
    service.kill();
    world.fill(0);
    service.start_again();
    assert_eq!(service.job(&id)["state"], "queued");
    until_ready(&service, 503);

    world.make_room();
    service.until_state(&id, "done");
    assert!(service.output(&id, 0) == expected);
}
