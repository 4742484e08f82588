//! What a run and a worker say of a server that refuses, and of others that were told something
//! else: what it is, and what to do; and that they go on when it has passed.

use std::fs;

use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, RedisSettings, WorkerInfo};
use sheaf_common::wire::FORMAT;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::job::{LONG, job};
use sheaf_tests::place::{Place, says};
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::wait::until;
use sheaf_tests::{Run, server};

/// Starts a run and a worker while a server refuses: both say `words`, the run nothing of missing
/// workers; then ends the refusal, and the run ends well.
fn both_say(server: &RedisServer, words: &str, relent: impl FnOnce(&RedisServer)) {
    let place = Place::at(server.url());
    job();
    let (run, worker) = (place.new_run("").start(), place.new_worker("-p 1").start());
    says(&run, words);
    says(&worker, words);
    assert!(!run.stderr().contains("no worker is connected"), "{}", run.stderr());
    relent(server);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_replicas() {
    let server = server!("too_few_replicas");
    server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    both_say(&server, "bring its replicas back", |server| {
        server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_on_which_the_server_cannot_save() {
    let server = server!("a_disk_on_which_the_server_cannot_save");
    fs::remove_dir_all(server.file("x").parent().unwrap()).unwrap();
    server.command::<()>(&["CONFIG", "SET", "save", "3600 1"]);
    let _: redis::Value = server.command(&["BGSAVE"]);
    let info = async || server.command::<String>(&["INFO", "persistence"]);
    until("the save fails", info, |info| info.contains("rdb_last_bgsave_status:err")).await;
    both_say(&server, "cannot save to its disk", |server| {
        server.command::<()>(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_becomes_a_replica() {
    let server = server!("a_master_that_becomes_a_replica");
    let place = Place::at(server.url());
    let worker = place.worker("");
    let run = place.started(10);
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    says(&worker, "has become a read-only replica");
    says(&run, "has become a read-only replica");
    assert!(!run.stderr().contains("no worker is connected"), "{}", run.stderr());
    server.command::<()>(&["REPLICAOF", "NO", "ONE"]);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_memory_of_clients() {
    let server = server!("a_limit_on_the_memory_of_clients");
    let place = Place::at(server.url());
    write(place.folder(), "in/a", doc("1", "t", &"A line of plain words. ".repeat(300_000)));
    server.command::<()>(&["CONFIG", "SET", "maxmemory-clients", "2mb"]);
    let run = Run::sheaf(place.folder())
        .typed("run in -o a.csv --redis")
        .arg(place.url())
        .within(LONG)
        .start();
    says(&run, "its `maxmemory-clients` allows");
    server.command::<()>(&["CONFIG", "SET", "maxmemory-clients", "0"]);
    let _worker = place.worker("");
    run.finish().code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_and_runs_of_another_wire_format() {
    let server = server!("workers_and_runs_of_another_wire_format");
    let place = Place::at(server.url());
    job();
    let info = WorkerInfo { wire: FORMAT + 1, ..worker_of_this_version("other") };
    let queue = server.queue(sheaf_common::queue::LEASE).await;
    queue.announce(&info).await.unwrap();
    // Of a build that is still at work when the test ends.
    server.command::<i64>(&["ZADD", "sheaf:{default}:seen", "XX", "CH", "99999999999999", "other"]);
    let other = format!("{}+{}", sheaf_common::VERSION, FORMAT + 1);
    server.command::<i64>(&["ZADD", "sheaf:{default}:versions", "99999999999999", &other]);
    let run = place.new_run("").start();
    says(&run, &format!("speak wire format {}, this is {FORMAT}", FORMAT + 1));
    let worker = place.worker("");
    says(&worker, &format!("it speaks wire format {}, this is {FORMAT}", FORMAT + 1));
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_of_another_length() {
    let server = server!("leases_of_another_length");
    let place = Place::at(server.url());
    job();
    let lease = std::time::Duration::from_secs(7);
    let queue = server.queue_with(RedisSettings { lease, ..server.settings(lease) }).await;
    queue
        .open(JobId(1), JobOwner { host: "there".into(), pid: 5, ..JobOwner::default() })
        .await
        .unwrap();
    let worker = place.worker("");
    says(&worker, "the run has `--lease 7000ms`, this worker 2000ms");
    drop(worker);
    queue
        .announce(&WorkerInfo { lease_ms: 7000, ..worker_of_this_version("other") })
        .await
        .unwrap();
    server.command::<i64>(&["ZADD", "sheaf:{default}:seen", "XX", "CH", "99999999999999", "other"]);
    let run = place.new_run("").start();
    says(&run, "the worker other has `--lease 7000ms`, this run 2000ms");
}

fn worker_of_this_version(id: &str) -> WorkerInfo {
    WorkerInfo { id: id.into(), version: sheaf_common::VERSION.into(), ..WorkerInfo::default() }
}
