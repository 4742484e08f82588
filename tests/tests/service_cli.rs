//! The command line and the real service: what a user types, and what comes of it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sheaf_tests::Run;
use sheaf_tests::corpus::{doc, write, write_many};
use sheaf_tests::parts::hash;
use sheaf_tests::run::Finished;
use sheaf_tests::service::Service;
use tempfile::TempDir;

/// A folder with input files and one that fails, and a service with its data in another.
struct World {
    folder: TempDir,
    _data: TempDir,
    service: Service,
}

impl World {
    fn new(arguments: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_many(&folder.path().join("in"), 12, 8, Some(5));
        let data = tempfile::tempdir().unwrap();
        let service = Service::start(data.path(), &format!("-p 2 {arguments}"));
        World { folder, _data: data, service }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a file that cannot be read as it is named.
    fn with_failure(self) -> Self {
        write(self.path(), "in/bad.gz", "not packed");
        self
    }

    fn typed(&self, args: &str) -> Run {
        self.service.client(self.path()).typed(args)
    }

    fn run(&self, args: &str) -> Finished {
        self.typed(args).finish()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

#[track_caller]
fn prints(finished: &Finished, expected: &str) {
    assert_eq!(finished.stdout(), expected, "{finished}");
}

#[test]
fn submit_wait_and_fetch_are_a_run() {
    let world = World::new("");
    fs::create_dir(world.path().join("run")).unwrap();
    Run::sheaf(world.path()).typed("run in -o run/a.xlsx -o run/b.csv.gz").finish().code(0);

    let submitted = world.run("submit in -o a.xlsx -o b.csv.gz").code(0);
    prints(&submitted, "1\n");
    submitted.says(&["job 1: 12 files", "12 files sent"]);
    prints(&world.run("wait 1").code(0).says(&["job 1 is done: 12 files"]), "");

    fs::create_dir(world.path().join("got")).unwrap();
    prints(&world.run("fetch last -o got").code(0), "");
    for name in ["a.xlsx", "b.csv.gz"] {
        assert!(world.read(&format!("got/{name}")) == world.read(&format!("run/{name}")), "{name}");
    }
}

#[test]
fn waiting_writes_what_a_run_writes() {
    let world = World::new("").with_failure();
    let options = "-o final.xlsx -o -.csv --source-column --joblog log.tsv --summary sum.json";
    let run = Run::sheaf(world.path()).typed("run in").typed(options).finish().code(1);
    let xlsx = world.read("final.xlsx");
    let lines = world.read("log.tsv").iter().filter(|byte| **byte == b'\n').count();
    fs::remove_file(world.path().join("final.xlsx")).unwrap();

    let waited = world.typed("submit in --wait").typed(options).finish().code(1);
    assert!(waited.stdout == run.stdout, "other rows on standard output");
    assert!(world.read("final.xlsx") == xlsx, "other bytes in final.xlsx");
    assert_eq!(world.read("log.tsv").iter().filter(|byte| **byte == b'\n').count(), lines);
    let summary: Value = serde_json::from_slice(&world.read("sum.json")).unwrap();
    assert_eq!(summary["files"]["failed"], 1, "{summary}");
    waited.says(&["in/bad.gz", "sheaf retry 1"]);
}

#[test]
fn the_same_id_submits_once() {
    let world = World::new("");
    prints(&world.run("submit in --id nightly").code(0), "nightly\n");
    // Whatever the files are now.
    write(world.path(), "in/more", doc("9", "t", "x"));
    let again = world.run("submit in --id nightly").code(0);
    prints(&again, "nightly\n");
    again.says(&["already there: nightly"]);
    prints(&world.run("jobs -q").code(0), "nightly\n");
}

#[test]
fn wait_tells_how_a_job_ended() {
    let world = World::new("").with_failure();
    world.run("submit in --max-failures 0 --id strict").code(0);
    world.run("wait strict").code(6).says(&["strict"]);
    world.run("submit in --id loose").code(0);
    world.run("wait loose").code(1).says(&["1 of 13 files failed", "in/bad.gz"]);
    world.run("wait strict loose -q").code(6);

    world.run("submit in --id ended").code(0);
    world.run("pause ended");
    let cancelled = world.run("cancel ended --reason mistaken");
    if cancelled.status.success() {
        world.run("wait ended").code(5).says(&["was cancelled", "mistaken"]);
    }
    world.run("wait nobody").code(3).says(&["nobody", "sheaf jobs"]);
}

#[test]
fn a_download_is_taken_up() {
    let world = World::new("");
    world.run("submit in -o a.jsonl --wait").code(0);
    let whole = world.read("a.jsonl");
    fs::remove_file(world.path().join("a.jsonl")).unwrap();

    let partial = format!(".a.jsonl.{}.unfinished", &hash(&whole)[..16]);
    write(world.path(), &partial, &whole[..whole.len() / 2]);
    world.run("fetch 1").code(0);
    assert!(world.read("a.jsonl") == whole);
    assert!(!world.path().join(&partial).exists());

    // What an earlier attempt left may be damaged.
    write(world.path(), &partial, &whole[1..whole.len() / 2]);
    world.run("fetch 1").code(0);
    assert!(world.read("a.jsonl") == whole);
}

#[test]
fn paths_are_read_by_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    write_many(&root.join("in"), 5, 8, None);
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &format!("-p 2 --root {}", root.display()));

    let run = Run::sheaf(&root).typed("run").arg(root.join("in")).typed("-o run.csv");
    run.finish().code(0);
    let submit = service.client(&root).typed("submit in --by-path -o job.csv --wait");
    prints(&submit.finish().code(0), "1\n");
    assert!(fs::read(root.join("job.csv")).unwrap() == fs::read(root.join("run.csv")).unwrap());

    let outside = service.client(Path::new("/")).typed("submit etc/hostname --by-path").finish();
    outside.code(3);
}

#[test]
fn a_large_file_is_sent_once() {
    let world = World::new("");
    let large = doc("1", "t", &"many words ".repeat(300_000));
    write(world.path(), "large/a", &large);
    world.run("submit large -o a.csv --wait").code(0).says(&["1 file sent (3.30 MB)"]);
    world.run("submit large -o b.csv --wait").code(0).says(&["1 file already there"]);
    assert!(world.read("a.csv") == world.read("b.csv"));
    assert!(world.read("a.csv").len() > 3_000_000);
}

#[test]
fn jobs_are_looked_at_and_changed() {
    let world = World::new("").with_failure();
    world.run("submit in --name wiki --wait -q").code(1);

    let table = world.run("jobs").code(0).stdout();
    assert!(table.contains("wiki") && table.contains("done-with-failures"), "{table}");
    prints(&world.run("jobs --name wiki --since 1d --state done-with-failures -q").code(0), "1\n");
    prints(&world.run("jobs --state running -q").code(0), "");
    let json: Value = serde_json::from_str(&world.run("jobs --json").code(0).stdout()).unwrap();
    assert_eq!(json["progress"]["files_failed"], 1);

    let status = world.run("status last").code(0).stdout();
    assert!(status.starts_with("job 1 `wiki`: done-with-failures\n  100%"), "{status}");
    let explained = world.run("explain 1").code(0).stdout();
    assert!(explained.contains("done-with-failures") && explained.lines().count() > 1);

    let failed = world.run("logs 1 --failed").code(0);
    assert!(failed.stdout().starts_with("misnamed      in/bad.gz: "), "{failed}");
    assert_eq!(failed.stdout().lines().count(), 1);
    failed.says(&["1 file failed: 1 misnamed"]);
    assert_eq!(world.run("logs 1").code(0).stdout().lines().count(), 14);
    let lines = world.run("logs 1 --json").code(0).stdout();
    assert_eq!(lines.lines().count(), 13, "{lines}");

    world.run("set 1 --name other --priority low").code(0);
    let changed = world.run("status 1 --json").code(0).stdout();
    assert!(changed.contains(r#""name":"other""#) && changed.contains(r#""priority":"low""#));

    world.run("retry 1 --kind misnamed -q").code(0);
    world.run("wait 1").code(1);
    prints(&world.run("remove 1").code(0), "removed job 1 `other`\n");
    world.run("status 1").code(3).says(&["1", "sheaf jobs"]);
}
