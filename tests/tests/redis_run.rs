//! The same job over Redis, with real `sheaf-worker` processes: the same bytes as on one machine, whatever happens to
//! workers, server and network on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use sheaf_tests::corpus::{doc, write, write_many};
use sheaf_tests::process::wait_for;
use sheaf_tests::proxy::{Proxy, Way};
use sheaf_tests::redis_server::{Options, RedisServer, free_port};
use sheaf_tests::{Run, Running, worker_bin};
use tempfile::TempDir;

/// How long anything that a test waits for may take: builds for debugging are slow, and the machine may be busy.
const LONG: Duration = Duration::from_secs(120);

/// The leases of these tests: short, as some wait for their end.
const LEASE: &str = "2s";

/// Starts a server, or ends the test, said aloud, where there is none.
macro_rules! server {
    ($test:literal) => {
        server!($test, Options::default())
    };
    ($test:literal, $options:expr) => {
        match RedisServer::start_with($test, $options).await {
            Some(server) => server,
            None => return,
        }
    };
}

/// The inputs that all tests share, and what a run on this machine makes of them.
struct Job {
    inputs: PathBuf,
    xlsx: Vec<u8>,
    jsonl: Vec<u8>,
}

fn job() -> &'static Job {
    static JOB: OnceLock<Job> = OnceLock::new();
    JOB.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis_run");
        let _ = fs::remove_dir_all(&folder);
        write_many(&folder.join("in"), 40, 24, Some(8));
        Run::sheaf(&folder).typed("run in -o final.xlsx -o final.jsonl -p 2").finish().code(0);
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        Job { inputs: folder.join("in"), xlsx: read("final.xlsx"), jsonl: read("final.jsonl") }
    })
}

/// A folder for one test's outputs, and where its workers find the server.
struct Place {
    folder: TempDir,
    url: String,
    workers: AtomicUsize,
}

impl Place {
    fn at(url: impl Into<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        Place { folder, url: url.into(), workers: AtomicUsize::new(0) }
    }

    /// A worker with further arguments, not yet started.
    fn new_worker(&self, typed: &str) -> Run {
        let health = format!("health-{}", self.workers.fetch_add(1, Ordering::Relaxed));
        Run::of(&worker_bin(), self.folder.path())
            .env("SHEAF_REDIS", &self.url)
            .env("SHEAF_HEALTH_FILE", health)
            .env("SHEAF_LEASE", LEASE)
            .typed(typed)
    }

    /// A worker of one process that is connected.
    fn worker(&self, typed: &str) -> Running {
        let worker = self.new_worker("-p 1").typed(typed).start();
        connected(&worker);
        worker
    }

    /// The job, not yet started.
    fn new_run(&self, typed: &str) -> Run {
        Run::sheaf(self.folder.path())
            .env("SHEAF_REDIS", &self.url)
            .env("SHEAF_LEASE", LEASE)
            .arg("run")
            .arg(&job().inputs)
            .typed("-o out/final.xlsx -o out/final.jsonl")
            .typed(typed)
            .within(LONG)
    }

    /// Starts the job and waits until `percent` of its output is there.
    fn started(&self, percent: u64) -> Running {
        job(); // Made before the clock starts.
        let mut run = self.new_run("").start();
        self.reaches(&mut run, percent);
        run
    }

    fn reaches(&self, run: &mut Running, percent: u64) {
        let goal = (job().xlsx.len() + job().jsonl.len()) as u64 * percent / 100;
        wait_for(&format!("{percent} % of the output"), LONG, || {
            assert!(!run.has_ended(), "ended before {percent} %: {}", run.stderr());
            (size(&self.folder.path().join("out")) >= goal).then_some(())
        });
    }

    #[track_caller]
    fn has_the_same_bytes(&self) {
        let read = |name: &str| fs::read(self.folder.path().join("out").join(name)).unwrap();
        assert!(read("final.jsonl") == job().jsonl, "other bytes in final.jsonl");
        assert!(read("final.xlsx") == job().xlsx, "other bytes in final.xlsx");
        assert_eq!(fs::read_dir(self.folder.path().join("out")).unwrap().count(), 2, "nothing is left behind");
    }

    /// What `sheaf workers --json` lists.
    fn listed(&self) -> Vec<Value> {
        let list = Run::sheaf(self.folder.path()).typed("workers --json --redis").arg(&self.url).finish().code(0);
        list.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn connected(worker: &Running) {
    wait_for("the worker to be connected", LONG, || worker.stderr().contains("connected, waiting").then_some(()));
}

/// Waits until the process says something.
fn says(run: &Running, words: &str) {
    wait_for(words, LONG, || run.stderr().contains(words).then_some(()));
}

/// The bytes of all files below `folder`: the outputs, and what a run keeps beside them.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

/// Stops a worker by SIGTERM: it finishes what it holds.
fn drain(worker: Running) {
    worker.signal(Signal::SIGTERM);
    worker.finish().code(0).says(&["told to stop"]);
}

// ---- the same bytes

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_workers_gives_the_bytes_of_the_local_run() {
    let server = server!("any_number_of_workers_gives_the_bytes_of_the_local_run");
    for count in [1, 2, 5] {
        let place = Place::at(server.url());
        let workers: Vec<Running> = (0..count).map(|_| place.worker("")).collect();
        place.new_run("").finish().code(0);
        place.has_the_same_bytes();
        workers.into_iter().for_each(drain);
    }
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "sheaf:*:rows"]), [""; 0], "no rows are left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_by_path_give_the_same_bytes_below_a_root() {
    let server = server!("files_by_path_give_the_same_bytes_below_a_root");
    let place = Place::at(server.url());
    let root = job().inputs.parent().unwrap().display().to_string();
    let _workers = [place.worker(&format!("--root {root}")), place.worker(&format!("--root /proc --root {root}"))];
    place.new_run("--by-path").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relative_path_is_the_coordinators_and_stands_in_the_rows_as_it_was_typed() {
    let server = server!("a_relative_path_is_the_coordinators_and_stands_in_the_rows_as_it_was_typed");
    let place = Place::at(server.url());
    write(place.folder.path(), "here/in/a", doc("1", "t", "x"));
    let root = place.folder.path().join("here/in").display().to_string();
    let _worker = place.worker(&format!("--root {root}"));
    let run = |output: &str| {
        let typed = format!("run in --source-column -o {output}");
        Run::sheaf(&place.folder.path().join("here")).typed(&typed)
    };
    run("local.csv").finish().code(0);
    run("path.csv").typed("--by-path --redis").arg(&place.url).finish().code(0);
    let read = |name: &str| fs::read_to_string(place.folder.path().join("here").join(name)).unwrap();
    assert_eq!(read("path.csv"), read("local.csv"));
    assert!(read("local.csv").contains("in/a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outside_the_roots_is_reported_and_the_others_are_read() {
    let server = server!("a_file_outside_the_roots_is_reported_and_the_others_are_read");
    let place = Place::at(server.url());
    let folder = place.folder.path().canonicalize().unwrap();
    for (name, id) in [("open/a", "1"), ("open/c", "3"), ("secret/b", "2")] {
        write(&folder, name, doc(id, "t", "x"));
    }
    std::os::unix::fs::symlink(folder.join("secret/b"), folder.join("open/b")).unwrap();
    let _worker = place.worker(&format!("--root {}", folder.join("open").display()));
    let run = |input: &str, more: &str| {
        let typed = format!("run {input} -o out.jsonl --joblog log.tsv {more}");
        Run::sheaf(&folder).typed(&typed).env("SHEAF_REDIS", &place.url).finish()
    };
    run("open/a open/b secret/b open/c", "--by-path").code(1);
    let log = fs::read_to_string(folder.join("log.tsv")).unwrap();
    assert_eq!(log.matches("this worker may not open it: no --root covers").count(), 2, "{log}");
    let rows = fs::read_to_string(folder.join("out.jsonl")).unwrap();
    assert!(rows.lines().count() == 2 && rows.contains("\"1\"") && rows.contains("\"3\""), "{rows}");
    // What is shipped needs no root.
    run("open/a open/b secret/b open/c", "").code(0);
}

// ---- workers that come and go

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_half_way_is_replaced_by_the_other() {
    let server = server!("a_worker_killed_half_way_is_replaced_by_the_other");
    let place = Place::at(server.url());
    let (first, _second) = (place.worker(""), place.worker(""));
    let run = place.started(30);
    first.crash();
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_sleeps_past_its_lease_does_no_harm_when_it_wakes() {
    let server = server!("a_worker_that_sleeps_past_its_lease_does_no_harm_when_it_wakes");
    let place = Place::at(server.url());
    let first = place.worker("");
    let mut run = place.started(20);
    first.signal(Signal::SIGSTOP);
    // Only leases that have ended let the second one go past what the first one held.
    let second = place.worker("");
    place.reaches(&mut run, 50);
    first.signal(Signal::SIGCONT);
    run.finish().code(0);
    place.has_the_same_bytes();
    drain(first);
    drain(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_finishes_what_it_holds_and_another_goes_on() {
    let server = server!("a_worker_told_to_stop_finishes_what_it_holds_and_another_goes_on");
    let place = Place::at(server.url());
    let first = place.worker("");
    let run = place.started(20);
    first.signal(Signal::SIGTERM);
    first.finish().code(0).says(&["finished what was held"]);
    assert_eq!(place.listed(), [Value::Null; 0], "it left the list");
    let _second = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_when_the_grace_is_over_is_handed_back_at_once() {
    let server = server!("what_is_held_when_the_grace_is_over_is_handed_back_at_once");
    let place = Place::at(server.url());
    // Leases of a minute: whoever gets the nap soon got it from the one who had it.
    let slow = ["--lease 60s --grace 100ms", "--lease 60s --grace 60s"];
    for (grace, signals) in slow.into_iter().zip([1, 2]) {
        let first = place.worker(grace);
        let demo = || {
            let demo = Run::sheaf(place.folder.path()).typed("demo --items 1 --seconds 3 --redis");
            demo.arg(&place.url).within(Duration::from_secs(45)).start()
        };
        let demo = demo();
        wait_for("the nap to be leased", LONG, || {
            place.listed().iter().any(|worker| worker["busy"] == 1).then_some(())
        });
        first.signal(Signal::SIGTERM);
        if signals == 2 {
            says(&first, "told to stop");
            first.signal(Signal::SIGTERM);
        }
        first.finish().code(0).says(&["handing back what is held"]);
        let second = place.worker("--lease 60s");
        let told = demo.finish().code(0).stdout();
        assert!(told.contains("End item1"), "{told}");
        drain(second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_workers_says_so_and_goes_on_when_one_comes() {
    let server = server!("a_run_without_workers_says_so_and_goes_on_when_one_comes");
    let place = Place::at(server.url());
    job();
    let run = place.new_run("").start();
    says(&run, "no worker is connected to the queue `default`");
    let _worker = place.worker("");
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_with_what_they_do() {
    let server = server!("workers_are_listed_with_what_they_do");
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 3 --queue nightly --queue default --log-format json").start();
    connected(&worker);
    let log: Value = serde_json::from_str(worker.stderr().lines().next().unwrap()).unwrap();
    assert_eq!((&log["slots"], &log["queues"]), (&3.into(), &"nightly default".into()));
    assert_eq!(log["version"], env!("CARGO_PKG_VERSION"));

    // Both queues get the same processes.
    for queue in ["default", "nightly"] {
        let _ = fs::remove_dir_all(place.folder.path().join("out"));
        fs::create_dir(place.folder.path().join("out")).unwrap();
        place.new_run("--queue").arg(queue).finish().code(0);
        place.has_the_same_bytes();
    }
    let worker_of = || place.listed().pop().filter(|worker| worker["files_done"] == 80 && worker["busy"] == 0);
    let listed = wait_for("the list to tell of all files", LONG, worker_of);
    assert_eq!((&listed["slots"], &listed["queues"]), (&3.into(), &serde_json::json!(["nightly", "default"])));
    assert!(listed["bytes_done"].as_u64() > Some(2_000_000) && listed["seen_ms"].as_u64() < Some(30_000), "{listed}");

    let health = |code| {
        let check = Run::of(&worker_bin(), place.folder.path()).typed("health --health-file health-0");
        check.env("SHEAF_REDIS", &place.url).finish().code(code)
    };
    health(0);
    drain(worker);
    health(1).says(&["no worker"]);
    assert_eq!(place.listed(), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_run_is_not_stuck_behind_a_large_one() {
    let server = server!("a_small_run_is_not_stuck_behind_a_large_one");
    let place = Place::at(server.url());
    let _worker = place.worker("");
    let mut large = place.started(5);
    write(place.folder.path(), "small/a", doc("1", "t", "x"));
    let small = Run::sheaf(place.folder.path()).typed("run small -o small.jsonl --redis").arg(&place.url);
    small.finish().code(0);
    assert!(!large.has_ended(), "the large one was over before the small one: this shows nothing");
    large.finish().code(0);
    place.has_the_same_bytes();
}

// ---- a server that forgets, restarts, is cut off

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_server_is_filled_again() {
    let server = server!("a_flushed_server_is_filled_again");
    let place = Place::at(server.url());
    let _worker = place.worker("");
    let mut run = place.started(20);
    server.command::<()>(&["FLUSHALL"]);
    place.reaches(&mut run, 60);
    server.command::<()>(&["FLUSHALL"]);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_goes_on_with_and_without_its_data() {
    for arguments in [&["--appendonly", "yes", "--appendfsync", "everysec"][..], &[]] {
        let options = Options { arguments: arguments.iter().map(ToString::to_string).collect(), ..Options::default() };
        let mut server = server!("a_restarted_server_goes_on_with_and_without_its_data", options);
        let place = Place::at(server.url());
        let _workers = [place.worker(""), place.worker("")];
        let run = place.started(30);
        server.kill();
        server.restart().await;
        run.finish().code(0);
        place.has_the_same_bytes();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_breaks_is_survived() {
    let server = server!("a_network_that_breaks_is_survived");
    let proxy = Proxy::to(server.port()).await;
    let place = Place::at(proxy.url());
    let worker = place.worker("-v");
    let run = place.started(20);
    proxy.set(Way::Cut);
    says(&worker, "did not answer");
    proxy.set(Way::Open);
    run.finish().code(0);
    place.has_the_same_bytes();
    drain(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_a_server_that_is_not_there_yet() {
    let mut server = server!("a_worker_waits_for_a_server_that_is_not_there_yet");
    server.kill();
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 1").start();
    says(&worker, "waiting for Redis");
    server.restart().await;
    connected(&worker);
    drain(worker);
    server.kill();
    let waiting = place.new_worker("-p 1").start();
    says(&waiting, "waiting for Redis");
    waiting.signal(Signal::SIGTERM);
    waiting.finish().code(0);
}

// ---- servers that cannot be used, and secrets

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_said_with_a_hint_and_without_the_password() {
    let options = Options { password: Some("s3cret".into()), ..Options::default() };
    let server = server!("what_cannot_be_used_is_said_with_a_hint_and_without_the_password", options);
    let (port, nobody) = (server.port(), free_port());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    let not_redis = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = not_redis.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in not_redis.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut &client, b"HTTP/1.1 400 Bad Request\r\n\r\n");
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
            let run = Run::of(&program, folder.path()).typed(typed).typed("--redis").arg(url).within(LONG);
            let said = run.finish().code(3).says(&["error:", "hint:", words]);
            assert!(!said.stderr().contains("wr0ng") && !said.stdout().contains("wr0ng"), "{said}");
        }
    }
    let nobody = format!("redis://:s3cret@127.0.0.1:{nobody}");
    let said = Run::sheaf(folder.path()).typed("run in -o out.csv --redis").arg(&nobody).finish();
    let said = said.code(3).says(&["error:", "no Redis answers", "hint:", "is Redis running there"]);
    assert!(!said.stderr().contains("s3cret"), "{said}");

    // With the password in the environment, nobody sees it, and nothing repeats it.
    let place = Place::at(format!("redis://127.0.0.1:{port}"));
    let worker = place.new_worker("-p 1 -v").env("SHEAF_REDIS_PASSWORD", "s3cret").start();
    connected(&worker);
    let run = |typed: &str| {
        let run = Run::sheaf(folder.path()).typed(typed).env("SHEAF_REDIS", &place.url);
        run.env("SHEAF_REDIS_PASSWORD", "s3cret").finish().code(0)
    };
    let all = [run("run in -o out.csv -v"), run("workers"), run("workers --json"), run("run --help")];
    for said in all {
        assert!(!said.stdout().contains("s3cret") && !said.stderr().contains("s3cret"), "{said}");
    }
    assert!(!worker.stderr().contains("s3cret"), "{}", worker.stderr());
    drain(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_of_the_worker_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let run = |typed: &str| Run::of(&worker_bin(), folder.path()).typed(typed).finish().code(2);
    run("").says(&["no Redis is named", "hint:"]);
    run("--redis redis://h --root gone").says(&["`gone`"]);
    run("--redis redis://h --grace soon").says(&["--grace", "30s"]);
    run("--redis h:6379").says(&["expected", "hint:", "redis://h:6379"]);
    run("--redis redis://h -p 0").says(&["-p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_certificates_and_the_least_privileges_are_enough() {
    let acl = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/users.acl");
    let users = fs::read_to_string(acl).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "users.acl", format!("{}user default off\n", with_passwords(&users)));
    let arguments = vec!["--aclfile".into(), file.display().to_string()];
    let options = Options { arguments, tls: true, ..Options::default() };
    let server = server!("tls_with_certificates_and_the_least_privileges_are_enough", options);
    let place = Place::at(server.url());
    let as_user = |run: Run, user: &str, password: &str| {
        let run = run.env("SHEAF_REDIS_USER", user).env("SHEAF_REDIS_PASSWORD", password);
        let run = run.env("SHEAF_TLS_CA", server.file("ca.crt")).env("SHEAF_TLS_CERT", server.file("client.crt"));
        run.env("SHEAF_TLS_KEY", server.file("client.key"))
    };
    let worker = as_user(place.new_worker("-p 2"), "sheaf-worker", "for-w0rkers").start();
    connected(&worker);
    as_user(place.new_run(""), "sheaf-coordinator", "for-c00rdinators").finish().code(0);
    place.has_the_same_bytes();
    let list = Run::sheaf(place.folder.path()).typed("workers").env("SHEAF_REDIS", &place.url);
    let list = as_user(list, "sheaf-coordinator", "for-c00rdinators").finish().code(0);
    assert!(list.stdout().contains(" of 2 "), "{list}"); // How many are busy may be two seconds old.
    drain(worker);
    // Without the authority's certificate, nobody is trusted.
    let run = Run::sheaf(place.folder.path()).typed("workers").env("SHEAF_REDIS", &place.url);
    run.finish().code(3).says(&["TLS", "hint:"]);
}

fn with_passwords(users: &str) -> String {
    users.replace("CHANGE-ME-COORDINATOR", "for-c00rdinators").replace("CHANGE-ME-WORKER", "for-w0rkers")
}

// ---- memory

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_the_server_is_bounded_by_the_budget() {
    let server = server!("memory_of_the_server_is_bounded_by_the_budget");
    let place = Place::at(server.url());
    // 60 MB of text that costs little to read, and 12 times the budget.
    let line = doc("1", "t", &"A line of plain words, long enough. ".repeat(800));
    for file in 0..60 {
        write(place.folder.path(), &format!("in/{file}"), line.repeat(1_000_000 / line.len()));
    }
    let peak = || {
        let info: String = server.command(&["INFO", "memory"]);
        let field = info.lines().find_map(|line| line.strip_prefix("used_memory_peak:")).unwrap();
        field.trim().parse::<u64>().unwrap()
    };
    let before = peak();
    let worker = place.new_worker("-p 2").start();
    connected(&worker);
    let run = Run::sheaf(place.folder.path()).typed("run in -o out.csv --redis-budget 8MiB --redis").arg(&place.url);
    run.within(LONG).finish().code(0);
    let grown = peak() - before;
    // The budget counts what is shipped; Redis also has buffers of what comes and goes: a few MiB a connection.
    assert!(grown < 40 << 20, "{} MiB at the peak", grown >> 20);
    drain(worker);
}
