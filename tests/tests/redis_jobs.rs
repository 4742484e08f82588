//! Jobs whose coordinators are gone: they are left alone, removed, listed, purged; and one whose
//! coordinator comes back goes on.
//!
//! Time is not waited for: the server's note of the last sign of life is set back instead.

use nix::sys::signal::Signal;
use serde_json::Value;
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, LEASE, RedisQueue};
use sheaf_tests::both::Both;
use sheaf_tests::conformance::take;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::job::LONG;
use sheaf_tests::make::{heavy, naps};
use sheaf_tests::place::{Place, says};
use sheaf_tests::process::wait_for;
use sheaf_tests::redis_server::{Options, RedisServer};
use sheaf_tests::{Run, Running, server};

/// More bytes than go through a script.
const LARGE: usize = 20_000;

/// Lets the last sign of life of each job be so long ago.
fn silent_for(server: &RedisServer, seconds: u64) {
    let [now, _]: [u64; 2] = server.command::<Vec<u64>>(&["TIME"]).try_into().unwrap();
    let then = ((now - seconds) * 1000).to_string();
    for key in server.command::<Vec<String>>(&["KEYS", "sheaf:*:alive"]) {
        for job in server.command::<Vec<String>>(&["ZRANGE", &key, "0", "-1"]) {
            server.command::<i64>(&["ZADD", &key, "XX", "CH", &then, &job]);
        }
    }
}

/// Looks after the jobs, as a process that has not done so yet.
async fn tend(server: &RedisServer) {
    server.queue(LEASE).await.tend().await.unwrap();
}

fn owner(output: &str) -> JobOwner {
    JobOwner { host: "here".into(), pid: 7, output: output.into(), ..JobOwner::default() }
}

/// The jobs of which tasks are leased, of all that wait.
async fn leased_jobs(queue: &Both<RedisQueue>) -> Vec<u64> {
    let mut jobs: Vec<u64> =
        take(queue, "a", 99).await.iter().map(|leased| leased.task.id.job.0).collect();
    jobs.sort_unstable();
    jobs.dedup();
    jobs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_job_is_parked_and_then_removed() {
    let server = server!("a_silent_job_is_parked_and_then_removed");
    let (dead, living) = (server.queue(LEASE).await, server.queue(LEASE).await);
    dead.open(JobId(1), owner("dead.csv")).await.unwrap();
    dead.push(&naps(1, 0..3)).await.unwrap();
    dead.push(&[heavy(1, 9, LARGE)]).await.unwrap();
    living.push(&naps(2, 0..3)).await.unwrap();

    silent_for(&server, 61);
    living.open(JobId(2), owner("living.csv")).await.unwrap();
    tend(&server).await;
    assert_eq!(leased_jobs(&living).await, [2], "nobody collects what would come of the other");
    let jobs = living.jobs().await.unwrap();
    let seen: Vec<_> =
        jobs.iter().map(|job| (job.job.0, job.is_abandoned, job.waiting, job.leased)).collect();
    assert_eq!(seen, [(1, true, 4, 0), (2, false, 0, 3)]);
    assert_eq!(jobs[0].owner.as_ref().unwrap().output, "dead.csv");
    assert!(jobs[0].bytes > LARGE as u64 && jobs[0].bytes > jobs[1].bytes, "{jobs:?}");

    // Its coordinator was only asleep.
    let back = server.queue(LEASE).await;
    back.open(JobId(1), owner("dead.csv")).await.unwrap();
    assert_eq!(leased_jobs(&living).await, [1]);

    silent_for(&server, 181);
    server.queue(LEASE).await.open(JobId(2), owner("living.csv")).await.unwrap();
    tend(&server).await;
    assert_eq!(
        server.command::<Vec<String>>(&["KEYS", "*0001:*"]),
        [""; 0],
        "something of it is left"
    );
    let left: Vec<u64> = living.jobs().await.unwrap().iter().map(|job| job.job.0).collect();
    assert_eq!(left, [2]);
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*0002:tasks"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_signs_ages_from_first_sight() {
    let server = server!("a_job_without_signs_ages_from_first_sight");
    let queue = server.queue(LEASE).await;
    queue.push(&naps(1, 0..3)).await.unwrap();
    tend(&server).await;
    assert_eq!(queue.jobs().await.unwrap()[0].waiting, 3);
    silent_for(&server, 181);
    tend(&server).await;
    assert!(queue.jobs().await.unwrap().is_empty());
}

/// What `sheaf queue --json` lists.
fn listed(place: &Place) -> Vec<Value> {
    let list = queue_command(place, "queue --json").finish().code(0);
    list.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn queue_command(place: &Place, typed: &str) -> Run {
    Run::sheaf(place.folder()).typed(typed).env("SHEAF_REDIS", place.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_run_removes_the_killed_runs_job() {
    let server = server!("a_resumed_run_removes_the_killed_runs_job");
    let place = Place::at(server.url());
    let worker = place.worker("");
    let run = place.started(20);
    let pid = run.pid();
    run.crash();
    let [left] = &listed(&place)[..] else { panic!("one job is left") };
    assert_eq!(
        (&left["owner"]["pid"], &left["owner"]["output"]),
        (&pid.into(), &"out/final.xlsx".into()),
        "{left}"
    );
    let table = queue_command(&place, "queue").finish().code(0);
    assert!(
        table.stdout().contains(left["job"].as_str().unwrap()) && table.stdout().contains("OWNER"),
        "{table}"
    );

    place.new_run("").finish().code(0);
    place.has_the_same_bytes();
    assert_eq!(listed(&place), [Value::Null; 0], "the job of the killed run is still there");
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*:tasks"]), [""; 0]);
    assert!(
        queue_command(&place, "queue").finish().code(0).stdout().contains("no job is on the queue")
    );
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_job_is_purged_goes_on() {
    let server = server!("a_run_whose_job_is_purged_goes_on");
    let place = Place::at(server.url());
    let _worker = place.worker("");
    let mut run = place.started(20);
    for percent in [50, 70] {
        let [job] = &listed(&place)[..] else { panic!("one job is there") };
        let purge = queue_command(&place, "queue purge").arg(job["job"].as_str().unwrap()).finish();
        assert!(purge.code(0).stdout().contains("removed"));
        place.reaches(&mut run, percent);
    }
    run.finish().code(0);
    place.has_the_same_bytes();

    let unknown = queue_command(&place, "queue purge 0123456789abcdef").finish();
    unknown.code(3).says(&["there is no job 0123456789abcdef", "hint:", "sheaf queue"]);
    queue_command(&place, "queue purge x").finish().code(2);
    let none = queue_command(&place, "queue purge --abandoned").finish().code(0);
    assert!(none.stdout().contains("no job is abandoned"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_outlives_the_removal_of_its_job() {
    let server = server!("a_coordinator_outlives_the_removal_of_its_job");
    let place = Place::at(server.url());
    let _worker = place.worker("");
    let run = place.started(20);
    run.signal(Signal::SIGSTOP);
    silent_for(&server, 181);
    wait_for("a worker to remove the job", LONG, || {
        server.command::<Vec<String>>(&["KEYS", "*:tasks"]).is_empty().then_some(())
    });
    run.signal(Signal::SIGCONT);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_jobs_on_full_servers_can_be_purged() {
    let options = Options::of("--maxmemory 200mb --maxmemory-policy noeviction");
    let server = server!("abandoned_jobs_on_full_servers_can_be_purged", options);
    let place = Place::at(server.url());
    let line = doc("1", "t", &"A line of plain words, long enough. ".repeat(800));
    for file in 0..12 {
        write(place.folder(), &format!("in/{file}"), line.repeat(1_000_000 / line.len()));
    }
    let run = |output: &str| {
        let run = Run::sheaf(place.folder()).typed("run in --redis-budget 8MiB -o").arg(output);
        run.env("SHEAF_REDIS", place.url()).within(LONG)
    };
    for output in ["a.csv", "b.csv", "c.csv"] {
        let run: Running = run(output).start();
        wait_for("the run to fill its budget", LONG, || {
            let bytes =
                listed(&place).into_iter().find(|job| job["owner"]["output"] == output)?["bytes"]
                    .as_u64()?;
            (bytes > 4_000_000).then_some(())
        });
        run.crash();
    }
    silent_for(&server, 61);
    // There is no room for anything now: what they hold is less than what the server uses.
    let held: u64 = listed(&place).iter().map(|job| job["bytes"].as_u64().unwrap()).sum();
    server.command::<()>(&["CONFIG", "SET", "maxmemory", &held.to_string()]);
    let fourth = run("d.csv").start();
    says(&fourth, "3 abandoned jobs hold");
    assert!(
        fourth.stderr().contains("`maxmemory`")
            && fourth.stderr().contains("queue purge --abandoned")
    );
    let purge = queue_command(&place, "queue purge --abandoned").finish().code(0);
    assert_eq!(purge.stdout().matches("removed").count(), 3, "{purge}");
    let _worker = place.worker("");
    fourth.finish().code(0);
}
