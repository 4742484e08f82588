//! The same over several hosts, set up as deploy/hosts.md says: each has a network of its own, and
//! reaches only Redis, by TLS, as its own user; no input is on a disk that they share.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use sheaf_tests::binary::repository;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::hosts::{Host, Network, Reach};
use sheaf_tests::job::{Job, LONG};
use sheaf_tests::process::wait_for;
use sheaf_tests::{Finished, Run, Running, sheaf_bin, skip_without, worker_bin};
use tempfile::TempDir;

/// The Redis host's name, which its certificate speaks of, and another of its names, of which it
/// does not.
const REDIS: &str = "redis.sheaf.test";
const IMPOSTOR: &str = "impostor.sheaf.test";
const PORT: u16 = 6379;

/// A Redis host as `deploy/hosts/setup` makes it, and those who were given what is theirs.
struct Cluster {
    server: Host,
    _redis: Running,
    network: Network,
    folder: TempDir,
}

impl Cluster {
    /// Starts Redis; the test `name` skips where it cannot.
    fn start(name: &str) -> Option<Self> {
        if skip_without(name, &["openssl", "redis-server", "redis-cli"]) {
            return None;
        }
        let mut network = Network::new(name)?;
        let folder = tempfile::tempdir().unwrap();
        for place in ["made", "job", "out", "work"] {
            fs::create_dir(folder.path().join(place)).unwrap();
        }
        let server = network.host(1, Reach::All);
        let setup = repository().join("deploy/hosts/setup");
        Run::of(&setup, folder.path())
            .typed("-o made")
            .arg(REDIS)
            .arg(server.address())
            .finish()
            .code(0);
        copy(&folder.path().join("made/redis"), &server.etc().join("redis/sheaf"));
        fs::rename(
            server.etc().join("redis/sheaf/redis-sheaf.conf"),
            server.etc().join("redis/redis-sheaf.conf"),
        )
        .unwrap();
        let redis = redis_server(&server, folder.path(), "/etc/redis/redis-sheaf.conf");
        Some(Cluster { server, _redis: redis, network, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A host that was given the folder of `role`, and nothing else of what this test has on the
    /// disk.
    fn host(&mut self, number: u8, role: &str) -> Host {
        let host = self.network.host(number, Reach::Servers);
        copy(&self.path("made").join(role), &host.etc().join("sheaf"));
        fs::write(
            host.etc().join("hosts"),
            format!("{} {REDIS} {IMPOSTOR}\n", self.server.address()),
        )
        .unwrap();
        match role {
            "worker" => ["made", "job", "out"]
                .iter()
                .fold(host, |host, place| host.without(&self.path(place))),
            _ => host.without(&self.path("made")),
        }
    }

    /// A program of ours on a host, in a folder that holds nothing.
    fn run(&self, host: &Host, program: &Path) -> Run {
        let health = self.path("work").join(host.address());
        host.run(program, &self.path("work"))
            .env("SHEAF_LEASE", "2s")
            .env("SHEAF_HEALTH_FILE", health)
            .within(LONG)
    }

    /// A worker of one process that is connected.
    fn worker(&self, host: &Host) -> Running {
        let mut worker = self.run(host, &worker_bin()).typed("-p 1").start();
        wait_for("the worker to be connected", LONG, || {
            assert!(!worker.has_ended(), "{}", worker.stderr());
            worker.stderr().contains("connected, waiting").then_some(())
        });
        worker
    }

    /// What Redis answers to a command of whoever has /etc/sheaf/*.env on `host`.
    fn redis_cli(&self, host: &Host, options: &str, command: &str) -> String {
        let typed = format!(
            "REDISCLI_AUTH=$SHEAF_REDIS_PASSWORD exec timeout 5 redis-cli -h {REDIS} {options} {command}"
        );
        let Finished { stdout, stderr, .. } =
            host.run(Path::new("sh"), &self.path("work")).arg("-c").arg(typed).finish();
        String::from_utf8([stdout, stderr].concat()).unwrap()
    }
}

/// A `redis-server` on a host that accepts connections.
fn redis_server(host: &Host, cwd: &Path, arguments: &str) -> Running {
    let mut redis = host
        .run(Path::new("sh"), cwd)
        .arg("-c")
        .arg(format!("exec redis-server {arguments} >&2"))
        .start();
    wait_for("redis-server to start", LONG, || {
        assert!(!redis.has_ended(), "{}", redis.stderr());
        redis.stderr().contains("Ready to accept connections").then_some(())
    });
    redis
}

/// Copies the files of a folder into another, which is made.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn workers_that_reach_only_redis_survive_a_cut() {
    let test = "workers_that_reach_only_redis_survive_a_cut";
    let Some(mut cluster) = Cluster::start(test) else { return };
    let job = Job::make(&cluster.path("job"));
    let coordinator = cluster.host(2, "coordinator");
    let [first, second] = [3, 4].map(|number| cluster.host(number, "worker"));

    // The input is on the coordinator's host, and on no other.
    let files = |host: &Host| {
        host.run(Path::new("ls"), &cluster.path("work")).arg(cluster.path("job")).finish().code(0)
    };
    assert!(files(&coordinator).stdout().contains("in"));
    assert_eq!((files(&first).stdout(), files(&second).stdout()), (String::new(), String::new()));

    // Somebody listens on a worker's host: Redis' host could reach it, the others cannot.
    let listener = redis_server(
        &second,
        &cluster.path("work"),
        "--port 7000 --bind 0.0.0.0 --protected-mode no",
    );
    assert!(cluster.server.reaches(second.address(), 7000), "nobody listens: this shows nothing");
    assert!(!first.reaches(second.address(), 7000) && !coordinator.reaches(second.address(), 7000));
    drop(listener);

    let workers = [&first, &second].map(|host| cluster.worker(host));
    let out = cluster.path("out");
    let run = cluster.run(&coordinator, &sheaf_bin()).arg("run").arg(&job.inputs);
    let outputs = ["final.xlsx", "final.jsonl"].map(|name| out.join(name));
    let mut run = run.arg("-o").arg(&outputs[0]).arg("-o").arg(&outputs[1]).start();
    job.reaches(&mut run, &out, 20);
    first.cut();
    assert!(!first.reaches(cluster.server.address(), PORT), "it is not cut off");
    // Only leases that have ended let the other one go past what the first one held.
    job.reaches(&mut run, &out, 60);
    first.join();
    run.finish().code(0);
    job.is_done(&out);
    for worker in workers {
        worker.signal(Signal::SIGTERM);
        worker.finish().code(0).says(&["told to stop"]);
    }
}

#[test]
fn redis_demands_tls_a_password_and_privileges() {
    let test = "redis_demands_tls_a_password_and_privileges";
    let Some(mut cluster) = Cluster::start(test) else { return };
    let [coordinator, worker] =
        [(2, "coordinator"), (3, "worker")].map(|(number, role)| cluster.host(number, role));
    let tls = "--tls --cacert /etc/sheaf/ca.crt";
    let ask = |host: &Host, command: &str| {
        cluster.redis_cli(
            host,
            &format!("{tls} --no-auth-warning --user \"$SHEAF_REDIS_USER\""),
            command,
        )
    };

    // What both may do shows that the refusals below are no broken connections.
    for host in [&coordinator, &worker] {
        let answer = ask(host, "time");
        assert!(answer.trim().parse::<u64>().is_err() && answer.lines().count() == 2, "{answer}");
    }
    let refused = |answer: String, words: &str| {
        assert!(
            words.split('|').any(|word| answer.contains(word)),
            "expected {words}, got {answer}"
        );
    };
    let plain = cluster.redis_cli(&worker, "", "ping");
    assert!(!plain.contains("PONG") && plain.contains("rror"), "without TLS: {plain}");
    refused(
        cluster.redis_cli(&worker, &format!("{tls} --user default --pass ''"), "ping"),
        "WRONGPASS",
    );
    refused(
        cluster.redis_cli(&worker, &format!("{tls} --user sheaf-worker --pass wrong"), "ping"),
        "NOAUTH",
    );
    for command in [
        "flushall",
        "config get '*'",
        "keys '*'",
        "acl list",
        "shutdown nosave",
        "hget other field",
    ] {
        for host in [&coordinator, &worker] {
            refused(ask(host, command), "NOPERM");
        }
    }
    // A worker must not do what is a coordinator's; and a script is no way round.
    refused(ask(&worker, "getdel 'sheaf:{default}:x'"), "NOPERM");
    refused(ask(&worker, "eval \"return redis.call('keys', '*')\" 0"), "can't run|ermission");

    // A coordinator may work, too: there is nobody else here.
    let file = write(&cluster.path("job"), "a", doc("1", "t", "x"));
    let run = cluster
        .run(&coordinator, &sheaf_bin())
        .typed("run -p 1 -o")
        .arg(cluster.path("out/a.csv"))
        .arg(file);
    run.finish().code(0);

    sheaf_trusts_no_other(&cluster, &coordinator);
}

/// Neither another authority, nor a server of another name.
fn sheaf_trusts_no_other(cluster: &Cluster, coordinator: &Host) {
    let other = cluster.path("other");
    let setup = repository().join("deploy/hosts/setup");
    Run::of(&setup, cluster.folder.path()).arg("-o").arg(&other).arg(REDIS).finish().code(0);
    let list =
        |typed: &str| cluster.run(coordinator, &sheaf_bin()).typed("workers").typed(typed).finish();
    list("").code(0);
    list("--redis-password wrong").code(3).says(&["refuses this user and password"]);
    list(&format!("--tls-ca {}", other.join("ca.crt").display()))
        .code(3)
        .says(&["certificate", "hint:"]);
    list(&format!("--redis rediss://{IMPOSTOR}")).code(3).says(&["certificate", "hint:"]);
}

#[test]
fn only_named_hosts_pass_the_firewall_to_redis() {
    let test = "only_named_hosts_pass_the_firewall_to_redis";
    if skip_without(test, &["nft"]) {
        return;
    }
    let Some(mut cluster) = Cluster::start(test) else { return };
    let [worker, stranger] = [3, 9].map(|number| cluster.host(number, "worker"));
    let reach = |host: &Host| host.reaches(cluster.server.address(), PORT);
    assert!(reach(&worker) && reach(&stranger), "without a firewall, all do");

    let rules = fs::read_to_string(repository().join("deploy/hosts/firewall.nft")).unwrap();
    let named = rules.replace("192.0.2.11, 192.0.2.12, 192.0.2.20", worker.address());
    assert_ne!(named, rules, "the page tells to put addresses in the place of these");
    let file = cluster.path("work/firewall.nft");
    fs::write(&file, named).unwrap();
    for _ in ["loaded", "loaded again"] {
        cluster
            .server
            .run(Path::new("nft"), cluster.folder.path())
            .arg("-f")
            .arg(&file)
            .finish()
            .code(0);
        assert!(reach(&worker) && !reach(&stranger));
    }
}
