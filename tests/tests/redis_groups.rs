//! Several servers as one: a cluster, and a master with sentinels.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use redis::FromRedisValue;
use sheaf_tests::job::LONG;
use sheaf_tests::place::Place;
use sheaf_tests::process::wait_for;
use sheaf_tests::redis_server::{Options, RedisServer, free_port};
use sheaf_tests::server;
use tempfile::TempDir;

/// A cluster: the first has all slots, the second none, the third is the replica of the first.
struct Cluster {
    master: RedisServer,
    other: RedisServer,
    replica: RedisServer,
}

impl Cluster {
    async fn start(test: &str) -> Option<Self> {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let bus = free_port();
            let line =
                format!("--cluster-enabled yes --cluster-port {bus} --cluster-node-timeout 5000");
            nodes.push((RedisServer::start_with(test, Options::of(&line)).await?, bus));
        }
        let [(master, bus), (other, _), (replica, _)] =
            <[_; 3]>::try_from(nodes).ok().expect("three");
        master.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        for node in [&other, &replica] {
            let (port, bus) = (master.port().to_string(), bus.to_string());
            node.command::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        let id: String = master.command(&["CLUSTER", "MYID"]);
        for node in [&master, &other, &replica] {
            wait_for("the nodes to know each other", LONG, || {
                let info: String = node.command(&["CLUSTER", "INFO"]);
                (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3"))
                    .then_some(())
            });
        }
        replica.command::<()>(&["CLUSTER", "REPLICATE", &id]);
        wait_for("the replica to be one", LONG, || {
            let info: String = replica.command(&["INFO", "replication"]);
            info.contains("master_link_status:up").then_some(())
        });
        Some(Cluster { master, other, replica })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_follows_its_queue_across_cluster_nodes() {
    let Some(mut cluster) = Cluster::start("a_run_follows_its_queue_across_cluster_nodes").await
    else {
        return;
    };
    // The node that is named has nothing of it.
    let place = Place::at(cluster.other.url());
    let _workers = [place.worker(""), place.worker("")];
    let mut run = place.started(10);
    // In good order: the old master is there, and says who has the queue now.
    cluster.replica.command::<()>(&["CLUSTER", "FAILOVER"]);
    wait_for("the replica to be the master", LONG, || {
        cluster
            .replica
            .command::<String>(&["INFO", "replication"])
            .contains("role:master")
            .then_some(())
    });
    place.reaches(&mut run, 40);
    // And without a word.
    cluster.replica.kill();
    wait_for("the other one to be the master again", LONG, || {
        cluster.master.command::<redis::Value>(&["CLUSTER", "INFO"]);
        let client = redis::Client::open(cluster.master.url()).expect("a URL");
        let taken_over = redis::cmd("CLUSTER").arg("FAILOVER").arg("TAKEOVER").take();
        let _ = taken_over.query::<()>(&mut client.get_connection().expect("a connection"));
        cluster
            .master
            .command::<String>(&["INFO", "replication"])
            .contains("role:master")
            .then_some(())
    });
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_cluster_is_refused() {
    let server = server!(
        "a_database_of_a_cluster_is_refused",
        Options::of("--cluster-enabled yes --cluster-port 0")
    );
    let place = Place::at(format!("{}/1", server.url()));
    place.new_run("-p 1").finish().code(3).says(&["cluster", "no database numbers", "--queue"]);
    place.new_worker("-p 1").start().finish().code(3).says(&["no database numbers"]);
}

// ---- sentinels

/// A sentinel that watches a master named `jobs`; ended when dropped.
struct Sentinel {
    _folder: TempDir,
    port: u16,
    child: Child,
}

impl Sentinel {
    fn of(master: &RedisServer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor jobs 127.0.0.1 {} 1\n\
            sentinel down-after-milliseconds jobs 1000\nsentinel failover-timeout jobs 5000\n",
            master.port()
        );
        fs::write(&file, lines).expect("a file");
        let sentinel = Sentinel { child: spawn(&file), port, _folder: folder };
        wait_for("the sentinel to know the replica", LONG, || {
            let replicas: redis::Value = sentinel.ask(&["SENTINEL", "REPLICAS", "jobs"])?;
            matches!(replicas, redis::Value::Array(replicas) if replicas.len() == 1).then_some(())
        });
        sentinel
    }

    fn ask<T: FromRedisValue>(&self, words: &[&str]) -> Option<T> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).ok()?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut client.get_connection().ok()?).ok()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(file: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command
        .arg(file)
        .arg("--sentinel")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("redis-server starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_follows_a_failover_by_sentinels() {
    const NAME: &str = "a_run_follows_a_failover_by_sentinels";
    let mut master = server!(NAME);
    let replica = server!(NAME, Options::of(&format!("--replicaof 127.0.0.1 {}", master.port())));
    let sentinel = Sentinel::of(&master);
    // The first of them is not there.
    let place = Place::at(format!(
        "redis+sentinel://127.0.0.1:{},127.0.0.1:{}/jobs",
        free_port(),
        sentinel.port
    ));
    let _worker = place.worker("");
    let run = place.started(10);
    master.kill();
    wait_for("the replica to be the master", LONG, || {
        replica.command::<String>(&["INFO", "replication"]).contains("role:master").then_some(())
    });
    run.finish().code(0);
    place.has_the_same_bytes();

    let plain = Place::at(format!("redis://127.0.0.1:{}", sentinel.port));
    plain.new_run("-p 1").finish().code(3).says(&["Sentinel", "redis+sentinel://"]);
    let unknown = Place::at(format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port));
    unknown.new_run("-p 1").finish().code(3).says(&["knows no master `other`"]);
}
